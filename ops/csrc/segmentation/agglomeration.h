// Hierarchical agglomeration of a region graph, lowest score first (as waterz does: Funke et al.
// 2019). When two regions merge, edges that become parallel add their statistics.

#pragma once

#include <algorithm>
#include <array>
#include <cmath>
#include <cstdint>
#include <cstring>
#include <functional>
#include <stdexcept>
#include <utility>
#include <vector>

#include "region_graph.h"

namespace neuropil {

// Weighted mean of the scores of the edges that were joined.
class MeanLinkage {
 public:
  MeanLinkage(const double* sums, const double* weights, size_t edges)
      : sums_(sums, sums + edges), weights_(weights, weights + edges) {}

  double score(uint32_t edge) const { return sums_[edge] / weights_[edge]; }

  void join(uint32_t edge, uint32_t other) {
    sums_[edge] += sums_[other];
    weights_[edge] += weights_[other];
  }

 private:
  std::vector<double> sums_, weights_;
};

// A quantile of all boundary strengths, linear within a bin of the histogram; in [0, 1]. Bins are
// as small as they can be, for the memory of large graphs; one that is full stays so.
class QuantileLinkage {
 public:
  QuantileLinkage(const uint32_t* histograms, size_t edges, double quantile)
      : histograms_(edges), quantile_(quantile) {
    if (edges > 0) std::memcpy(histograms_.data(), histograms, edges * sizeof(histograms_[0]));
  }

  double score(uint32_t edge) const {
    const Histogram& bins = histograms_[edge];
    int64_t total = 0, below = 0;
    for (uint32_t count : bins) total += count;
    const double target = quantile_ * static_cast<double>(total);
    size_t bin = 0;
    while (bins[bin] == 0 || static_cast<double>(below + bins[bin]) < target) below += bins[bin++];
    return (bin + (target - below) / bins[bin]) / kBins;
  }

  void join(uint32_t edge, uint32_t other) {
    for (size_t bin = 0; bin < kBins; ++bin) {
      const uint32_t count = histograms_[edge][bin], added = histograms_[other][bin];
      histograms_[edge][bin] = count + std::min(added, ~count);
    }
  }

 private:
  using Histogram = std::array<uint32_t, kBins>;
  std::vector<Histogram> histograms_;
  double quantile_;
};

// From a pair of nodes to the edge between them. Pairs are not taken out: where these fill the
// map, it is made anew from the edges that are left, of which there never are more than at first.
class PairMap {
 public:
  using Ends = std::vector<std::array<uint32_t, 2>>;  // an edge's nodes; equal ones if it is gone

  explicit PairMap(const Ends& ends) : ends_(ends) {
    size_t slots = 16;
    while (slots < 2 * ends.size()) slots *= 2;
    slots_.resize(slots);
  }

  // The edge of a pair, which becomes `edge` if there was none.
  uint32_t& insert(uint32_t a, uint32_t b, uint32_t edge) {
    if (4 * (size_ + 1) > 3 * slots_.size()) renew();
    Slot& slot = find(key(a, b));
    if (slot.key == 0) {
      slot = {key(a, b), edge};
      ++size_;
    }
    return slot.edge;
  }

 private:
  struct Slot {
    uint64_t key = 0;  // never that of two different nodes
    uint32_t edge = 0;
  };

  static uint64_t key(uint32_t a, uint32_t b) {
    return static_cast<uint64_t>(std::min(a, b)) << 32 | std::max(a, b);
  }

  Slot& find(uint64_t key) {
    uint64_t h = key * 0x9E3779B97F4A7C15ull;
    h ^= h >> 32;
    size_t place = h * 0xD6E8FEB86659FD93ull >> 20 & (slots_.size() - 1);
    while (slots_[place].key != 0 && slots_[place].key != key) {
      place = (place + 1) & (slots_.size() - 1);
    }
    return slots_[place];
  }

  void renew() {
    std::fill(slots_.begin(), slots_.end(), Slot{});
    size_ = 0;
    for (uint32_t edge = 0; edge < ends_.size(); ++edge) {
      const auto [a, b] = ends_[edge];
      if (a == b) continue;
      find(key(a, b)) = {key(a, b), edge};
      ++size_;
    }
  }

