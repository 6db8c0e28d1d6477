// Seeded watershed of an 8-bit height map, by a queue with one bucket for each height.
//
// The water rises level by level; within a level, voxels are flooded in their order of arrival,
// each by the first labelled neighbour that reaches it (Meyer 1994). Seeds come first, and
// neighbours are visited, in order of memory. The order is total, so that the result is one,
// whatever the threads.

#pragma once

#include <cstdint>
#include <limits>
#include <memory>
#include <stdexcept>
#include <vector>

#include "shared.h"

namespace neuropil {

constexpr uint32_t kWall = std::numeric_limits<uint32_t>::max();

// A queue of voxels for each height; the water never falls, so that all below are empty.
class HeightQueue {
 public:
  // What lies below the water is flooded at its level.
  void push(uint32_t voxel, uint32_t height) { queues_[std::max(height, level_)].push_back(voxel); }

  // The first of the lowest; 0, which is a wall, once there is none.
  uint32_t pop() {
    while (next_ == queues_[level_].size()) {
      queues_[level_].clear();
      next_ = 0;
      if (++level_ == 256) {
        level_ = 0;
        return 0;
      }
    }
    return queues_[level_][next_++];
  }

  // Whose turn comes `steps` after the one popped last; 0 if not known.
  uint32_t ahead(size_t steps) const {
    const std::vector<uint32_t>& queue = queues_[level_];
    return next_ + steps <= queue.size() ? queue[next_ + steps - 1] : 0;
  }

 private:
  std::vector<uint32_t> queues_[256];
  uint32_t level_ = 0;
  size_t next_ = 0;  // to pop from the queue of the level
};

// One section, or a whole volume, with a wall all round it.
template <int kAxes>
class Basin {
 public:
  explicit Basin(const Grid& grid)
      : grid_(grid),
        depth_(kAxes == 3 ? grid.depth + 2 : 1),
        rows_(grid.rows + 2),
        width_(grid.width + 2) {
    if (voxels() >= kWall) {
      throw std::length_error("a watershed floods fewer than 2^32 voxels at a time");
    }
    labels_.reset(new uint32_t[voxels()]);
    heights_.reset(new uint8_t[voxels()]);
  }

  // `mask` may be null; `labels` holds the seeds, and then the result.
  void flood(const uint8_t* height, const uint8_t* mask, uint32_t* labels) {
    fill(height, mask, labels);
    push_seeds(labels);
    while (const uint32_t voxel = queue_.pop()) {
      fetch_around(queue_.ahead(kAhead));
      spread(voxel);
    }
    for_each_row([&](size_t row, size_t inner) {
      for (size_t x = 0; x < grid_.width; ++x) {
        labels[row + x] = labels_[inner + x] == kWall ? 0 : labels_[inner + x];
      }
    });
  }

 private:
  static constexpr size_t kAhead = 12;  // pops between asking memory for a voxel and its turn

  size_t voxels() const { return depth_ * rows_ * width_; }

  template <typename Work>
  void for_each_row(Work work) const {
    const size_t depth = kAxes == 3 ? grid_.depth : 1, below = kAxes == 3 ? 1 : 0;
    for (size_t z = 0; z < depth; ++z) {
      for (size_t y = 0; y < grid_.rows; ++y) {
        work((z * grid_.rows + y) * grid_.width, ((z + below) * rows_ + y + 1) * width_ + 1);
      }
    }
  }

  void fill(const uint8_t* height, const uint8_t* mask, const uint32_t* labels) {
    std::fill_n(labels_.get(), voxels(), kWall);
    for_each_row([&](size_t row, size_t inner) {
      std::copy_n(height + row, grid_.width, &heights_[inner]);
      for (size_t x = 0; x < grid_.width; ++x) {
        labels_[inner + x] = mask == nullptr || mask[row + x] ? labels[row + x] : kWall;
      }
    });
  }

  // A seed amid labelled voxels has nothing to flood.
  void push_seeds(const uint32_t* labels) {
    for_each_row([&](size_t row, size_t inner) {
      for (size_t x = 0; x < grid_.width; ++x) {
        const size_t voxel = inner + x;
        if (labels[row + x] == 0 || labels_[voxel] == kWall || !has_open_neighbour(voxel)) continue;
        queue_.push(static_cast<uint32_t>(voxel), heights_[voxel]);
      }
    });
  }

  bool has_open_neighbour(size_t voxel) const {
    bool open = false;
    for_each_neighbour(voxel, [&](size_t n) { open |= labels_[n] == 0; });
    return open;
  }

  void spread(uint32_t voxel) {
    const uint32_t label = labels_[voxel];
    for_each_neighbour(voxel, [&](size_t n) {
      if (labels_[n] != 0) return;
      labels_[n] = label;
      queue_.push(static_cast<uint32_t>(n), heights_[n]);
    });
  }

  // Voxel 0, a wall, stands for none.
  void fetch_around(size_t voxel) const {
    if (voxel == 0) return;
    for_each_neighbour(voxel, [&](size_t n) {
      __builtin_prefetch(&labels_[n], 1);
      __builtin_prefetch(&heights_[n]);
    });
  }

  template <typename Work>
  void for_each_neighbour(size_t voxel, Work work) const {
    const size_t section = rows_ * width_;
    if constexpr (kAxes == 3) work(voxel - section);
    work(voxel - width_);
    work(voxel - 1);
    work(voxel + 1);
    work(voxel + width_);
    if constexpr (kAxes == 3) work(voxel + section);
  }

  Grid grid_;
  size_t depth_, rows_, width_;  // with the wall
  std::unique_ptr<uint32_t[]> labels_;  // 0: not flooded yet
  std::unique_ptr<uint8_t[]> heights_;
  HeightQueue queue_;
};

inline void watershed(const uint8_t* height, const uint8_t* mask, uint32_t* labels,
                      const Grid& grid, bool in_plane, size_t threads) {
  if (grid.voxels() == 0) return;
  if (!in_plane) {
    Basin<3>(grid).flood(height, mask, labels);
    return;
  }
  std::vector<std::unique_ptr<Basin<2>>> basins(threads_for(threads, grid.depth));
  for_each_task(grid.depth, threads, [&](size_t z, size_t thread) {
    if (!basins[thread]) basins[thread] = std::make_unique<Basin<2>>(grid);
    const size_t start = z * grid.section();
    basins[thread]->flood(height + start, mask == nullptr ? nullptr : mask + start,
                          labels + start);
  });
}

}  // namespace neuropil
