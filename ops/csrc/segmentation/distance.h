// Exact Euclidean distance to the nearest background voxel, one axis after another.
//
// Along y the distance is counted, for a row of voxels at once. Along x, and then along z, the
// squared distance is the least over the line's voxels p of its own squared distance there plus
// (q - p)². Near background only a few p can be the least, and vectors try them all; elsewhere
// that is the lower envelope of one parabola per voxel (Felzenszwalb and Huttenlocher 2012,
// algorithm 1). A line without background has no parabola, and stays infinite.

#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <limits>
#include <memory>
#include <vector>

#include "shared.h"

namespace neuropil {

constexpr float kFar = std::numeric_limits<float>::infinity();

NEUROPIL_VECTORS static void first_row(const uint8_t* inside, float* out, size_t width) {
  for (size_t x = 0; x < width; ++x) out[x] = inside[x] ? kFar : 0;
}

NEUROPIL_VECTORS static void step_down(const uint8_t* inside, const float* above, float* out,
                                       size_t width) {
  for (size_t x = 0; x < width; ++x) out[x] = inside[x] ? above[x] + 1 : 0;
}

NEUROPIL_VECTORS static void step_up(const float* below, float* out, size_t width) {
  for (size_t x = 0; x < width; ++x) out[x] = std::min(out[x], below[x] + 1);
}

NEUROPIL_VECTORS static void square(float* row, size_t width, float step) {
  for (size_t x = 0; x < width; ++x) row[x] = row[x] * row[x] * step;
}

NEUROPIL_VECTORS static void square_root(float* row, size_t width) {
  for (size_t x = 0; x < width; ++x) row[x] = std::sqrt(row[x]);
}

constexpr size_t kNear = 128;   // how far vectors search
constexpr size_t kVoxels = 16;  // in a vector
constexpr size_t kSteps = 4;    // between looks whether all are found; divides kNear

using Vector = float __attribute__((vector_size(4 * kVoxels)));
using Unaligned = float __attribute__((vector_size(4 * kVoxels), aligned(4), may_alias));

// out[x] = min over |d| <= kNear of row[x + d stride] + d² step, where reading is allowed that far
// and for kVoxels beyond the width; returns whether nothing farther can be less.
NEUROPIL_VECTORS static bool search_near(const float* row, size_t stride, float* out, size_t width,
                                         float step) {
  for (size_t x = 0; x < width; x += kVoxels) {
    Vector least = *reinterpret_cast<const Unaligned*>(row + x);
    for (size_t near = 0;; near += kSteps) {
      const auto open = least > static_cast<float>((near + 1) * (near + 1)) * step;
      int any = 0;
      for (size_t i = 0; i < kVoxels; ++i) any |= open[i];
      if (!any) break;
      if (near == kNear) return false;
      for (size_t d = near + 1; d <= near + kSteps; ++d) {
        const Vector before = *reinterpret_cast<const Unaligned*>(row + x - d * stride);
        const Vector after = *reinterpret_cast<const Unaligned*>(row + x + d * stride);
        const Vector farther =
            (before < after ? before : after) + static_cast<float>(d * d) * step;
        least = farther < least ? farther : least;
      }
    }
    for (size_t i = 0; i < std::min(kVoxels, width - x); ++i) out[x + i] = least[i];
  }
  return true;
}

// Squared distances along y, in nm².
inline void transform_columns(const uint8_t* inside, float* out, size_t rows, size_t width,
                              float step) {
  first_row(inside, out, width);
  for (size_t y = 1; y < rows; ++y) {
    step_down(inside + y * width, out + (y - 1) * width, out + y * width, width);
  }
  for (size_t y = rows; --y > 0;) {
    step_up(out + y * width, out + (y - 1) * width, width);
    square(out + y * width, width, step);
  }
  square(out, width, step);
}

// Replaces squared distances along a line by min over p of line[p] + (q - p)² step, with the same
// rounding as the search.
class Envelope {
 public:
  Envelope(size_t length, float step) : step_(step), parabolas_(length + 1), inverse_(length + 1) {
    for (size_t d = 1; d <= length; ++d) inverse_[d] = 0.5 / (static_cast<double>(step) * d);
  }

  void transform(float* line, size_t length) {
    const size_t count = build(line, length);
    if (count == 0) return;
    parabolas_[count].from = std::numeric_limits<double>::infinity();
    const Parabola* p = parabolas_.data();
    for (size_t q = 0; q < length; ++q) {
      while (p[1].from < q) ++p;
      const size_t d = q < p->apex ? p->apex - q : q - p->apex;
      line[q] = p->height + static_cast<float>(d * d) * step_;
    }
  }

