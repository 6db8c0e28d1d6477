// What follows a convolution, applied while its result is still in registers.

#pragma once

#include "kernels.h"
#include "vector.h"

namespace neuropil {
namespace NEUROPIL_ISA {

typedef int IntVec __attribute__((vector_size(4 * kLanes)));

static inline Vec choose(IntVec where, Vec then, Vec otherwise) {
  return where ? then : otherwise;
}

// e^x to about 2 ulp, by 2^n times a polynomial on [-ln 2 / 2, ln 2 / 2].
static inline Vec exponential(Vec x) {
  const Vec low = broadcast(-87.0f), high = broadcast(88.0f);
  const IntVec is_nan = x != x;
  Vec bounded = choose(x < low, low, x);
  bounded = choose(bounded > high, high, bounded);
  const Vec magic = broadcast(12582912.0f);  // 1.5 * 2^23: rounds to the nearest integer
  const Vec n = bounded * 1.44269504f + magic - magic;
  const Vec r = bounded - n * 0.693359375f + n * 2.12194440e-4f;
  Vec p = broadcast(1.9875691500e-4f);
  p = p * r + 1.3981999507e-3f;
  p = p * r + 8.3334519073e-3f;
  p = p * r + 4.1665795894e-2f;
  p = p * r + 1.6666665459e-1f;
  p = p * r + 5.0000001201e-1f;
  p = p * r * r + r + 1.0f;
  const IntVec exponent = (__builtin_convertvector(n, IntVec) + 127) << 23;
  Vec power;
  __builtin_memcpy(&power, &exponent, sizeof power);
  return choose(is_nan, x, p * power);
}

static inline Vec activate(Vec x, Activation activation) {
  switch (activation) {
    case Activation::none:
      return x;
    case Activation::relu:
      return choose(x < 0.0f, Vec{}, x);  // keeps NaN
    case Activation::elu:
      return choose(x > 0.0f, x, exponential(choose(x > 0.0f, Vec{}, x)) - 1.0f);
    case Activation::gelu: {  // by tanh, as jax.nn.gelu: x * sigmoid(2 sqrt(2/pi) (x + 0.044715 x^3))
      const Vec inner = (x + x * x * x * 0.044715f) * -1.595769122f;
      return x / (exponential(inner) + 1.0f);
    }
  }
  return x;
}

// The choice is made once for all values.
template <int Count>
static inline void activate_all(Vec (&values)[Count], Activation activation) {
  if (activation == Activation::relu) {
    NEUROPIL_UNROLL
    for (int k = 0; k < Count; ++k) values[k] = activate(values[k], Activation::relu);
  } else if (activation != Activation::none) {
    for (int k = 0; k < Count; ++k) values[k] = activate(values[k], activation);
  }
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
