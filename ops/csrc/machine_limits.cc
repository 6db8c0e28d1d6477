// How fast this machine can compute and read at all, which is what kernels are held against:
// `_native.fma_peak` and `_native.read_bandwidth`.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <algorithm>
#include <atomic>
#include <chrono>
#include <functional>
#include <stdexcept>
#include <thread>
#include <vector>

#include "module.h"
#include "winograd/dispatch.h"

namespace nb = nanobind;

namespace {

using Clock = std::chrono::steady_clock;
using Data = nb::ndarray<const float, nb::ndim<1>, nb::c_contig, nb::device::cpu>;

// Seconds from the first start to the last end of work(thread) on threads that begin together.
double seconds_of(int threads, const std::function<void(int)>& work) {
  std::atomic<int> missing{threads};
  std::vector<Clock::time_point> start(threads), end(threads);
  const auto run = [&](int thread) {
    for (missing.fetch_sub(1); missing.load() > 0;) std::this_thread::yield();
    start[thread] = Clock::now();
    work(thread);
    end[thread] = Clock::now();
  };
  std::vector<std::thread> others;
  const auto join = [&others] {
    for (std::thread& other : others) other.join();
  };
  try {
    for (int thread = 1; thread < threads; ++thread) others.emplace_back(run, thread);
  } catch (...) {  // no more threads: those that wait are let go
    missing = 0;
    join();
    throw;
  }
  run(0);
  join();
  const auto first = *std::min_element(start.begin(), start.end());
  const auto last = *std::max_element(end.begin(), end.end());
  return std::chrono::duration<double>(last - first).count();
}

void check(int threads, int64_t repeats) {
  if (threads < 1 || repeats < 1) {
    throw std::invalid_argument("threads and repeats need to be at least 1");
  }
}

double fma_peak(int threads, int64_t steps) {
  check(threads, steps);
  std::vector<double> flop(threads);
  const auto work = [&](int thread) { flop[thread] = neuropil::kernels().multiply_add(steps); };
  const double seconds = seconds_of(threads, work);
  return threads * flop[0] / seconds / 1e9;
}

double read_bandwidth(const Data& data, int threads, int64_t passes) {
  check(threads, passes);
  const nb::gil_scoped_release unlocked;
  const float* const values = data.data();
  const int64_t floats = int64_t(data.size());
  const double seconds = seconds_of(threads, [&](int thread) {
    const int64_t begin = floats * thread / threads, end = floats * (thread + 1) / threads;
    for (int64_t pass = 0; pass < passes; ++pass) {
      neuropil::kernels().read_memory(values + begin, end - begin);
    }
  });
  return double(sizeof(float)) * double(floats) * double(passes) / seconds / 1e9;
}

}  // namespace

void bind_machine_limits(nb::module_& module) {
  module.def("fma_peak", &fma_peak, nb::arg("threads"), nb::arg("steps"),
             nb::call_guard<nb::gil_scoped_release>(),
             "GFLOP/s of multiply-adds in the registers of all threads, each doing so many steps.");
  module.def("read_bandwidth", &read_bandwidth, nb::arg("data"), nb::arg("threads"),
             nb::arg("passes"),
             "GB/s at which threads read float32 numbers, each a part of its own, so many times.");
}
