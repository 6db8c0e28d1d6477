// A transform along one axis of a tile: many lines of vectors, each a fixed step
// apart. Tiles of any rank are transformed by one pass for each axis that is not
// trivial, so that code is needed for each size of an axis, not for each shape.

#pragma once

#include <algorithm>

#include "transforms.h"

namespace neuropil {
namespace NEUROPIL_ISA {

// Where the elements of a line lie, and where lines begin; all in floats.
struct Lines {
  const float* from;
  float* to;
  ptrdiff_t from_step, to_step;              // between the elements of a line
  int outer, inner;                          // numbers of lines
  ptrdiff_t from_outer, to_outer;            // between lines
  ptrdiff_t from_inner, to_inner;
};

using Pass = void (*)(const Lines&);

template <int In, int Out, typename Transform>
static inline void each_line(const Lines& given, Transform transform) {
  const Lines lines = given;  // a copy that stores cannot change, as far as the compiler sees
  for (int i = 0; i < lines.outer; ++i) {
    const float* from = lines.from + i * lines.from_outer;
    float* to = lines.to + i * lines.to_outer;
    for (int j = 0; j < lines.inner; ++j, from += lines.from_inner, to += lines.to_inner) {
      Vec in[In], out[Out];
      NEUROPIL_UNROLL
      for (int k = 0; k < In; ++k) {
        in[k] = load(from + k * lines.from_step);
        keep(in[k]);
      }
      transform(in, out);
      NEUROPIL_UNROLL
      for (int k = 0; k < Out; ++k) store(to + k * lines.to_step, out[k]);
    }
  }
}

template <int T>
static void input_pass(const Lines& lines) {
  each_line<T, T>(lines, [](const Vec (&x)[T], Vec (&v)[T]) { input_transform<T>(x, v); });
}
template <int T, int M>
static void output_pass(const Lines& lines) {
  each_line<T, M>(lines, [](const Vec (&v)[T], Vec (&y)[M]) { output_transform<T, M>(v, y); });
}
template <int T, int M>
static void spread_pass(const Lines& lines) {
  each_line<M, T>(lines, [](const Vec (&y)[M], Vec (&z)[T]) { spread_transform<T, M>(y, z); });
}
template <int T, int R>
static void kernel_pass(const Lines& lines) {
  each_line<R, T>(lines, [](const Vec (&w)[R], Vec (&u)[T]) { kernel_transform<T, R>(w, u); });
}
template <int T, int R>
static void gather_pass(const Lines& lines) {
  each_line<T, R>(lines, [](const Vec (&u)[T], Vec (&w)[R]) { gather_transform<T, R>(u, w); });
}

static void copy_pass(const Lines& lines) {
  each_line<1, 1>(lines, [](const Vec (&from)[1], Vec (&to)[1]) { to[0] = from[0]; });
}

// A transform along axis 0, of the pixels of a row in an image: the elements of a line lie
// in planes of their own, each of which may be a row of zeros instead. Pixels are dealt to
// phases in turn, the first to `phase`.
struct Row {
  const float* const* planes;
  float* to;
  ptrdiff_t to_step;                // between the elements of a line
  int64_t pixels;
  int vectors;                      // of channels, one after the other
  ptrdiff_t pixel_step;             // in the image; results of a phase are dense
  ptrdiff_t to_vector;              // between the results of vectors
  int64_t phase, phases;
  ptrdiff_t to_phase;               // between the results of phases
};

using RowPass = void (*)(const Row&);

template <int In, int Out, typename Transform>
static inline void each_pixel(const Row& given, Transform transform) {
  const Row row = given;
  const float* plane[In];
  std::copy(row.planes, row.planes + In, plane);
  const ptrdiff_t back = kLanes - (row.phases - 1) * row.to_phase;
  float* first = row.to;
  for (int64_t i = 0, phase = row.phase; i < row.pixels; ++i) {
    for (int c = 0; c < row.vectors; ++c) {
      const ptrdiff_t at = i * row.pixel_step + c * kLanes;
      float* const to = first + c * row.to_vector;
      Vec in[In], out[Out];
      NEUROPIL_UNROLL
      for (int k = 0; k < In; ++k) {
        in[k] = load(plane[k] + at);
        keep(in[k]);
      }
      transform(in, out);
      NEUROPIL_UNROLL
      for (int k = 0; k < Out; ++k) store(to + k * row.to_step, out[k]);
    }
    const bool last = ++phase == row.phases;
    first += last ? back : row.to_phase;
    phase = last ? 0 : phase;
  }
}

template <int T>
static void input_rows(const Row& row) {
  each_pixel<T, T>(row, [](const Vec (&x)[T], Vec (&v)[T]) { input_transform<T>(x, v); });
}
template <int T, int M>
static void spread_rows(const Row& row) {
  each_pixel<M, T>(row, [](const Vec (&y)[M], Vec (&z)[T]) { spread_transform<T, M>(y, z); });
}
static void copy_rows(const Row& row) {
  each_pixel<1, 1>(row, [](const Vec (&from)[1], Vec (&to)[1]) { to[0] = from[0]; });
}

// The passes of an axis with tiles of T elements for kernels of r.
struct AxisPasses {
  Pass input, output, spread, kernel, gather;
  RowPass input_rows, spread_rows;
};

template <int T, int R>
static AxisPasses passes_of() {
  constexpr int M = T - R + 1;
  return {input_pass<T>,     output_pass<T, M>, spread_pass<T, M>, kernel_pass<T, R>,
          gather_pass<T, R>, input_rows<T>,     spread_rows<T, M>};
}

// For a trivial axis (T = 1) there is none but the copies; nor for sizes that are not built.
static inline AxisPasses find_passes(int t, int r) {
  switch (10 * t + r) {
    case 42: return passes_of<4, 2>();
    case 43: return passes_of<4, 3>();
    case 62: return passes_of<6, 2>();
    case 63: return passes_of<6, 3>();
    case 64: return passes_of<6, 4>();
    case 65: return passes_of<6, 5>();
    case 82: return passes_of<8, 2>();
    case 83: return passes_of<8, 3>();
    case 84: return passes_of<8, 4>();
    case 85: return passes_of<8, 5>();
  }
  return {nullptr, nullptr, nullptr, nullptr, nullptr, copy_rows, copy_rows};
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
