// Which kernels this process uses, and how large the caches are.

#pragma once

#include "kernels.h"

namespace neuropil {

// The widest instruction set of this CPU that was built, or the one that the environment
// variable NEUROPIL_ISA names (avx512, avx2, generic); throws std::invalid_argument where it
// names one that cannot run here.
const Kernels& kernels();

// Of this machine; guesses where unknown. Virtual machines may report caches that they do not
// own, so that sizes are kept within what a core can have.
const Caches& caches();

}  // namespace neuropil
