// The interpolation points of the transforms, and polynomials over them.
//
// A tile of T elements uses 0, T/2 - 1 pairs +-p, and infinity. The pairs make the
// rows of every transform come in twos that share their even and odd parts, which
// halves the work. Values: smallest error found over symmetric pairs.

#pragma once

namespace neuropil {

template <int T>
struct Points;
template <>
struct Points<4> {
  static constexpr double p[] = {1.0};
};
template <>
struct Points<6> {
  static constexpr double p[] = {5.0 / 8, 3.0 / 2};
};
template <>
struct Points<8> {
  static constexpr double p[] = {1.0 / 2, 1.0, 2.0};
};

// Coefficients of the product over k != skip of (z - p_k^2), lowest power first.
template <int T>
struct EvenProduct {
  static constexpr int pairs = T / 2 - 1;
  double c[pairs + 1] = {};

  constexpr explicit EvenProduct(int skip) {
    c[0] = 1;
    int degree = 0;
    for (int k = 0; k < pairs; ++k) {
      if (k == skip) continue;
      const double square = Points<T>::p[k] * Points<T>::p[k];
      ++degree;
      for (int i = degree; i >= 0; --i) c[i] = (i > 0 ? c[i - 1] : 0) - square * c[i];
    }
  }
};

constexpr double power(double base, int exponent) {
  double result = 1;
  for (int i = 0; i < exponent; ++i) result *= base;
  return result;
}

// The factor by which row i of the kernel transform is divided: the product of
// p_i - p_j over all other finite points, the same for +p and -p.
template <int T>
constexpr double pair_scale(int i) {
  const double square = Points<T>::p[i] * Points<T>::p[i];
  double scale = 2 * square;
  for (int k = 0; k < T / 2 - 1; ++k) {
    if (k != i) scale *= square - Points<T>::p[k] * Points<T>::p[k];
  }
  return scale;
}

template <int T>
constexpr double zero_scale() {
  double scale = 1;
  for (int k = 0; k < T / 2 - 1; ++k) scale *= -Points<T>::p[k] * Points<T>::p[k];
  return scale;
}

}  // namespace neuropil
