// Which schedule a convolution takes, and how large its blocks are, by the bytes that it
// moves between L3 and the cores.

#pragma once

#include <type_traits>

#include "staged.h"

namespace neuropil {
namespace NEUROPIL_ISA {

constexpr double kFarBytes = 8;       // per cycle, from L3 to a core
constexpr double kNearBytes = 48;     // from L2
constexpr double kMemoryBytes = 4;
constexpr double kNearest = 36e3;     // bytes of a slice that stay in L1
constexpr double kMostBytes = 3.5e6;  // that a thread may hold

static inline double kernel_bytes(const Shape& s) {
  return 4.0 * s.elements() * round_up(s.cin, kLanes) * round_up(s.cout, kPanel);
}

// Cycles that a block costs beyond its arithmetic: kernels (or their sums) come anew for it,
// from where they fit, and so does what it holds beyond L2.
template <typename Sizes>
static inline double block_cycles(const Shape& s, const Grid& grid, const Caches& caches,
                                  int passes_over_kernels) {
  const double kernels = kernel_bytes(s);
  const bool near = kernels < 0.5 * caches.l2;
  const double rate = near ? kNearBytes : kernels < 0.5 * caches.l3 ? kFarBytes : kMemoryBytes;
  const double room = 0.75 * caches.l2 - (near ? kernels : 0);
  const double spilt = std::max(0.0, 4.0 * Sizes(s, grid).block - room);
  return passes_over_kernels * kernels / rate + 2 * spilt / kFarBytes;
}

// Cycles that a block costs more where a slice of V and M, which is written and read for each of
// tile[0], does not stay in L1.
static inline double slice_cycles(const Shape& s, const FusedSizes& sizes) {
  const double slice = 4.0 * (sizes.v + (s.cout > kLanes ? sizes.m : sizes.m / 2));
  return slice > kNearest ? 2 * s.tile[0] * slice / kNearBytes : 0;
}

// The blocks that cost least. Pixels that boxes do not share are transformed twice, and rows
// that do not fill a micro-kernel are slow.
template <typename Sizes>
static inline Grid cheapest_grid(const Shape& s, int64_t threads, const Caches& caches,
                                 int passes_over_kernels) {
  const double products = 2.0 * s.elements() * s.cin * s.cout / (4 * kLanes);
  const int64_t fair = std::max<int64_t>(1, ceil_div(s.tiles(), threads));
  const int64_t n1 = s.tiles_along(1), n2 = s.tiles_along(2);
  const int64_t most = std::max<int64_t>(1, 8 * kRows / s.steps[2]);  // of each box of a strip
  const int64_t full = most_rows(s.cout > kLanes ? 2 : 1);
  Grid best(s, 1, 1, 1);
  double least = -1;
  const auto consider = [&](int64_t along_1, int64_t along_2, int64_t strips) {
    const Grid grid(s, along_1, along_2, strips);
    const Sizes sizes(s, grid);
    if (grid.r > fair || 4.0 * sizes.block > kMostBytes) return;
    const double pixels = double(sizes.box_plane) / (grid.most[0] * grid.most[1]);
    const double rows = double(round_up(grid.r, full)) / grid.r;
    double of_block = block_cycles<Sizes>(s, grid, caches, passes_over_kernels);
    if constexpr (std::is_same_v<Sizes, FusedSizes>) of_block += slice_cycles(s, sizes);
    const double cost = of_block / grid.r + 0.6 * pixels + 0.1 * rows * products;
    if (least < 0 || cost < least) least = cost, best = grid;
  };
  for (int64_t i = 1; i <= std::min(n1, most); ++i) {
    for (int64_t j = 1; j <= std::min(n2, most / i); ++j) consider(i, j, 1);
  }
  for (int64_t k = 2; k * n1 * n2 <= most; ++k) consider(n1, n2, k);
  return best;
}

struct Schedule {
  Grid grid;  // of the fused schedule
  bool staged;

  Schedule(const Shape& s, int64_t threads, const Caches& caches)
      : grid(cheapest_grid<FusedSizes>(s, threads, caches, 1)) {
    const StagedSizes sizes(s, staged_grid(s));
    const double fused = block_cycles<FusedSizes>(s, grid, caches, 1);
    const double moved = kernel_bytes(s) + 3 * 4.0 * (sizes.v + sizes.m);
    staged = moved / kFarBytes / threads < fused * ceil_div(grid.blocks, threads);
  }
};

static void convolve(const Shape& s, const float* x, const float* u, const Epilogue& epilogue,
                     float* y, const Caches& caches, Pool& pool) {
  const Schedule schedule(s, pool.threads(), caches);
  const Target target(s, epilogue, y, caches.l2);
  if (schedule.staged) return convolve_staged(s, x, u, target, pool);
  convolve_fused(s, schedule.grid, x, u, target, pool);
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
