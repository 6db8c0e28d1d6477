// The gradient of the kernels: dU[element] += V[element]^T Z[element] over all tiles, with
// V = B^T x, as in the forward direction, and Z = A dy; at the end dw = G^T dU.
//
//   V[element][group][tile][kLanes]           of a slice of a block of tiles
//   Z[element][panel][tile][kPanel]
//   dU[part][element][panel][channel][kPanel]

#pragma once

#include "schedule.h"
#include "weights.h"

namespace neuropil {
namespace NEUROPIL_ISA {

struct GradientSizes {
  int64_t groups, panels, r;
  int64_t box_plane, y_box;  // of one box in a plane of x, and of dy
  ptrdiff_t v_step, z_step, x_plane, y_plane;
  int64_t v, z, lines, spare;
  int64_t block, total;  // of what is in use throughout, and of all

  GradientSizes(const Shape& s, const Grid& grid)
      : groups(ceil_div(s.cin, kLanes)), panels(ceil_div(s.cout, kPanel)), r(grid.r) {
    const Source x = input_of(s, nullptr), dy = gradient_of(s, nullptr);
    const int64_t columns = x.extent(grid.largest(), 2), of_slice = s.tile[1] * s.tile[2];
    box_plane = x.pixels(grid.largest()) * groups * kLanes;
    y_box = dy.pixels(grid.largest()) * panels * kPanel;
    x_plane = round_up(grid.per_block * box_plane, 1024) + 16;
    y_plane = round_up(grid.per_block * y_box, 1024) + 16;
    v_step = groups * r * kLanes + 16;
    z_step = panels * r * kPanel + 16;
    v = of_slice * v_step;
    z = of_slice * z_step;
    lines = s.tile[1] * columns * kLanes;
    spare = std::max(spare_floats(x, columns), spare_floats(dy, columns));
    block = s.tile[0] * (x_plane + y_plane) + v + z;
    total = round_up(block + lines + spare, 1024) + 64;
  }
};

// As in the staged schedule: V and Z of all tiles, then each sum at once.
struct StagedGradientSizes {
  int64_t groups, panels, r;
  ptrdiff_t v_step, z_step;
  int64_t v, z, du, thread;

