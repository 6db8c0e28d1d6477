// Kernels to tile elements, and gradients of tile elements back to kernels.

#pragma once

#include "boxes.h"
#include "passes.h"
#include "pool.h"
#include "workspace.h"

namespace neuropil {
namespace NEUROPIL_ISA {

struct Passes {
  AxisPasses axis[3];
  explicit Passes(const Shape& s) {
    for (int a = 0; a < 3; ++a) axis[a] = find_passes(s.tile[a], s.kernel[a]);
  }
};

// A block of vectors: sizes along the three axes and steps, in floats.
struct Region {
  int size[3];
  ptrdiff_t step[3];
};

static inline Region dense(const int (&size)[3]) {
  return {{size[0], size[1], size[2]}, {ptrdiff_t(size[1]) * size[2] * kLanes,
                                        ptrdiff_t(size[2]) * kLanes, kLanes}};
}

// Runs one pass for each axis that has one, in the order given, from one region to another
// by way of two buffers. `sizes_after` are those of the axes once they are transformed.
template <typename Choose>
static inline void run_passes(const Choose& pass_of, const int (&order)[3],
                              const int (&sizes_after)[3], const float* from, Region region,
                              float* to, const ptrdiff_t (&to_step)[3], float* buffers[2]) {
  int left = 0, turn = 0;
  for (int a : order) left += pass_of(a) != nullptr;
  for (int a : order) {
    if (pass_of(a) == nullptr) continue;
    Region next = region;
    next.size[a] = sizes_after[a];
    --left;
    if (left == 0) {
      std::copy(to_step, to_step + 3, next.step);
    } else {
      next = dense(next.size);
    }
    float* const target = left == 0 ? to : buffers[turn];
    const int b = a == 0 ? 1 : 0, c = a == 2 ? 1 : 2;
    pass_of(a)({from, target, region.step[a], next.step[a], region.size[b], region.size[c],
                region.step[b], next.step[b], region.step[c], next.step[c]});
    from = target;
    region = next;
    turn ^= 1;
  }
}

// u[panel][element][channel][kPanel] = G w. Elements lie far apart: some channels are gathered
// first, so that whole runs are written to each.
constexpr int64_t kRun = 8;  // channels

static void transform_weights(const Shape& s, const float* w, float* u, Pool& pool) {
  const int64_t padded = round_up(s.cin, kLanes), panels = ceil_div(s.cout, kPanel);
  const int64_t runs = ceil_div(padded, kRun);
  const int taps = s.kernel[0] * s.kernel[1] * s.kernel[2], elements = s.elements();
  const int64_t tile = int64_t(elements) * kLanes, gathered = elements * kRun * kPanel;
  const int64_t floats = gathered + 2 * tile + taps * kLanes;
  const Passes passes(s);
  const ptrdiff_t step = kRun * kPanel;
  const ptrdiff_t to[3] = {s.tile[1] * s.tile[2] * step, s.tile[2] * step, step};
  const Workspace workspace(floats * pool.threads());
  parallel_for(pool, panels * runs, [&](int worker, int64_t item) {
    const int64_t panel = item / runs, first = item % runs * kRun;
    float* const run = workspace.data() + worker * floats;
    float* buffers[2] = {run + gathered, run + gathered + tile};
    float* const taps_of = run + gathered + 2 * tile;
    for (int64_t c = first; c < first + kRun; ++c) {
      for (int half = 0; half < 2; ++half) {
        const int64_t channel = panel * kPanel + half * kLanes;
        const int64_t there = c < s.cin ? std::max<int64_t>(0, s.cout - channel) : 0;
        const int lanes = int(std::min<int64_t>(kLanes, there));
        for (int k = 0; k < taps; ++k) {
          const float* from = w + (k * s.cin + c) * s.cout + channel;
          store(taps_of + k * kLanes, lanes == kLanes ? load(from)
                                      : lanes == 0    ? Vec{}
                                                      : load_some(from, lanes));
        }
        run_passes([&](int a) { return passes.axis[a].kernel; }, {2, 1, 0}, s.tile, taps_of,
                   dense(s.kernel), run + (c - first) * kPanel + half * kLanes, to, buffers);
      }
    }
    const int64_t count = std::min(kRun, padded - first) * kPanel;
    for (int e = 0; e < elements; ++e) {
      std::copy_n(run + e * step, count, u + ((panel * elements + e) * padded + first) * kPanel);
    }
  });
}

// dw = G^T of the sum over `parts` of du[element][panel][channel][kPanel], by runs likewise.
static void gather_weights(const Shape& s, const float* du, int64_t parts, float* dw, Pool& pool) {
  const int64_t padded = round_up(s.cin, kLanes), panels = ceil_div(s.cout, kPanel);
  const int64_t runs = ceil_div(s.cin, kRun);
  const int taps = s.kernel[0] * s.kernel[1] * s.kernel[2], elements = s.elements();
  const int64_t tile = int64_t(elements) * kLanes, gathered = elements * kRun * kPanel;
  const int64_t floats = gathered + 2 * tile + taps * kLanes;
  const ptrdiff_t step = panels * padded * kPanel, part_step = elements * step;
  const ptrdiff_t run_step = kRun * kPanel;
  const Region of_run = {{s.tile[0], s.tile[1], s.tile[2]},
                         {s.tile[1] * s.tile[2] * run_step, s.tile[2] * run_step, run_step}};
  const Passes passes(s);
  const Workspace workspace(floats * pool.threads());
  parallel_for(pool, panels * runs, [&](int worker, int64_t item) {
    const int64_t panel = item / runs, first = item % runs * kRun;
    const int64_t channels = std::min(kRun, s.cin - first);
    float* const run = workspace.data() + worker * floats;
    float* buffers[2] = {run + gathered, run + gathered + tile};
    float* const result = run + gathered + 2 * tile;
    for (int e = 0; e < elements; ++e) {
      const float* const from = du + e * step + (panel * padded + first) * kPanel;
      for (int64_t i = 0; i < channels * kPanel; i += kLanes) {
        Vec sum = load(from + i);
        for (int64_t part = 1; part < parts; ++part) sum += load(from + part * part_step + i);
        store(run + e * run_step + i, sum);
      }
    }
    for (int64_t c = 0; c < channels; ++c) {
      for (int half = 0; half < 2; ++half) {
        const int64_t channel = panel * kPanel + half * kLanes;
        if (channel >= s.cout) break;
        run_passes([&](int a) { return passes.axis[a].gather; }, {0, 1, 2}, s.kernel,
                   run + c * kPanel + half * kLanes, of_run, result, dense(s.kernel).step,
                   buffers);
        const int lanes = int(std::min<int64_t>(kLanes, s.cout - channel));
        for (int k = 0; k < taps; ++k) {
          store_some(dw + (k * s.cin + first + c) * s.cout + channel, load(result + k * kLanes),
                     lanes);
        }
      }
    }
  });
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
