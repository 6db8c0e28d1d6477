// The way of an image into tiles, and back. A slice is the tile elements of one place along
// axis 0. An image is transformed along axis 0 first, for all pixels of a box at once, and
// then slice by slice along the others, so that one slice alone of V and M is ever held.

#pragma once

#include "boxes.h"
#include "epilogue.h"
#include "passes.h"

namespace neuropil {
namespace NEUROPIL_ISA {

// An image that is cut into tiles: x by the input transform, dy by the spread transform.
struct Source {
  const float* image;
  int64_t size[3], channels;
  int64_t pad[3];
  int taken[3];   // pixels of a tile along each axis: T, or m for a gradient
  int between[3]; // from one tile to the next: m
  int64_t steps[3];  // between the pixels of a tile, in the image
  int tile[3];
  RowPass rows;
  Pass pass[3];   // along axes 1 and 2; null where trivial

  int64_t extent(const Box& box, int a) const {
    return taken[a] + (box.count[a - 1] - 1) * between[a];
  }
  int64_t pixels(const Box& box) const { return extent(box, 1) * extent(box, 2); }
};

static inline Source input_of(const Shape& s, const float* x) {
  Source source{x, {s.in[0], s.in[1], s.in[2]}, s.cin, {s.pad[0], s.pad[1], s.pad[2]}};
  for (int a = 0; a < 3; ++a) {
    const AxisPasses passes = find_passes(s.tile[a], s.kernel[a]);
    source.taken[a] = source.tile[a] = s.tile[a];
    source.between[a] = s.m(a);
    source.steps[a] = s.steps[a];
    source.pass[a] = passes.input;
    if (a == 0) source.rows = passes.input_rows;
  }
  return source;
}

static inline Source gradient_of(const Shape& s, const float* dy) {
  Source source{dy, {s.out[0], s.out[1], s.out[2]}, s.cout, {0, 0, 0}};
  for (int a = 0; a < 3; ++a) {
    const AxisPasses passes = find_passes(s.tile[a], s.kernel[a]);
    source.taken[a] = source.between[a] = s.m(a);
    source.tile[a] = s.tile[a];
    source.steps[a] = s.steps[a];
    source.pass[a] = passes.spread;
    if (a == 0) source.rows = passes.spread_rows;
  }
  return source;
}

static inline void fill_zeros(float* to, ptrdiff_t step, int count, int64_t vectors) {
  for (int k = 0; k < count; ++k, to += step) std::fill_n(to, vectors * kLanes, 0.0f);
}

// planes[k][vector][row][pixel] = the pixels of a box, transformed along axis 0, for all boxes of
// a strip, which are `to_box` floats apart. `vectors` may exceed those of the image: the rest is
// zeros. `spare` holds taken[0] + 1 rows of the strip.
static inline void transform_planes(const Source& s, const Box& box, int vectors, float* planes,
                                    ptrdiff_t plane_step, ptrdiff_t to_box, float* spare) {
  const int64_t rows = s.extent(box, 1), columns = s.extent(box, 2), boxes = s.steps[2];
  const int64_t row_step = s.size[2] * s.channels, plane = s.size[1] * row_step;
  const int64_t d0 = box.at[0] - s.pad[0], h0 = box.at[1] - s.pad[1], w0 = box.at[2] - s.pad[2];
  const int64_t begin = std::clamp<int64_t>(-w0, 0, columns * boxes);
  const int64_t end = std::clamp<int64_t>(s.size[2] - w0, begin, columns * boxes);
  const int full = int(s.channels / kLanes), tail = int(s.channels % kLanes);
  const int64_t longest = (end - begin) * s.channels;
  const ptrdiff_t to_vector = rows * columns * kLanes;
  float* const zeros = spare;
  bool zeroed = false;
  for (int64_t h = 0; h < rows; ++h) {
    float* const to = planes + h * columns * kLanes;
    const int64_t at_1 = h0 + h * s.steps[1];
    const bool inside = at_1 >= 0 && at_1 < s.size[1] && begin < end;
    const int used = inside ? full + (tail > 0) : 0;
    for (int64_t b = 0; b < boxes; ++b) {
      // Of its columns, those up to `low` and from `high` on lie outside the image.
      const int64_t low = (begin - b + boxes - 1) / boxes, high = (end - b + boxes - 1) / boxes;
      for (int c = 0; c < vectors; ++c) {
        float* const row = to + b * to_box + c * to_vector;
        fill_zeros(row, plane_step, s.tile[0], c < used ? low : columns);
        if (c < used) fill_zeros(row + high * kLanes, plane_step, s.tile[0], columns - high);
      }
    }
    if (!inside) continue;
    const float* from[8];
    const float* tails[8];
    for (int k = 0; k < s.taken[0]; ++k) {
      const int64_t d = d0 + k * s.steps[0];
      const bool there = d >= 0 && d < s.size[0];
      from[k] = there ? s.image + (box.batch * s.size[0] + d) * plane + at_1 * row_step +
                            (w0 + begin) * s.channels
                      : zeros;
      if (!there && !zeroed) std::fill_n(zeros, longest, 0.0f), zeroed = true;
      if (tail == 0) continue;
      float* const copy = spare + longest + k * (end - begin) * kLanes;
      for (int64_t w = 0; w < end - begin; ++w) {
        store(copy + w * kLanes,
              load_some(from[k] + w * s.channels + full * kLanes, tail));
      }
      tails[k] = copy;
    }
    const int64_t count = end - begin, phase = begin % boxes;
    float* const first = to + begin / boxes * kLanes + phase * to_box;
    if (full > 0) {
      s.rows({from, first, plane_step, count, full, s.channels, to_vector, phase, boxes, to_box});
    }
    if (tail > 0) {
      s.rows({tails, first + full * to_vector, plane_step, count, 1, kLanes, to_vector, phase,
              boxes, to_box});
    }
  }
}

static inline int64_t spare_floats(const Source& s, int64_t columns) {
  return columns * s.steps[2] * (round_up(s.channels, kLanes) + s.taken[0] * kLanes);
}

// Where the elements of tiles go: element e of tile i and vector c lies at
// e * element + c / of_group * group + c % of_group * kLanes + i * tile.
struct Layout {
  ptrdiff_t element, group, tile;
  int of_group;
  ptrdiff_t vector(int c) const { return c / of_group * group + c % of_group * kLanes; }
};

// One slice of a box's tiles, from its plane. `lines` holds tile[1] rows of the box.
static inline void transform_slice(const Source& s, const Box& box, int vectors,
                                   const float* plane, float* to, const Layout& layout,
                                   float* lines) {
  const int64_t columns = s.extent(box, 2);
  const ptrdiff_t row = columns * kLanes, vector = s.extent(box, 1) * row;
  const Pass along_2 = s.pass[2] ? s.pass[2] : copy_pass;
  for (int c = 0; c < vectors; ++c) {
    for (int64_t i = 0; i < box.count[0]; ++i) {
      const float* from = plane + c * vector + i * s.between[1] * row;
      if (s.pass[1]) {
        s.pass[1]({from, lines, row, row, 1, int(columns), 0, 0, kLanes, kLanes});
        from = lines;
      }
      float* const target =
          to + layout.vector(c) + (box.first + i * box.count[1]) * layout.tile;
      along_2({from, target, kLanes, layout.element, s.tile[1], int(box.count[1]), row,
               s.tile[2] * layout.element, s.between[2] * kLanes, layout.tile});
    }
  }
}

// A slice of products m[element][tile][kPanel] back along axes 1 and 2, to
// partial[m1 * m2][tile][kPanel]; of a half panel, the first vector. `lines` holds
// `back_lines` vectors.
constexpr int kVectors = 8;

struct Back {
  Pass pass[3];
  int m[3], tile[3];
  explicit Back(const Shape& s) {
    for (int a = 0; a < 3; ++a) {
      pass[a] = find_passes(s.tile[a], s.kernel[a]).output;
      m[a] = s.m(a), tile[a] = s.tile[a];
    }
  }
};

static inline int64_t back_lines(const Shape& s) { return s.m(1) * s.tile[2] * kVectors; }

static inline void transform_back(const Back& s, const float* m, ptrdiff_t m_step, float* partial,
                                  ptrdiff_t partial_step, int64_t tiles, bool half,
                                  float* lines) {
  const Pass along_2 = s.pass[2] ? s.pass[2] : copy_pass;
  const int64_t vectors = half ? tiles : 2 * tiles;
  const int step = half ? kPanel : kLanes;
  for (int64_t first = 0; first < vectors; first += kVectors) {
    const int count = int(std::min<int64_t>(kVectors, vectors - first));
    const float* from = m + first * step;
    ptrdiff_t element = m_step, row = s.tile[2] * m_step, vector = step;
    if (s.pass[1]) {
      const ptrdiff_t dense = count * kLanes;
      s.pass[1]({from, lines, row, s.tile[2] * dense, s.tile[2], count, m_step, dense, step,
                 kLanes});
      from = lines, element = dense, row = s.tile[2] * dense, vector = kLanes;
    }
    along_2({from, partial + first * step, element, partial_step, s.m[1], count, row,
             s.m[2] * partial_step, vector, step});
  }
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
