// Register micro-kernels: a few rows times one panel of two vectors.

#pragma once

#include "vector.h"

namespace neuropil {
namespace NEUROPIL_ISA {

constexpr int kRows = kLanes == 16 ? 12 : kLanes == 8 ? 6 : 4;  // that fill the registers

// Of sums of one vector or two.
constexpr int most_rows(int vectors) { return 2 * kRows / vectors; }

// product[row][kPanel] = sum over k of rows[row][k] * panel[k][kPanel].
//
// `rows` holds groups of kLanes values of k: value k of a row lies at
// (k / kLanes) * group_step + row * kLanes + k % kLanes, so that every address in
// the inner loop is the group's plus a constant. The panel is fetched from L2 or beyond
// kAhead floats before it is needed; panels follow each other in memory.
constexpr int kAhead = 512;

template <int Rows, int Vectors>
static inline void multiply_rows(const float* rows, ptrdiff_t group_step, int groups,
                                 const float* panel, float* product) {
  Vec sum[Rows][Vectors] = {};
  const auto step = [&sum](const float* values, const float* panel) {
    Vec column[Vectors];
    NEUROPIL_UNROLL
    for (int j = 0; j < Vectors; ++j) {
      if (j * kLanes % 16 == 0) __builtin_prefetch(panel + kAhead + j * kLanes);
      column[j] = load(panel + j * kLanes);
    }
    NEUROPIL_UNROLL
    for (int r = 0; r < Rows; ++r) {
      const Vec value = broadcast(values[r * kLanes]);
      NEUROPIL_UNROLL
      for (int j = 0; j < Vectors; ++j) sum[r][j] += value * column[j];
    }
  };
  for (int g = 0; g < groups; ++g, rows += group_step) {
    for (int k = 0; k < kLanes; k += 4, panel += 4 * kPanel) {
      step(rows + k, panel);
      step(rows + k + 1, panel + kPanel);
      step(rows + k + 2, panel + 2 * kPanel);
      step(rows + k + 3, panel + 3 * kPanel);
    }
  }
  NEUROPIL_UNROLL
  for (int r = 0; r < Rows; ++r) {
    NEUROPIL_UNROLL
    for (int j = 0; j < Vectors; ++j) store(product + r * kPanel + j * kLanes, sum[r][j]);
  }
}

// The same for any number of rows up to the most; of the panel, one vector or both are wanted.
template <int Vectors>
static inline void multiply(int count, const float* rows, ptrdiff_t group_step, int groups,
                            const float* panel, float* product) {
#define NEUROPIL_CASE(n)                                                          \
  case n:                                                                         \
    if constexpr (n <= most_rows(Vectors)) {                                      \
      return multiply_rows<n, Vectors>(rows, group_step, groups, panel, product); \
    }                                                                             \
    break;
  switch (count) {
    NEUROPIL_CASE(1) NEUROPIL_CASE(2) NEUROPIL_CASE(3) NEUROPIL_CASE(4)
    NEUROPIL_CASE(5) NEUROPIL_CASE(6) NEUROPIL_CASE(7) NEUROPIL_CASE(8)
    NEUROPIL_CASE(9) NEUROPIL_CASE(10) NEUROPIL_CASE(11) NEUROPIL_CASE(12)
    NEUROPIL_CASE(13) NEUROPIL_CASE(14) NEUROPIL_CASE(15) NEUROPIL_CASE(16)
    NEUROPIL_CASE(17) NEUROPIL_CASE(18) NEUROPIL_CASE(19) NEUROPIL_CASE(20)
    NEUROPIL_CASE(21) NEUROPIL_CASE(22) NEUROPIL_CASE(23) NEUROPIL_CASE(24)
  }
#undef NEUROPIL_CASE
}

// total[kRowsOfGradient][kPanel] += sum over tiles of left[tile][row] * right[tile][kPanel].
constexpr int kGradientRows = kLanes == 16 ? 8 : 4;

static inline void accumulate(const float* left, int tiles, const float* right, float* total,
                              ptrdiff_t total_step) {
  Vec sum[kGradientRows][2];
#pragma GCC unroll 16
  for (int r = 0; r < kGradientRows; ++r) {
    sum[r][0] = load(total + r * total_step);
    sum[r][1] = load(total + r * total_step + kLanes);
  }
  for (int t = 0; t < tiles; ++t, left += kLanes, right += kPanel) {
    const Vec low = load(right), high = load(right + kLanes);
#pragma GCC unroll 16
    for (int r = 0; r < kGradientRows; ++r) {
      const Vec value = broadcast(left[r]);
      sum[r][0] += value * low;
      sum[r][1] += value * high;
    }
  }
#pragma GCC unroll 16
  for (int r = 0; r < kGradientRows; ++r) {
    store(total + r * total_step, sum[r][0]);
    store(total + r * total_step + kLanes, sum[r][1]);
  }
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
