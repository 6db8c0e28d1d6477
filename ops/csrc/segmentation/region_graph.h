// The region graph: which labels adjoin, and how strong the boundary between them is.
//
// Most neighbours carry one label: rows are compared as vectors, and only where they differ is
// an edge looked up. Each thread has a table of its own; the counts are integers, so that their
// sum does not depend on who counted what.

#pragma once

#include <array>
#include <cstdint>
#include <vector>

#include "shared.h"

namespace neuropil {

constexpr size_t kBins = 16;

struct Edge {
  uint64_t low, high;  // ids of the two regions
  int64_t faces;       // pairs one step apart
  int64_t across_count, across_sum, within_count, within_sum;
  std::array<int64_t, kBins> histogram;

  bool operator<(const Edge& o) const { return low != o.low ? low < o.low : high < o.high; }

  void add(const Edge& o) {
    faces += o.faces;
    across_count += o.across_count;
    across_sum += o.across_sum;
    within_count += o.within_count;
    within_sum += o.within_sum;
    for (size_t bin = 0; bin < kBins; ++bin) histogram[bin] += o.histogram[bin];
  }
};

// Open addressing with linear probing: a slot holds the place of an edge, plus one.
class EdgeTable {
 public:
  // Faces of one boundary follow each other: the edge found last is tried first.
  Edge& find(uint64_t low, uint64_t high) {
    if (recent_ < edges_.size() && edges_[recent_].low == low && edges_[recent_].high == high) {
      return edges_[recent_];
    }
    if (2 * (edges_.size() + 1) > slots_.size()) grow();
    uint32_t& slot = slot_of(low, high);
    if (slot == 0) {
      edges_.push_back({low, high, 0, 0, 0, 0, 0, {}});
      slot = static_cast<uint32_t>(edges_.size());
    }
    recent_ = slot - 1;
    return edges_[recent_];
  }

  std::vector<Edge> take() { return std::move(edges_); }

 private:
  uint32_t& slot_of(uint64_t low, uint64_t high) {
    const size_t mask = slots_.size() - 1;
    size_t place = hash(low, high) & mask;
    while (slots_[place] != 0 &&
           (edges_[slots_[place] - 1].low != low || edges_[slots_[place] - 1].high != high)) {
      place = (place + 1) & mask;
    }
    return slots_[place];
  }

  // Ids are consecutive or multiples of some stride: every bit has to matter.
  static size_t hash(uint64_t low, uint64_t high) {
    uint64_t h = low * 0x9E3779B97F4A7C15ull ^ (high + 0x7F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93ull;
    return h ^ (h >> 29);
  }

  void grow() {
    slots_.assign(slots_.empty() ? 1024 : 2 * slots_.size(), 0);
    for (size_t i = 0; i < edges_.size(); ++i) {
      slot_of(edges_[i].low, edges_[i].high) = static_cast<uint32_t>(i + 1);
    }
  }

  std::vector<uint32_t> slots_;
  std::vector<Edge> edges_;
  size_t recent_ = 0;
};

NEUROPIL_VECTORS static void mark_different(const uint32_t* a, const uint32_t* b, uint8_t* marks,
                                            size_t width) {
  for (size_t x = 0; x < width; ++x) marks[x] = (a[x] != b[x]) & (a[x] != 0) & (b[x] != 0);
}

NEUROPIL_VECTORS static void mark_different(const uint64_t* a, const uint64_t* b, uint8_t* marks,
                                            size_t width) {
  for (size_t x = 0; x < width; ++x) marks[x] = (a[x] != b[x]) & (a[x] != 0) & (b[x] != 0);
}

using Offset = std::array<ptrdiff_t, 3>;  // z, y, x
using Range = std::array<size_t, 2>;      // from, to

// The part of `owned` from where an offset does not leave the axis.
inline Range reach(const Range& owned, ptrdiff_t offset, size_t length) {
  const ptrdiff_t size = static_cast<ptrdiff_t>(length);
  const ptrdiff_t from = std::max(static_cast<ptrdiff_t>(owned[0]), -offset);
  const ptrdiff_t to = std::min(static_cast<ptrdiff_t>(owned[1]), size - offset);
  return {static_cast<size_t>(from), static_cast<size_t>(std::max(from, to))};
}

// Pairs (voxel, voxel + offset) of two labels, whose voxel is owned. Strength is a function of
// the two voxels and the offset's place in the list, with values 0 to 255.
template <typename Label, typename Strength>
class PairScan {
 public:
  PairScan(const Label* labels, const Grid& grid, const std::vector<Offset>& offsets,
           const std::array<Range, 3>& owned, Strength strength)
      : labels_(labels), grid_(grid), offsets_(offsets), owned_(owned), strength_(strength) {}

