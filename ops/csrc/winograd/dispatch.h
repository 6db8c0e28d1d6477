// Which kernels this process uses, and how large the caches are.

#pragma once

#include "kernels.h"

namespace neuropil {

// The widest instruction set of this CPU that was built, or the one that the environment
// variable NEUROPIL_ISA names (avx512, avx2, generic); throws std::invalid_argument where it
// names one that cannot run here.
const Kernels& kernels();

// Bytes of a core's L2 cache, and of the L3 cache that all share; guesses where unknown.
int64_t l2_bytes();
int64_t l3_bytes();

}  // namespace neuropil