  const Ends& ends_;
  std::vector<Slot> slots_;
  size_t size_ = 0;
};

struct Merge {
  uint32_t kept, gone;  // least nodes of the two regions; kept < gone
  float score;
};

template <typename Linkage>
class Agglomeration {
 public:
  // `ends` holds two different nodes < `nodes` for each edge, no pair twice; an edge without
  // faces joins nothing until it is added to one that has some.
  Agglomeration(size_t nodes, const uint32_t* ends, const int64_t* faces, size_t edges,
                Linkage linkage)
      : linkage_(std::move(linkage)),
        ends_(edges),
        touches_(edges),
        keys_(edges, kGone),
        pairs_(ends_),
        around_(nodes),
        least_(nodes) {
    for (uint32_t node = 0; node < nodes; ++node) least_[node] = node;
    for (uint32_t edge = 0; edge < edges; ++edge) {
      ends_[edge] = {ends[2 * edge], ends[2 * edge + 1]};
      touches_[edge] = faces[edge] > 0;
      pairs_.insert(ends_[edge][0], ends_[edge][1], edge);
      for (uint32_t end : ends_[edge]) around_[end].push_back(edge);
      if (touches_[edge]) heap_.push_back(keys_[edge] = key(edge));
    }
    std::make_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  std::vector<Merge> run() {
    std::vector<Merge> merges;
    while (!heap_.empty()) {
      std::pop_heap(heap_.begin(), heap_.end(), std::greater<>());
      const uint64_t lowest = heap_.back();
      heap_.pop_back();
      const auto edge = static_cast<uint32_t>(lowest);
      if (keys_[edge] != lowest) continue;  // joined since, or scored anew
      merges.push_back(merge(edge, score_of(lowest)));
    }
    for (size_t i = 1; i < merges.size(); ++i) {
      merges[i].score = std::max(merges[i].score, merges[i - 1].score);
    }
    return merges;
  }

 private:
  static constexpr uint64_t kGone = ~0ull;

  // Scores are not negative, and then order as their bits do; ties go to the first edge.
  uint64_t key(uint32_t edge) const {
    const float score = static_cast<float>(linkage_.score(edge)) + 0.0f;  // -0 has other bits
    uint32_t bits;
    std::memcpy(&bits, &score, 4);
    return static_cast<uint64_t>(bits) << 32 | edge;
  }

  static float score_of(uint64_t key) {
    const auto bits = static_cast<uint32_t>(key >> 32);
    float score;
    std::memcpy(&score, &bits, 4);
    return score;
  }

  // The node with fewer edges goes into the other one.
  Merge merge(uint32_t edge, float score) {
    auto [kept, gone] = ends_[edge];
    if (around_[kept].size() < around_[gone].size()) std::swap(kept, gone);
    keys_[edge] = kGone;
    ends_[edge] = {kept, kept};
    for (const uint32_t moved : around_[gone]) {
      if (is_live(moved)) move(moved, gone, kept);
    }
    std::vector<uint32_t>().swap(around_[gone]);
    const auto [low, high] = std::minmax(least_[kept], least_[gone]);
    const Merge done{low, high, score};
    least_[kept] = low;
    return done;
  }

  bool is_live(uint32_t edge) const { return ends_[edge][0] != ends_[edge][1]; }

  void move(uint32_t edge, uint32_t from, uint32_t to) {
    const uint32_t other = ends_[edge][0] == from ? ends_[edge][1] : ends_[edge][0];
    uint32_t& between = pairs_.insert(to, other, edge);  // which may look at ends as they were
    ends_[edge] = {to, other};
    if (between == edge) {
      around_[to].push_back(edge);
      return;
    }
    const uint32_t first = std::min(edge, between), second = std::max(edge, between);
    if (first == edge) around_[to].push_back(edge);
    between = first;
    join(first, second);
  }

  void join(uint32_t edge, uint32_t other) {
    linkage_.join(edge, other);
    touches_[edge] |= touches_[other];
    keys_[other] = kGone;
    ends_[other] = {0, 0};
    if (!touches_[edge]) return;
    const uint64_t changed = key(edge);
    if (changed == keys_[edge]) return;
    heap_.push_back(keys_[edge] = changed);
    std::push_heap(heap_.begin(), heap_.end(), std::greater<>());
  }

  Linkage linkage_;
  PairMap::Ends ends_;
  std::vector<uint8_t> touches_;
  std::vector<uint64_t> keys_;  // of each edge's valid entry in the heap
  PairMap pairs_;
  std::vector<std::vector<uint32_t>> around_;  // a node's edges, and some that are gone
  std::vector<uint32_t> least_;                // first of a region's nodes
  std::vector<uint64_t> heap_;                 // score and edge
};

}  // namespace neuropil
