// Kernels for processors with AVX512.

#include "kernels.h"

#if defined(__AVX512F__)
#define NEUROPIL_AVX512
#define NEUROPIL_NAME "avx512"
#include "isa.inc"

namespace neuropil {
const Kernels* avx512_kernels() { return &NEUROPIL_ISA::kKernels; }
}  // namespace neuropil
#else
namespace neuropil {
const Kernels* avx512_kernels() { return nullptr; }
}  // namespace neuropil
#endif
