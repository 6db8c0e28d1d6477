// Kernels for any processor: vectors of four, as of NEON and SSE.

#define NEUROPIL_NAME "generic"
#include "isa.inc"

namespace neuropil {
const Kernels* generic_kernels() { return &NEUROPIL_ISA::kKernels; }
}  // namespace neuropil

