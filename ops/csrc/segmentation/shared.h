// What the kernels share: shapes, tasks on threads, the widest vectors of the CPU, marks.

#pragma once

#include <algorithm>
#include <atomic>
#include <cstddef>
#include <cstdint>
#include <cstring>
#include <exception>
#include <system_error>
#include <thread>
#include <vector>

// A function so marked is built once for each instruction set and chosen when the module is
// loaded. It has to be a plain function, with its loops in it.
#if defined(__x86_64__) && defined(__linux__) && defined(__GNUC__) && !defined(__clang__)
#define NEUROPIL_VECTORS __attribute__((target_clones("arch=x86-64-v4", "avx2", "default")))
#else
#define NEUROPIL_VECTORS
#endif

namespace neuropil {

struct Grid {
  size_t depth, rows, width;  // z, y, x
  size_t section() const { return rows * width; }
  size_t voxels() const { return depth * rows * width; }
};

inline size_t threads_for(size_t threads, size_t tasks) {
  if (threads == 0) threads = std::thread::hardware_concurrency();
  return std::max<size_t>(1, std::min(threads, tasks));
}

// Calls work(task, thread) once for each task; the threads take the tasks in order. The first
// exception of a thread ends its part, and is thrown again once all threads are done.
template <typename Work>
void for_each_task(size_t tasks, size_t threads, Work work) {
  threads = threads_for(threads, tasks);
  std::atomic<size_t> next{0};
  std::vector<std::exception_ptr> failures(threads);
  auto run = [&](size_t thread) noexcept {
    try {
      for (size_t task; (task = next.fetch_add(1)) < tasks;) work(task, thread);
    } catch (...) {
      failures[thread] = std::current_exception();
    }
  };
  std::vector<std::thread> others;
  others.reserve(threads - 1);
  try {
    while (others.size() + 1 < threads) others.emplace_back(run, others.size() + 1);
  } catch (const std::system_error&) {  // no more threads: those that run do all tasks
  }
  run(0);
  for (std::thread& other : others) other.join();
  for (const std::exception_ptr& failure : failures) {
    if (failure) std::rethrow_exception(failure);
  }
}

// Calls work(x) where marks[x] is set; `marks` goes on with zeros to a multiple of eight.
template <typename Work>
void for_each_mark(const uint8_t* marks, size_t width, Work work) {
  for (size_t x = 0; x < width; x += 8) {
    uint64_t eight;
    std::memcpy(&eight, marks + x, 8);
    if (eight == 0) continue;
    for (size_t i = x; i < x + 8; ++i) {
      if (marks[i]) work(i);
    }
  }
}

}  // namespace neuropil
