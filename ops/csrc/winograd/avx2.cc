// Kernels for processors with AVX2.

#include "kernels.h"

#if defined(__AVX2__)
#define NEUROPIL_AVX2
#define NEUROPIL_NAME "avx2"
#include "isa.inc"

namespace neuropil {
const Kernels* avx2_kernels() { return &NEUROPIL_ISA::kKernels; }
}  // namespace neuropil
#else
namespace neuropil {
const Kernels* avx2_kernels() { return nullptr; }
}  // namespace neuropil
#endif
