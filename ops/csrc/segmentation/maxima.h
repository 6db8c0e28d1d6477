// Regional maxima: plateaus, connected through faces, edges and corners, that are positive and
// have no higher neighbour.

#pragma once

#include <cstdint>
#include <vector>

#include "shared.h"

namespace neuropil {

NEUROPIL_VECTORS static void raise_to(const float* row, float* highest, size_t width) {
  for (size_t x = 0; x < width; ++x) highest[x] = highest[x] < row[x] ? row[x] : highest[x];
}

// `highest` is that of the rows around, from one voxel before the row to one after it.
NEUROPIL_VECTORS static void mark_highest(const float* row, const float* highest, uint8_t* marks,
                                          size_t width) {
  for (size_t x = 0; x < width; ++x) {
    marks[x] = (row[x] > 0) & (row[x] >= highest[x]) & (row[x] >= highest[x + 1]) &
               (row[x] >= highest[x + 2]);
  }
}

class Maxima {
 public:
  Maxima(const float* map, const Grid& grid)
      : map_(map), grid_(grid), highest_((grid.voxels() + 7) / 8 * 8) {}

  // Writes 1, 2, ... on the maxima, in order of their first voxels, and 0 elsewhere; returns how
  // many there are.
  uint32_t label(uint32_t* labels) {
    mark();
    std::fill_n(labels, grid_.voxels(), 0);
    std::vector<size_t> slopes;
    uint32_t count = 0;
    for_each_mark(highest_.data(), grid_.voxels(), [&](size_t voxel) {
      if (labels[voxel] != 0) return;
      if (fill_plateau(voxel, count + 1, labels)) {
        ++count;
      } else {
        slopes.insert(slopes.end(), plateau_.begin(), plateau_.end());
      }
    });
    for (const size_t voxel : slopes) labels[voxel] = 0;
    return count;
  }

 private:
  // Marks the positive voxels that no neighbour exceeds, a row at a time.
  void mark() {
    std::vector<float> highest(grid_.width + 2);
    for (size_t z = 0; z < grid_.depth; ++z) {
      for (size_t y = 0; y < grid_.rows; ++y) {
        std::fill(highest.begin(), highest.end(), 0.0f);
        for_each_row_around(z, y, [&](size_t other) {
          raise_to(map_ + other, highest.data() + 1, grid_.width);
        });
        const size_t row = (z * grid_.rows + y) * grid_.width;
        mark_highest(map_ + row, highest.data(), &highest_[row], grid_.width);
      }
    }
  }

  // Calls work(start of row) for the rows at and around (z, y).
  template <typename Work>
  void for_each_row_around(size_t z, size_t y, Work work) const {
    for (size_t nz = z == 0 ? 0 : z - 1; nz < std::min(z + 2, grid_.depth); ++nz) {
      for (size_t ny = y == 0 ? 0 : y - 1; ny < std::min(y + 2, grid_.rows); ++ny) {
        work((nz * grid_.rows + ny) * grid_.width);
      }
    }
  }

  // Labels the voxels of one value around `start`; returns whether no neighbour exceeds them.
  bool fill_plateau(size_t start, uint32_t label, uint32_t* labels) {
    plateau_.assign(1, start);
    labels[start] = label;
    bool highest = true;
    for (size_t i = 0; i < plateau_.size(); ++i) {
      const size_t voxel = plateau_[i], x = voxel % grid_.width, row = voxel / grid_.width;
      highest = highest && highest_[voxel];
      for_each_row_around(row / grid_.rows, row % grid_.rows, [&](size_t other) {
        for (size_t nx = x == 0 ? 0 : x - 1; nx < std::min(x + 2, grid_.width); ++nx) {
          if (labels[other + nx] != 0 || map_[other + nx] != map_[voxel]) continue;
          labels[other + nx] = label;
          plateau_.push_back(other + nx);
        }
      });
    }
    return highest;
  }

  const float* map_;
  Grid grid_;
  std::vector<uint8_t> highest_;
  std::vector<size_t> plateau_;
};

// The maxima of every section (or of the volume), numbered through; returns how many.
inline uint32_t label_maxima(const float* map, uint32_t* labels, const Grid& grid, bool in_plane,
                             size_t threads) {
  if (grid.voxels() == 0) return 0;
  if (!in_plane) return Maxima(map, grid).label(labels);
  const Grid section{1, grid.rows, grid.width};
  std::vector<uint32_t> before(grid.depth + 1, 0);
  for_each_task(grid.depth, threads, [&](size_t z, size_t) {
    const size_t start = z * grid.section();
    before[z + 1] = Maxima(map + start, section).label(labels + start);
  });
  for (size_t z = 0; z < grid.depth; ++z) before[z + 1] += before[z];
  for_each_task(grid.depth, threads, [&](size_t z, size_t) {
    uint32_t* first = labels + z * grid.section();
    for (size_t i = 0; i < grid.section(); ++i) first[i] += first[i] != 0 ? before[z] : 0;
  });
  return before[grid.depth];
}

}  // namespace neuropil
