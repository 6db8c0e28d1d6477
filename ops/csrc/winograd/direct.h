// Direct convolution, for kernels of 1 and for few input channels, where a transform
// does not pay: rows of output pixels times a panel of output channels, in registers.

#pragma once

#include "boxes.h"
#include "epilogue.h"
#include "gemm.h"
#include "pool.h"
#include "workspace.h"

namespace neuropil {
namespace NEUROPIL_ISA {

constexpr int64_t kPixels = 20 * kRows;  // of an item of work

// sum[row] += source[row * row_step + k] * panel[k] over k. Long sums are added up apart
// first, so that rounding errors grow with the root of their number of terms.
constexpr int64_t kLong = 48;

template <int Rows, int Vectors>
static void add_rows(const float* source, int64_t row_step, int64_t depth, const float* panel,
                     Vec (&sum)[kRows][2]) {
  Vec own[Rows][Vectors];
  const bool apart = depth >= kLong;
  NEUROPIL_UNROLL
  for (int r = 0; r < Rows; ++r) {
    NEUROPIL_UNROLL
    for (int j = 0; j < Vectors; ++j) own[r][j] = apart ? Vec{} : sum[r][j];
  }
  for (int64_t k = 0; k < depth; ++k, panel += kPanel) {
    Vec column[Vectors];
    NEUROPIL_UNROLL
    for (int j = 0; j < Vectors; ++j) column[j] = load(panel + j * kLanes);
    NEUROPIL_UNROLL
    for (int r = 0; r < Rows; ++r) {
      const Vec value = broadcast(source[r * row_step + k]);
      NEUROPIL_UNROLL
      for (int j = 0; j < Vectors; ++j) own[r][j] += value * column[j];
    }
  }
  NEUROPIL_UNROLL
  for (int r = 0; r < Rows; ++r) {
    NEUROPIL_UNROLL
    for (int j = 0; j < Vectors; ++j) sum[r][j] = apart ? sum[r][j] + own[r][j] : own[r][j];
  }
}

// The same for any number of rows up to kRows.
template <int Vectors>
static void add_products(int rows, const float* source, int64_t row_step, int64_t depth,
                         const float* panel, Vec (&sum)[kRows][2]) {
#define NEUROPIL_CASE(n)                                                                   \
  case n:                                                                                  \
    if constexpr (n <= kRows) {                                                            \
      return add_rows<(n <= kRows ? n : 1), Vectors>(source, row_step, depth, panel, sum); \
    }                                                                                      \
    break;
  switch (rows) {
    NEUROPIL_CASE(1) NEUROPIL_CASE(2) NEUROPIL_CASE(3) NEUROPIL_CASE(4)
    NEUROPIL_CASE(5) NEUROPIL_CASE(6) NEUROPIL_CASE(7) NEUROPIL_CASE(8)
    NEUROPIL_CASE(9) NEUROPIL_CASE(10) NEUROPIL_CASE(11) NEUROPIL_CASE(12)
  }
#undef NEUROPIL_CASE
}

// Taps along axis 2 whose inputs follow each other: all of a row, or each for itself.
static inline int64_t together(const Shape& s) { return s.steps[2] == 1 ? s.kernel[2] : 1; }

// Kernels as [panel][row of taps][taps together * cin][kPanel]; channels that are not there are 0.
static void pack(const Shape& s, const float* w, float* packed) {
  const int64_t depth = together(s) * s.cin;
  const int64_t rows = int64_t(s.kernel[0]) * s.kernel[1] * s.kernel[2] * s.cin / depth;
  const int64_t panels = ceil_div(s.cout, kPanel);
  for (int64_t panel = 0; panel < panels; ++panel) {
    const int64_t first = panel * kPanel, count = std::min<int64_t>(kPanel, s.cout - first);
    for (int64_t k = 0; k < rows * depth; ++k, packed += kPanel) {
      std::fill_n(packed, kPanel, 0.0f);
      std::copy_n(w + k * s.cout + first, count, packed);
    }
  }
}

static void direct(const Shape& s, const float* x, const float* w, const Epilogue& epilogue,
                   float* y, Pool& pool) {
  const int64_t depth = together(s) * s.cin, panels = ceil_div(s.cout, kPanel);
  const int64_t apart = s.kernel[2] / together(s);  // rows of taps for one along axis 1
  const int64_t tap_rows = int64_t(s.kernel[0]) * s.kernel[1] * apart;
  const int64_t chunks = ceil_div(s.out[2], kPixels);
  const int64_t wide = (std::min(kPixels, s.out[2]) + together(s) - 1) * s.cin;
  const int64_t floats = round_up(tap_rows * wide, 16);
  const Workspace packed(panels * tap_rows * depth * kPanel), rows(floats * pool.threads());
  pack(s, w, packed.data());
  parallel_for(pool, s.batch * s.out[0] * s.out[1] * chunks, [&](int worker, int64_t item) {
    const int64_t begin = item % chunks * kPixels, end = std::min(begin + kPixels, s.out[2]);
    const int64_t h = item / chunks % s.out[1], d = item / chunks / s.out[1] % s.out[0];
    const int64_t n = item / chunks / s.out[1] / s.out[0];
    // The input rows under this stretch, with zeros where they leave the image.
    float* const own = rows.data() + worker * floats;
    const float* source[125];
    for (int64_t t = 0; t < tap_rows; ++t) {
      const int64_t row_of_taps = t / apart;
      const int64_t z = d + row_of_taps / s.kernel[1] * s.steps[0] - s.pad[0];
      const int64_t r = h + row_of_taps % s.kernel[1] * s.steps[1] - s.pad[1];
      source[t] = nullptr;
      if (z < 0 || z >= s.in[0] || r < 0 || r >= s.in[1]) continue;
      const float* row = x + ((n * s.in[0] + z) * s.in[1] + r) * s.in[2] * s.cin;
      const int64_t first = begin + t % apart * s.steps[2] - s.pad[2];
      const int64_t last = first + end - begin + together(s) - 1;
      source[t] = row + first * s.cin;
      if (first >= 0 && last <= s.in[2]) continue;
      float* const copy = own + t * wide;
      std::fill_n(copy, (last - first) * s.cin, 0.0f);
      const int64_t from = std::max<int64_t>(first, 0), to = std::min(last, s.in[2]);
      if (from < to) std::copy(row + from * s.cin, row + to * s.cin, copy + (from - first) * s.cin);
      source[t] = copy;
    }
    float* const target = y + ((n * s.out[0] + d) * s.out[1] + h) * s.out[2] * s.cout;
    for (int64_t panel = 0; panel < panels; ++panel) {
      const int64_t first = panel * kPanel;
      Vec bias[2];
      int lanes[2];
      for (int half = 0; half < 2; ++half) {
        const int64_t left = s.cout - first - half * kLanes;
        lanes[half] = int(std::max<int64_t>(0, std::min<int64_t>(kLanes, left)));
        bias[half] = epilogue.bias ? load_some(epilogue.bias + first + half * kLanes, lanes[half])
                                   : Vec{};
      }
      const auto add = lanes[1] > 0 ? add_products<2> : add_products<1>;
      for (int64_t w0 = begin; w0 < end; w0 += kRows) {
        const int count = int(std::min<int64_t>(kRows, end - w0));
        Vec sum[kRows][2] = {};
        for (int64_t t = 0; t < tap_rows; ++t) {
          if (source[t] == nullptr) continue;
          add(count, source[t] + (w0 - begin) * s.cin, s.cin, depth,
              packed.data() + (panel * tap_rows + t) * depth * kPanel, sum);
        }
        for (int r = 0; r < count; ++r) {
          float* const to = target + (w0 + r) * s.cout + first;
          for (int half = 0; half < 2; ++half) {
            const Vec value = activate(sum[r][half] + bias[half], epilogue.activation);
            if (lanes[half] == kLanes) {
              store(to + half * kLanes, value);
            } else if (lanes[half] > 0) {
              store_some(to + half * kLanes, value, lanes[half]);
            }
          }
        }
      }
    }
  });
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
