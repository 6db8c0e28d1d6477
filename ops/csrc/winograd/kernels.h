// The kernels of one instruction set, as the dispatcher sees them.

#pragma once

#include "pool.h"
#include "shape.h"

namespace neuropil {

// What follows a convolution.
struct Epilogue {
  const float* bias = nullptr;
  Activation activation = Activation::none;
};

// Bytes of a core's L2 cache, and of the L3 cache that all share.
struct Caches {
  int64_t l2, l3;
};

// How a convolution is done on so many threads.
struct Description {
  bool staged;
  int64_t block_tiles, blocks;   // of the fused schedule
  int64_t thread_bytes;          // of scratch memory of each thread
  int64_t shared_bytes;          // and of all
  int64_t gradient_bytes;        // of scratch memory of the weight gradient, of all threads
};

struct Kernels {
  const char* name;
  int lanes;  // floats of a vector; a panel is two vectors
  double (*multiply_add)(int64_t steps);
  void (*read_memory)(const float* data, int64_t floats);
  Description (*describe)(const Shape&, int64_t threads, const Caches&);
  void (*transform_weights)(const Shape&, const float* w, float* u, Pool&);
  void (*convolve)(const Shape&, const float* x, const float* u, const Epilogue&, float* y,
                   const Caches&, Pool&);
  void (*weight_gradient)(const Shape&, const float* x, const float* dy, float* dw,
                          const Caches&, Pool&);
  void (*direct)(const Shape&, const float* x, const float* w, const Epilogue&, float* y, Pool&);
};

// Null where this build has none of that set.
const Kernels* avx512_kernels();
const Kernels* avx2_kernels();
const Kernels* generic_kernels();

}  // namespace neuropil
