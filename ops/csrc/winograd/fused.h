// Convolution in the fused schedule (Gelashvili, Shavit, Zlateski 2019).
//
//   U[panel][element][channel][kPanel]      transformed kernels
//   V[element][group][tile][kLanes]         transformed input of a block of tiles
//   M[element][tile][kPanel]                their products, of one panel
//
// A thread takes a block of tiles through all stages, slice by slice; what it holds stays in
// its L2, and U, shared by all threads, in L3. The more tiles of a block, the less often U is
// read. The planes of the input give way, slice by slice, to those of the result.

#pragma once

#include <atomic>

#include "gemm.h"
#include "pool.h"
#include "results.h"
#include "slices.h"
#include "workspace.h"

namespace neuropil {
namespace NEUROPIL_ISA {

// Sizes, in floats, of what a thread holds. Strides are a cache line longer than they need be:
// powers of two would all fall into a few cache sets.
struct FusedSizes {
  int64_t groups, panels, r;
  int64_t box_plane;  // of one box's input in a plane
  ptrdiff_t v_step, m_step, partial_step, partial_panel, plane;
  int64_t v, m, lines, spare;
  int64_t block, total;  // of what is in use throughout, and of all

  FusedSizes(const Shape& s, const Grid& grid)
      : groups(ceil_div(s.cin, kLanes)), panels(ceil_div(s.cout, kPanel)), r(grid.r) {
    const Source source = input_of(s, nullptr);
    const int64_t columns = source.extent(grid.largest(), 2), of_slice = s.tile[1] * s.tile[2];
    box_plane = source.pixels(grid.largest()) * groups * kLanes;
    v_step = groups * r * kLanes + 16;
    m_step = partial_step = r * kPanel + 16;
    partial_panel = s.m(1) * s.m(2) * partial_step;
    plane = round_up(std::max(grid.per_block * box_plane, panels * partial_panel), 1024) + 16;
    v = of_slice * v_step;
    m = of_slice * m_step;
    lines = std::max(s.tile[1] * columns, back_lines(s)) * kLanes;
    spare = spare_floats(source, columns);
    block = s.tile[0] * plane + v + m;
    total = round_up(block + lines + spare, 1024) + 64;
  }
};

// m[tile][kPanel] = v[group][tile] u, for one element and panel; any number of tiles.
static inline void multiply_tiles(int64_t tiles, const float* v, ptrdiff_t group_step, int groups,
                                  const float* u, float* m, bool half) {
  const int64_t parts = ceil_div(tiles, most_rows(half ? 1 : 2));
  for (int64_t part = 0, i = 0; part < parts; ++part) {
    const int64_t end = (part + 1) * tiles / parts;
    (half ? multiply<1> : multiply<2>)(int(end - i), v + i * kLanes, group_step, groups, u,
                                       m + i * kPanel);
    i = end;
  }
}

// Whether a panel has channels in its first vector alone.
static inline bool half_panel(const Shape& s, int64_t panel) {
  return s.cout - panel * kPanel <= kLanes;
}

static void convolve_fused(const Shape& s, const Grid& grid, const float* x, const float* u,
                           const Target& target, Pool& pool) {
  const FusedSizes sizes(s, grid);
  const Source source = input_of(s, x);
  const Back back(s);
  const Finish finish = find_finish(s);
  const Layout layout{sizes.v_step, sizes.r * kLanes, kLanes, 1};
  const int of_slice = s.tile[1] * s.tile[2], groups = int(sizes.groups);
  const int64_t u_step = sizes.groups * kLanes * kPanel;
  const Workspace workspace(sizes.total * pool.threads());

  parallel_for(pool, grid.blocks, [&](int worker, int64_t index) {
    float* const planes = workspace.data() + worker * sizes.total;
    float* const v = planes + s.tile[0] * sizes.plane;
    float* const m = v + sizes.v;
    float* const lines = m + sizes.m;
    const std::vector<Box> boxes = grid.block(s, index);
    const int64_t tiles = boxes.back().first + boxes.back().tiles();
    for (size_t b = 0; b < boxes.size(); b += grid.strip) {
      transform_planes(source, boxes[b], groups, planes + b * sizes.box_plane, sizes.plane,
                       sizes.box_plane, lines + sizes.lines);
    }
    for (int d = 0; d < s.tile[0]; ++d) {
      float* const plane = planes + d * sizes.plane;
      for (size_t b = 0; b < boxes.size(); ++b) {
        transform_slice(source, boxes[b], groups, plane + b * sizes.box_plane, v, layout, lines);
      }
      for (int64_t panel = 0; panel < sizes.panels; ++panel) {
        const bool half = half_panel(s, panel);
        const float* const kernels = u + (panel * s.elements() + d * of_slice) * u_step;
        for (int e = 0; e < of_slice; ++e) {
          multiply_tiles(tiles, v + e * sizes.v_step, layout.group, groups, kernels + e * u_step,
                         m + e * sizes.m_step, half);
        }
        transform_back(back, m, sizes.m_step, plane + panel * sizes.partial_panel,
                       sizes.partial_step, tiles, half, lines);
      }
    }
    std::vector<Place> places;
    for (const Box& box : boxes) add_places(s, box, places);
    // Phases in turn, since their results lie side by side.
    for (size_t b = 0; b < boxes.size(); b += grid.strip) {
      const int64_t of_box = boxes[b].tiles(), first = boxes[b].first;
      for (int64_t i = first; i < first + of_box; ++i) {
        for (int64_t tile = i; tile < first + grid.strip * of_box; tile += of_box) {
          finish(target, {planes + tile * kPanel, sizes.plane, sizes.partial_step,
                          sizes.partial_panel}, places[tile]);
        }
      }
    }
    end_stream();
  });
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
