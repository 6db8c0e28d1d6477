// The kernels of one instruction set, as the dispatcher sees them.

#pragma once

#include "pool.h"
#include "shape.h"

namespace neuropil {

struct Kernels {
  const char* name;
  int lanes;  // floats of a vector; a panel is two vectors
  void (*transform_weights)(const Shape&, const float* w, float* u, Pool&);
  void (*convolve)(const Shape&, const float* x, const float* u, const float* bias, Activation,
                   float* y, int64_t l2_bytes, Pool&);
  void (*weight_gradient)(const Shape&, const float* x, const float* dy, float* dw,
                          int64_t l2_bytes, Pool&);
  void (*direct)(const Shape&, const float* x, const float* w, const float* bias, Activation,
                 float* y, Pool&);
};

// Null where this build has none of that set.
const Kernels* avx512_kernels();
const Kernels* avx2_kernels();
const Kernels* generic_kernels();

}  // namespace neuropil
