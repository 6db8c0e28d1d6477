// Contingency table of two label arrays: voxels that carry each pair of labels.
//
// Labels come in long runs along a row, so runs of one pair are found first, by
// comparing neighbours, and only a run costs a look into a hash table. Each thread
// counts a stretch of its own into a table of its own; the tables are then joined
// and sorted, so that the result does not depend on the number of threads.

#pragma once

#include <algorithm>
#include <cstdint>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

namespace neuropil {

struct PairCount {
  uint64_t truth, prediction;
  int64_t count;
  bool operator<(const PairCount& o) const {
    return truth != o.truth ? truth < o.truth : prediction < o.prediction;
  }
};

// Open addressing with linear probing; an empty slot has count 0.
class PairTable {
 public:
  void add(uint64_t truth, uint64_t prediction, int64_t count) {
    if (2 * (size_ + 1) > slots_.size()) grow();
    PairCount& slot = find(truth, prediction);
    if (slot.count == 0) {
      slot.truth = truth;
      slot.prediction = prediction;
      ++size_;
    }
    slot.count += count;
  }

  std::vector<PairCount> take() {
    slots_.erase(std::remove_if(slots_.begin(), slots_.end(),
                                [](const PairCount& slot) { return slot.count == 0; }),
                 slots_.end());
    return std::move(slots_);
  }

 private:
  PairCount& find(uint64_t truth, uint64_t prediction) {
    const size_t mask = slots_.size() - 1;
    size_t place = hash(truth, prediction) & mask;
    while (slots_[place].count != 0 &&
           (slots_[place].truth != truth || slots_[place].prediction != prediction)) {
      place = (place + 1) & mask;
    }
    return slots_[place];
  }

  // Ids are consecutive or multiples of some stride: every bit has to matter.
  static size_t hash(uint64_t truth, uint64_t prediction) {
    uint64_t h = truth * 0x9E3779B97F4A7C15ull ^ (prediction + 0x7F4A7C15ull) * 0xD6E8FEB86659FD93ull;
    h ^= h >> 32;
    h *= 0xD6E8FEB86659FD93ull;
    return h ^ (h >> 29);
  }

  void grow() {
    std::vector<PairCount> old(slots_.empty() ? 1024 : 2 * slots_.size(), PairCount{0, 0, 0});
    old.swap(slots_);
    for (const PairCount& slot : old) {
      if (slot.count != 0) find(slot.truth, slot.prediction) = slot;
    }
  }

  std::vector<PairCount> slots_;
  size_t size_ = 0;
};

template <typename Truth, typename Prediction>
void count_stretch(const Truth* truth, const Prediction* prediction, size_t begin, size_t end,
                   PairTable& table) {
  while (begin < end) {
    const Truth t = truth[begin];
    const Prediction p = prediction[begin];
    size_t stop = begin + 1;
    while (stop < end && truth[stop] == t && prediction[stop] == p) ++stop;
    table.add(t, p, static_cast<int64_t>(stop - begin));
    begin = stop;
  }
}

// Adds up equal pairs of a sorted list, in place.
inline void sum_equal(std::vector<PairCount>& pairs) {
  size_t kept = 0;
  for (const PairCount& pair : pairs) {
    if (kept > 0 && !(pairs[kept - 1] < pair)) {
      pairs[kept - 1].count += pair.count;
    } else {
      pairs[kept++] = pair;
    }
  }
  pairs.resize(kept);
}

template <typename Truth, typename Prediction>
std::vector<PairCount> count_pairs(const Truth* truth, const Prediction* prediction, size_t voxels,
                                   size_t threads) {
  threads = std::max<size_t>(1, std::min(threads, voxels >> 18));  // a stretch worth a thread
  std::vector<PairTable> tables(threads);
  std::vector<std::exception_ptr> failures(threads);
  auto count = [&](size_t thread) noexcept {
    try {
      count_stretch(truth, prediction, voxels * thread / threads, voxels * (thread + 1) / threads,
                    tables[thread]);
    } catch (...) {  // out of memory: told to the caller once all threads are done
      failures[thread] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  others.reserve(threads - 1);
  size_t started = 1;
  try {
    for (; started < threads; ++started) others.emplace_back(count, started);
  } catch (const std::system_error&) {  // no more threads: this one counts the rest
  }
  for (size_t thread = started; thread < threads; ++thread) count(thread);
  count(0);
  for (std::thread& other : others) other.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }

  std::vector<PairCount> pairs = tables[0].take();
  for (size_t thread = 1; thread < threads; ++thread) {
    const std::vector<PairCount> more = tables[thread].take();
    pairs.insert(pairs.end(), more.begin(), more.end());
  }
  std::sort(pairs.begin(), pairs.end());
  sum_equal(pairs);
  return pairs;
}

}  // namespace neuropil
