// One-dimensional transforms of vectors, in registers.
//
// With points p and a tile of T = m + r - 1 elements (Lavin & Gray 2016; Toom 1963):
//   input    v = B^T x     T -> T    rows: coefficients of the products of (x - p_j)
//   output   y = A^T v     T -> m    entries p_i^k
//   spread   z = A y       m -> T    the output transform's transpose, for gradients
//   kernel   u = G w       r -> T    entries p_i^k / prod (p_i - p_j)
//   gather   w = G^T u     T -> r    the kernel transform's transpose, for gradients
// Elements are ordered 0, +p_1, -p_1, +p_2, ... , infinity.

#pragma once

#include "points.h"
#include "vector.h"

namespace neuropil {
namespace NEUROPIL_ISA {

template <int T>
static inline void input_transform(const Vec (&x)[T], Vec (&v)[T]) {
  constexpr int pairs = T / 2 - 1;
  constexpr EvenProduct<T> all(-1);
  v[0] = x[0] * float(all.c[0]);
  v[T - 1] = x[1] * float(all.c[0]);
  NEUROPIL_UNROLL
  for (int k = 1; k <= pairs; ++k) {
    v[0] += x[2 * k] * float(all.c[k]);
    v[T - 1] += x[2 * k + 1] * float(all.c[k]);
  }
  NEUROPIL_UNROLL
  for (int i = 0; i < pairs; ++i) {
    const EvenProduct<T> rest(i);
    Vec even = x[2] * float(rest.c[0]), odd = x[1] * float(rest.c[0]);
    NEUROPIL_UNROLL
    for (int k = 1; k < pairs; ++k) {
      even += x[2 * k + 2] * float(rest.c[k]);
      odd += x[2 * k + 1] * float(rest.c[k]);
    }
    v[1 + 2 * i] = even + odd * float(Points<T>::p[i]);
    v[2 + 2 * i] = even - odd * float(Points<T>::p[i]);
  }
}

template <int T, int M>
static inline void output_transform(const Vec (&v)[T], Vec (&y)[M]) {
  constexpr int pairs = T / 2 - 1;
  Vec sum[pairs], difference[pairs];
  NEUROPIL_UNROLL
  for (int i = 0; i < pairs; ++i) {
    sum[i] = v[1 + 2 * i] + v[2 + 2 * i];
    difference[i] = v[1 + 2 * i] - v[2 + 2 * i];
  }
  NEUROPIL_UNROLL
  for (int k = 0; k < M; ++k) {
    Vec total = k == 0 ? v[0] : Vec{};
    if (k == M - 1) total += v[T - 1];
    NEUROPIL_UNROLL
    for (int i = 0; i < pairs; ++i) {
      total += (k % 2 ? difference[i] : sum[i]) * float(power(Points<T>::p[i], k));
    }
    y[k] = total;
  }
}

template <int T, int M>
static inline void spread_transform(const Vec (&y)[M], Vec (&z)[T]) {
  constexpr int pairs = T / 2 - 1;
  z[0] = y[0];
  z[T - 1] = y[M - 1];
  NEUROPIL_UNROLL
  for (int i = 0; i < pairs; ++i) {
    Vec even{}, odd{};
    NEUROPIL_UNROLL
    for (int k = 0; k < M; ++k) {
      (k % 2 ? odd : even) += y[k] * float(power(Points<T>::p[i], k));
    }
    z[1 + 2 * i] = even + odd;
    z[2 + 2 * i] = even - odd;
  }
}

template <int T, int R>
static inline void kernel_transform(const Vec (&w)[R], Vec (&u)[T]) {
  constexpr int pairs = T / 2 - 1;
  u[0] = w[0] * float(1 / zero_scale<T>());
  u[T - 1] = w[R - 1];
  NEUROPIL_UNROLL
  for (int i = 0; i < pairs; ++i) {
    Vec even{}, odd{};
    NEUROPIL_UNROLL
    for (int k = 0; k < R; ++k) {
      (k % 2 ? odd : even) += w[k] * float(power(Points<T>::p[i], k) / pair_scale<T>(i));
    }
    u[1 + 2 * i] = even + odd;
    u[2 + 2 * i] = even - odd;
  }
}

template <int T, int R>
static inline void gather_transform(const Vec (&u)[T], Vec (&w)[R]) {
  constexpr int pairs = T / 2 - 1;
  Vec sum[pairs], difference[pairs];
  NEUROPIL_UNROLL
  for (int i = 0; i < pairs; ++i) {
    sum[i] = u[1 + 2 * i] + u[2 + 2 * i];
    difference[i] = u[1 + 2 * i] - u[2 + 2 * i];
  }
  NEUROPIL_UNROLL
  for (int k = 0; k < R; ++k) {
    Vec total = k == 0 ? u[0] * float(1 / zero_scale<T>()) : Vec{};
    if (k == R - 1) total += u[T - 1];
    NEUROPIL_UNROLL
    for (int i = 0; i < pairs; ++i) {
      const double factor = power(Points<T>::p[i], k) / pair_scale<T>(i);
      total += (k % 2 ? difference[i] : sum[i]) * float(factor);
    }
    w[k] = total;
  }
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