  StagedGradientSizes(const Shape& s, const Grid& grid)
      : groups(ceil_div(s.cin, kLanes)), panels(ceil_div(s.cout, kPanel)), r(s.tiles()) {
    v_step = groups * r * kLanes + 16;
    z_step = panels * r * kPanel + 16;
    v = s.elements() * v_step;
    z = s.elements() * z_step;
    du = s.elements() * panels * groups * kLanes * kPanel;
    thread = std::max(Forth(s, input_of(s, nullptr), grid, int(groups)).total,
                      Forth(s, gradient_of(s, nullptr), grid, int(2 * panels)).total);
  }
  int64_t total(int64_t threads) const { return v + z + du + threads * thread + 1024; }
};

static inline bool gradient_is_staged(const Shape& s, const Grid& grid, int64_t threads,
                                      const Caches& caches) {
  const StagedGradientSizes sizes(s, staged_grid(s));
  const double fused = block_cycles<GradientSizes>(s, grid, caches, 2);
  // V and Z are written in scattered lines, which costs more than their bytes.
  const double moved = kernel_bytes(s) + 12 * 4.0 * (sizes.v + sizes.z);
  return moved / kFarBytes / threads < fused * ceil_div(grid.blocks, threads);
}

static void gradient_fused(const Shape& s, const Grid& grid, const float* x, const float* dy,
                           float* dw, Pool& pool) {
  const int64_t parts = pool.threads();
  const GradientSizes sizes(s, grid);
  const Source input = input_of(s, x), gradient = gradient_of(s, dy);
  const Layout v_layout{sizes.v_step, sizes.r * kLanes, kLanes, 1};
  const Layout z_layout{sizes.z_step, sizes.r * kPanel, kPanel, 2};
  const int of_slice = s.tile[1] * s.tile[2];
  const int groups = int(sizes.groups), halves = int(2 * sizes.panels);
  const int64_t padded = groups * kLanes, du_floats = s.elements() * sizes.panels * padded * kPanel;
  const Workspace workspace(sizes.total * parts), sums(du_floats * parts);

  // Every part has its own blocks and its own sum, so that the result is the same however
  // the pool hands the parts out.
  parallel_for(pool, parts, [&](int, int64_t part) {
    float* const x_planes = workspace.data() + part * sizes.total;
    float* const y_planes = x_planes + s.tile[0] * sizes.x_plane;
    float* const v = y_planes + s.tile[0] * sizes.y_plane;
    float* const z = v + sizes.v;
    float* const lines = z + sizes.z;
    float* const du = sums.data() + part * du_floats;
    std::fill_n(du, du_floats, 0.0f);
    for (int64_t block = part; block < grid.blocks; block += parts) {
      const std::vector<Box> boxes = grid.block(s, block);
      const int tiles = int(boxes.back().first + boxes.back().tiles());
      for (size_t b = 0; b < boxes.size(); b += grid.strip) {
        float* const spare = lines + sizes.lines;
        transform_planes(input, boxes[b], groups, x_planes + b * sizes.box_plane, sizes.x_plane,
                         sizes.box_plane, spare);
        transform_planes(gradient, boxes[b], halves, y_planes + b * sizes.y_box, sizes.y_plane,
                         sizes.y_box, spare);
      }
      for (int d = 0; d < s.tile[0]; ++d) {
        for (size_t b = 0; b < boxes.size(); ++b) {
          transform_slice(input, boxes[b], groups, x_planes + d * sizes.x_plane + b * sizes.box_plane,
                          v, v_layout, lines);
          transform_slice(gradient, boxes[b], halves,
                          y_planes + d * sizes.y_plane + b * sizes.y_box, z, z_layout, lines);
        }
        for (int64_t e = 0; e < of_slice; ++e) {
          for (int64_t panel = 0; panel < sizes.panels; ++panel) {
            const float* const right = z + e * sizes.z_step + panel * sizes.r * kPanel;
            float* const total =
                du + ((d * of_slice + e) * sizes.panels + panel) * padded * kPanel;
            for (int64_t c = 0; c < padded; c += kGradientRows) {
              const float* const left = v + e * sizes.v_step + c / kLanes * v_layout.group;
              accumulate(left + c % kLanes, tiles, right, total + c * kPanel, kPanel);
            }
          }
        }
      }
    }
  });
  gather_weights(s, sums.data(), parts, dw, pool);
}

constexpr int64_t kInL1 = 96;  // tiles of a panel of Z that stay there

static void gradient_staged(const Shape& s, const float* x, const float* dy, float* dw,
                            Pool& pool) {
  const Grid grid = staged_grid(s);
  const StagedGradientSizes sizes(s, grid);
  const Layout v_layout{sizes.v_step, sizes.r * kLanes, kLanes, 1};
  const Layout z_layout{sizes.z_step, sizes.r * kPanel, kPanel, 2};
  const Workspace workspace(sizes.total(pool.threads()));
  float* const v = workspace.data();
  float* const z = v + sizes.v;
  float* const du = z + sizes.z;
  float* const scratch = du + sizes.du;
  transform_all(s, input_of(s, x), grid, int(sizes.groups), v, v_layout, scratch, pool);
  transform_all(s, gradient_of(s, dy), grid, int(2 * sizes.panels), z, z_layout, scratch, pool);
  const int64_t padded = sizes.groups * kLanes;
  parallel_for(pool, s.elements() * sizes.panels, [&](int, int64_t item) {
    const int64_t e = item / sizes.panels, panel = item % sizes.panels;
    float* const total = du + item * padded * kPanel;
    std::fill_n(total, padded * kPanel, 0.0f);
    const float* const right = z + e * sizes.z_step + panel * z_layout.group;
    for (int64_t first = 0; first < sizes.r; first += kInL1) {
      const int tiles = int(std::min(kInL1, sizes.r - first));
      for (int64_t c = 0; c < padded; c += kGradientRows) {
        const float* const left = v + e * sizes.v_step + c / kLanes * v_layout.group;
        accumulate(left + first * kLanes + c % kLanes, tiles, right + first * kPanel,
                   total + c * kPanel, kPanel);
      }
    }
  });
  gather_weights(s, du, 1, dw, pool);
}

static void weight_gradient(const Shape& s, const float* x, const float* dy, float* dw,
                            const Caches& caches, Pool& pool) {
  const Grid grid = cheapest_grid<GradientSizes>(s, pool.threads(), caches, 2);
  if (gradient_is_staged(s, grid, pool.threads(), caches)) {
    gradient_staged(s, x, dy, dw, pool);
  } else {
    gradient_fused(s, grid, x, dy, dw, pool);
  }
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