  void scan_row(size_t z, size_t y, std::vector<uint8_t>& marks, EdgeTable& table) const {
    for (size_t channel = 0; channel < offsets_.size(); ++channel) {
      const auto [dz, dy, dx] = offsets_[channel];
      const Range xs = reach(owned_[2], dx, grid_.width);
      if (!within(z, dz, grid_.depth) || !within(y, dy, grid_.rows) || xs[0] == xs[1]) continue;
      const size_t start = (z * grid_.rows + y) * grid_.width + xs[0], width = xs[1] - xs[0];
      const ptrdiff_t step = (dz * static_cast<ptrdiff_t>(grid_.rows) + dy) *
                                 static_cast<ptrdiff_t>(grid_.width) + dx;
      marks.assign((width + 7) / 8 * 8, 0);
      mark_different(labels_ + start, labels_ + start + step, marks.data(), width);
      for_each_mark(marks.data(), width, [&](size_t x) {
        add(start + x, start + x + step, channel, table);
      });
    }
  }

 private:
  static bool within(size_t at, ptrdiff_t offset, size_t length) {
    const ptrdiff_t moved = static_cast<ptrdiff_t>(at) + offset;
    return moved >= 0 && moved < static_cast<ptrdiff_t>(length);
  }

  void add(size_t voxel, size_t other, size_t channel, EdgeTable& table) const {
    const Offset& offset = offsets_[channel];
    const uint64_t a = labels_[voxel], b = labels_[other];
    Edge& edge = table.find(std::min(a, b), std::max(a, b));
    const uint8_t strength = strength_(voxel, other, channel);
    edge.faces += std::abs(offset[0]) + std::abs(offset[1]) + std::abs(offset[2]) == 1;
    (offset[0] != 0 ? edge.across_count : edge.within_count) += 1;
    (offset[0] != 0 ? edge.across_sum : edge.within_sum) += strength;
    edge.histogram[strength / (256 / kBins)] += 1;
  }

  const Label* labels_;
  Grid grid_;
  const std::vector<Offset>& offsets_;
  std::array<Range, 3> owned_;
  Strength strength_;
};

// Every edge once, sorted.
inline std::vector<Edge> join(std::vector<EdgeTable>& tables) {
  EdgeTable all = std::move(tables[0]);
  for (size_t thread = 1; thread < tables.size(); ++thread) {
    for (const Edge& edge : tables[thread].take()) all.find(edge.low, edge.high).add(edge);
  }
  std::vector<Edge> edges = all.take();
  std::sort(edges.begin(), edges.end());
  return edges;
}

template <typename Label, typename Strength>
std::vector<Edge> region_graph(const Label* labels, const Grid& grid,
                               const std::vector<Offset>& offsets,
                               const std::array<Range, 3>& owned, Strength strength,
                               size_t threads) {
  const PairScan<Label, Strength> scan(labels, grid, offsets, owned, strength);
  const size_t depth = owned[0][1] - owned[0][0], rows = owned[1][1] - owned[1][0];
  constexpr size_t kRows = 32;  // a task's: neighbouring rows know the same edges
  const size_t tasks = (depth * rows + kRows - 1) / kRows;
  std::vector<EdgeTable> tables(threads_for(threads, tasks));
  std::vector<std::vector<uint8_t>> marks(tables.size());
  for_each_task(tasks, threads, [&](size_t task, size_t thread) {
    for (size_t i = task * kRows; i < std::min((task + 1) * kRows, depth * rows); ++i) {
      scan.scan_row(owned[0][0] + i / rows, owned[1][0] + i % rows, marks[thread],
                    tables[thread]);
    }
  });
  return join(tables);
}

}  // namespace neuropil
