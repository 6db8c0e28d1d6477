// Convolution in the staged schedule, for few tiles or kernels beyond L3: V of all tiles, then
// M of all, then the results. Threads share out the kernels, each of which is read once.

#pragma once

#include "fused.h"

namespace neuropil {
namespace NEUROPIL_ISA {

constexpr int64_t kTogether = 4;  // tiles that are transformed back at a time

// All tiles of a source; a thread's scratch holds tile[0] planes, `plane` floats apart, `lines`
// floats and the spare ones, `total` in all.
struct Forth {
  ptrdiff_t box, plane;  // floats of a box in a plane, and of a strip
  int64_t lines, total;
  Forth(const Shape& s, const Source& source, const Grid& grid, int vectors) {
    const int64_t columns = source.extent(grid.largest(), 2);
    box = source.pixels(grid.largest()) * vectors * kLanes;
    plane = grid.strip * box + 16;
    lines = s.tile[1] * columns * kLanes;
    total = round_up(s.tile[0] * plane + lines + spare_floats(source, columns), 1024) + 64;
  }
};

static void transform_all(const Shape& s, const Source& source, const Grid& grid, int vectors,
                          float* v, const Layout& layout, float* scratch, Pool& pool) {
  const Forth sizes(s, source, grid, vectors);
  std::vector<Box> boxes;
  for (int64_t b = 0; b < grid.boxes; ++b) {
    boxes.push_back(grid.box(s, b));
    if (b > 0) boxes[b].first = boxes[b - 1].first + boxes[b - 1].tiles();
  }
  parallel_for(pool, grid.boxes / grid.strip, [&](int worker, int64_t strip) {
    const int64_t first = strip * grid.strip;
    float* const planes = scratch + worker * sizes.total;
    float* const lines = planes + s.tile[0] * sizes.plane;
    transform_planes(source, boxes[first], vectors, planes, sizes.plane, sizes.box,
                     lines + sizes.lines);
    for (int d = 0; d < s.tile[0]; ++d) {
      for (int64_t b = 0; b < grid.strip; ++b) {
        transform_slice(source, boxes[first + b], vectors, planes + d * sizes.plane + b * sizes.box,
                        v + d * s.tile[1] * s.tile[2] * layout.element, layout, lines);
      }
    }
  });
}

struct StagedSizes {
  int64_t groups, panels, r;
  ptrdiff_t v_step, m_step, partial_step, partial_panel;
  int64_t v, m, forth, back;  // of all threads, and of each thread forth and back

  StagedSizes(const Shape& s, const Grid& grid)
      : groups(ceil_div(s.cin, kLanes)), panels(ceil_div(s.cout, kPanel)), r(s.tiles()) {
    v_step = groups * r * kLanes + 16;
    m_step = r * kPanel + 16;
    v = s.elements() * v_step;
    m = panels * s.elements() * m_step;
    forth = Forth(s, input_of(s, nullptr), grid, int(groups)).total;
    partial_step = kTogether * kPanel;
    partial_panel = s.m(1) * s.m(2) * partial_step;
    back = s.tile[0] * (panels * partial_panel + 16) + back_lines(s) * kLanes;
    back = round_up(back, 1024) + 64;
  }
  int64_t total(int64_t threads) const { return v + m + threads * std::max(forth, back); }
};

static inline Grid staged_grid(const Shape& s) { return Grid(s, 4, 4, 1); }

static void finish_all(const Shape& s, const Grid& grid, const StagedSizes& sizes, const float* m,
                       const Target& target, float* scratch, Pool& pool) {
  const Back back(s);
  const Finish finish = find_finish(s);
  const ptrdiff_t plane = sizes.panels * sizes.partial_panel + 16;
  std::vector<Place> places;
  for (int64_t b = 0; b < grid.boxes; ++b) add_places(s, grid.box(s, b), places);
  parallel_for(pool, ceil_div(sizes.r, kTogether), [&](int worker, int64_t item) {
    float* const partial = scratch + worker * sizes.back;
    const int64_t first = item * kTogether, count = std::min(kTogether, sizes.r - first);
    for (int d = 0; d < s.tile[0]; ++d) {
      for (int64_t panel = 0; panel < sizes.panels; ++panel) {
        const int64_t element = panel * s.elements() + d * s.tile[1] * s.tile[2];
        transform_back(back, m + element * sizes.m_step + first * kPanel, sizes.m_step,
                       partial + d * plane + panel * sizes.partial_panel, sizes.partial_step,
                       count, half_panel(s, panel), partial + s.tile[0] * plane);
      }
    }
    for (int64_t i = 0; i < count; ++i) {
      finish(target, {partial + i * kPanel, plane, sizes.partial_step, sizes.partial_panel},
             places[first + i]);
    }
    end_stream();
  });
}

static void convolve_staged(const Shape& s, const float* x, const float* u, const Target& target,
                            Pool& pool) {
  const Grid grid = staged_grid(s);
  const StagedSizes sizes(s, grid);
  const Workspace workspace(sizes.total(pool.threads()));
  float* const v = workspace.data();
  float* const m = v + sizes.v;
  float* const scratch = m + sizes.m;
  const int64_t u_step = sizes.groups * kLanes * kPanel;
  const Layout layout{sizes.v_step, sizes.r * kLanes, kLanes, 1};
  transform_all(s, input_of(s, x), grid, int(sizes.groups), v, layout, scratch, pool);
  parallel_for(pool, sizes.panels * s.elements(), [&](int, int64_t item) {
    // Panels of one element follow each other, so that its V is still near.
    const int64_t e = item / sizes.panels, panel = item % sizes.panels;
    const int64_t at = panel * s.elements() + e;
    multiply_tiles(sizes.r, v + e * sizes.v_step, layout.group, int(sizes.groups),
                   u + at * u_step, m + at * sizes.m_step, half_panel(s, panel));
  });
  finish_all(s, grid, sizes, m, target, scratch, pool);
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