 private:
  struct Parabola {
    double from;    // where it becomes the lowest
    double origin;  // its value at zero
    float height;   // at its apex
    size_t apex;
  };

  size_t build(const float* line, size_t length) {
    Parabola* const stack = parabolas_.data();
    size_t count = 0;
    for (size_t q = 0; q < length; ++q) {
      if (line[q] == kFar) continue;
      const double origin = line[q] + static_cast<double>(step_) * static_cast<double>(q * q);
      double from = -std::numeric_limits<double>::infinity();
      while (count > 0) {
        const Parabola& last = stack[count - 1];
        from = (origin - last.origin) * inverse_[q - last.apex];
        if (from > last.from) break;
        --count;
      }
      if (count == 0) from = -std::numeric_limits<double>::infinity();
      stack[count++] = {from, origin, line[q], q};
    }
    return count;
  }

  float step_;  // spacing²
  std::vector<Parabola> parabolas_;
  std::vector<double> inverse_;  // of 2 step d: a product costs less than a quotient
};

// The axis along rows of a section: the search, and where it fails, the envelope.
class RowTransform {
 public:
  RowTransform(size_t width, float step)
      : step_(step), envelope_(width, step), padded_(width + 2 * kNear + kVoxels, kFar) {}

  void transform(float* row, size_t width) {
    std::copy_n(row, width, &padded_[kNear]);
    if (!search_near(&padded_[kNear], 1, row, width, step_)) {
      std::copy_n(&padded_[kNear], width, row);
      envelope_.transform(row, width);
    }
  }

 private:
  float step_;
  Envelope envelope_;
  std::vector<float> padded_;
};

// The axis across sections, for the rows of one y.
class DepthTransform {
 public:
  DepthTransform(const Grid& grid, float step)
      : grid_(grid),
        step_(step),
        envelope_(grid.depth, step),
        line_(grid.depth),
        padded_((grid.depth + 2 * kNear) * grid.width + kVoxels, kFar) {}

  void transform(float* rows) {
    float* const first = &padded_[kNear * grid_.width];
    for (size_t z = 0; z < grid_.depth; ++z) {
      std::copy_n(rows + z * grid_.section(), grid_.width, first + z * grid_.width);
    }
    for (size_t z = 0; z < grid_.depth; ++z) {
      if (!search_near(first + z * grid_.width, grid_.width, rows + z * grid_.section(),
                       grid_.width, step_)) {
        transform_lines(first, rows);
        return;
      }
    }
  }

 private:
  void transform_lines(const float* first, float* rows) {
    for (size_t x = 0; x < grid_.width; ++x) {
      for (size_t z = 0; z < grid_.depth; ++z) line_[z] = first[z * grid_.width + x];
      envelope_.transform(line_.data(), grid_.depth);
      for (size_t z = 0; z < grid_.depth; ++z) rows[z * grid_.section() + x] = line_[z];
    }
  }

  Grid grid_;
  float step_;
  Envelope envelope_;
  std::vector<float> line_, padded_;
};

inline float squared(double spacing) { return static_cast<float>(spacing * spacing); }

// `inside` is 0 on background; `spacing` is the voxel size along z, y, x.
inline void boundary_distance(const uint8_t* inside, float* out, const Grid& grid,
                              const std::array<double, 3>& spacing, bool in_plane,
                              size_t threads) {
  if (grid.voxels() == 0) return;
  for_each_task(grid.depth, threads, [&](size_t z, size_t) {
    float* section = out + z * grid.section();
    transform_columns(inside + z * grid.section(), section, grid.rows, grid.width,
                      squared(spacing[1]));
    RowTransform along(grid.width, squared(spacing[2]));
    for (size_t y = 0; y < grid.rows; ++y) {
      along.transform(section + y * grid.width, grid.width);
      if (in_plane) square_root(section + y * grid.width, grid.width);
    }
  });
  if (in_plane) return;
  std::vector<std::unique_ptr<DepthTransform>> along(threads_for(threads, grid.rows));
  for_each_task(grid.rows, threads, [&](size_t y, size_t thread) {
    if (!along[thread]) {
      along[thread] = std::make_unique<DepthTransform>(grid, squared(spacing[0]));
    }
    along[thread]->transform(out + y * grid.width);
    for (size_t z = 0; z < grid.depth; ++z) {
      square_root(out + z * grid.section() + y * grid.width, grid.width);
    }
  });
}

}  // namespace neuropil
