// Convolution, kernel transform and weight gradient of one instruction set.
//
//   U[panel][element][channel][kPanel]      transformed kernels
//   V[element][group][tile][kLanes]         transformed input of a block of tiles
//   M[element][tile][kPanel]                their products, one panel and slice at a time
//
// Fused schedule (Gelashvili, Shavit, Zlateski 2019): a thread takes a block of R tiles
// through all three stages; V and M stay in its L2 and U, shared by all threads, in L3.
// A slice is the elements of one place along axis 0: it is transformed back along the
// other axes at once, so that M is small and R, which is how often U is used, is large.

#pragma once

#include <atomic>
#include <vector>

#include "gemm.h"
#include "kernels.h"
#include "pool.h"
#include "tiles.h"
#include "workspace.h"

namespace neuropil {
namespace NEUROPIL_ISA {

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// Sizes of the blocks of one convolution. Elements of V and M are a cache line farther
// apart than they need be: power-of-two strides would all fall into a few cache sets.
struct Blocks {
  int64_t groups, panels, tiles, r, count;
  ptrdiff_t v_step, m_step;

  Blocks(const Shape& s, int64_t cin, int64_t cout, int64_t threads, int64_t l2_bytes)
      : groups(ceil_div(cin, kLanes)), panels(ceil_div(cout, kPanel)), tiles(s.tiles()) {
    const int64_t slice = int64_t(s.tile[1]) * s.tile[2], result = int64_t(s.m(1)) * s.m(2);
    const int64_t bytes = sizeof(float) * (s.elements() * groups * kLanes + slice * kPanel +
                                           s.tile[0] * result * kPanel);
    r = std::max<int64_t>(1, l2_bytes / bytes / kRows) * kRows;
    r = std::min<int64_t>(r, 4 * kRows);
    r = std::min(r, round_up(ceil_div(tiles, threads), 1));
    count = ceil_div(tiles, r);
    v_step = groups * r * kLanes + 16;
    m_step = r * kPanel + 16;
  }
  int64_t size(int64_t block) const { return std::min(r, tiles - block * r); }
};

static void transform_weights(const Shape& s, const float* w, float* u, Pool& pool) {
  const int64_t padded = round_up(s.cin, kLanes), panels = ceil_div(s.cout, kPanel);
  const int taps = s.kernel[0] * s.kernel[1] * s.kernel[2];
  const Passes passes(s);
  const ptrdiff_t step = padded * kPanel;
  const ptrdiff_t to[3] = {s.tile[1] * s.tile[2] * step, s.tile[2] * step, step};
  const int64_t floats = TileScratch::floats(s) + int64_t(taps) * kLanes;
  const Workspace workspace(floats * pool.threads());
  parallel_for(pool, panels * padded, [&](int worker, int64_t item) {
    const int64_t panel = item / padded, c = item % padded;
    float* const own = workspace.data() + worker * floats;
    TileScratch scratch(s, own);
    float* const taps_of = own + TileScratch::floats(s);
    for (int half = 0; half < 2; ++half) {
      const int64_t first = panel * kPanel + half * kLanes;
      const int64_t there = c < s.cin ? std::max<int64_t>(0, s.cout - first) : 0;
      const int lanes = int(std::min<int64_t>(kLanes, there));
      for (int k = 0; k < taps; ++k) {
        const float* from = w + (k * s.cin + c) * s.cout + first;
        store(taps_of + k * kLanes, lanes == kLanes ? load(from)
                                    : lanes == 0    ? Vec{}
                                                    : load_some(from, lanes));
      }
      float* const target = u + (panel * s.elements() * padded + c) * kPanel + half * kLanes;
      run_passes([&](int a) { return passes.axis[a].kernel; }, {2, 1, 0}, s.tile, taps_of,
                 dense(s.kernel), target, to, scratch.buffers);
    }
  });
}

// Scratch of one thread of `convolve`, one after the other.
struct ForwardScratch {
  int64_t v, m, partial, tile, total;
  ForwardScratch(const Shape& s, const Blocks& blocks) {
    v = s.elements() * blocks.v_step;
    m = s.tile[1] * s.tile[2] * blocks.m_step;
    partial = blocks.panels * blocks.r * 2 * slice_floats(s) * s.tile[0];
    tile = TileScratch::floats(s);
    total = round_up(v + m + partial + tile, 1024) + 64;
  }
  static int64_t slice_floats(const Shape& s) {
    return int64_t(s.m(1)) * slice_width(s) * kLanes;
  }
};

static void convolve(const Shape& s, const float* x, const float* u, const Epilogue& epilogue,
                     float* y, int64_t l2_bytes, Pool& pool) {
  const Blocks blocks(s, s.cin, s.cout, pool.threads(), l2_bytes);
  const Passes passes(s);
  const Finish finish = find_finish(s);
  const int slices = s.tile[0], of_slice = s.tile[1] * s.tile[2];
  const int64_t u_step = blocks.groups * kLanes * kPanel;
  const int64_t slice_floats = ForwardScratch::slice_floats(s), tile_floats = slices * slice_floats;
  const ForwardScratch sizes(s, blocks);
  const Workspace workspace(sizes.total * pool.threads());
  std::atomic<int64_t> next_block{0};

  parallel_for(pool, pool.threads(), [&](int worker, int64_t) {
    float* const v = workspace.data() + worker * sizes.total;
    float* const m = v + sizes.v;
    float* const partial = m + sizes.m;
    TileScratch scratch(s, partial + sizes.partial);
    std::vector<Tile> tiles(blocks.r), upcoming(blocks.r);
    // The next block is known while this one is worked on, so that its input can be fetched.
    int64_t block = next_block.fetch_add(1);
    while (block < blocks.count) {
      const int64_t next = next_block.fetch_add(1), size = blocks.size(block);
      const int64_t coming = next < blocks.count ? blocks.size(next) : 0;
      for (int64_t i = 0; i < size; ++i) tiles[i] = tile_at(s, block * blocks.r + i);
      for (int64_t i = 0; i < coming; ++i) upcoming[i] = tile_at(s, next * blocks.r + i);
      for (int64_t i = 0; i < size; ++i) {
        for (int64_t g = 0; g < blocks.groups; ++g) {
          transform_input(s, passes, x, tiles[i], g * kLanes, v + (g * blocks.r + i) * kLanes,
                          blocks.v_step, scratch);
        }
      }
      for (int d = 0; d < slices; ++d) {
        for (int64_t panel = 0; panel < blocks.panels; ++panel) {
          const float* const kernels = u + panel * s.elements() * u_step;
          const auto multiply_panel =
              s.cout - panel * kPanel > kLanes ? multiply<2> : multiply<1>;
          for (int hw = 0; hw < of_slice; ++hw) {
            const int e = d * of_slice + hw;
            for (int64_t i = 0; i < size; i += kRows) {
              multiply_panel(int(std::min<int64_t>(kRows, size - i)),
                             v + e * blocks.v_step + i * kLanes, blocks.r * kLanes,
                             int(blocks.groups), kernels + e * u_step,
                             m + hw * blocks.m_step + i * kPanel);
            }
            if (panel == 0) {
              for (int64_t i = 0; i < coming; ++i) {
                prefetch_pixel(s, x, upcoming[i], d, hw / s.tile[2], hw % s.tile[2]);
              }
            }
          }
          for (int64_t i = 0; i < size; ++i) {
            for (int half = 0; half < 2 && panel * kPanel + half * kLanes < s.cout; ++half) {
              transform_slice(s, passes, m + i * kPanel + half * kLanes, blocks.m_step,
                              partial + (2 * (panel * blocks.r + i) + half) * tile_floats +
                                  d * slice_floats,
                              scratch);
            }
          }
        }
      }
      for (int64_t i = 0; i < size; ++i) {
        for (int64_t half = 0; half * kLanes < s.cout; ++half) {
          finish(s, partial + (2 * (half / 2 * blocks.r + i) + half % 2) * tile_floats,
                 Target(s, tiles[i], half * kLanes, epilogue, y));
        }
      }
      block = next;
    }
  });
}

static void weight_gradient(const Shape& s, const float* x, const float* dy, float* dw,
                            int64_t l2_bytes, Pool& pool) {
  const int64_t parts = pool.threads();
  Blocks blocks(s, s.cin, s.cout, parts, l2_bytes);
  const Passes passes(s);
  const int elements = s.elements();
  const int64_t padded = blocks.groups * kLanes;
  const int64_t du_floats = elements * blocks.panels * padded * kPanel;
  const ptrdiff_t z_step = blocks.panels * blocks.r * kPanel + 16;
  const int64_t v_floats = elements * blocks.v_step, z_floats = elements * z_step;
  const int64_t floats = round_up(v_floats + z_floats + TileScratch::floats(s), 1024) + 64;
  const Workspace workspace(floats * parts), sums(du_floats * parts);

  // Every part has its own tiles and its own sum, so that the result is the same however
  // the pool hands the parts out.
  parallel_for(pool, parts, [&](int, int64_t part) {
    float* const v = workspace.data() + part * floats;
    float* const z = v + v_floats;
    float* const du = sums.data() + part * du_floats;
    TileScratch scratch(s, z + z_floats);
    std::fill_n(du, du_floats, 0.0f);
    for (int64_t block = part; block < blocks.count; block += parts) {
      const int64_t first = block * blocks.r, size = blocks.size(block);
      for (int64_t i = 0; i < size; ++i) {
        const Tile tile = tile_at(s, first + i);
        for (int64_t g = 0; g < blocks.groups; ++g) {
          transform_input(s, passes, x, tile, g * kLanes, v + (g * blocks.r + i) * kLanes,
                          blocks.v_step, scratch);
        }
        for (int64_t c = 0; c < 2 * blocks.panels; ++c) {
          float* const target = z + (c / 2 * blocks.r + i) * kPanel + c % 2 * kLanes;
          spread_gradient(s, passes, dy, tile, std::min(c * kLanes, s.cout), target, z_step,
                          scratch);
        }
      }
      for (int e = 0; e < elements; ++e) {
        for (int64_t panel = 0; panel < blocks.panels; ++panel) {
          const float* const right = z + e * z_step + panel * blocks.r * kPanel;
          float* const total = du + (e * blocks.panels + panel) * padded * kPanel;
          for (int64_t c = 0; c < padded; c += kGradientRows) {
            const float* const left = v + e * blocks.v_step + c / kLanes * blocks.r * kLanes;
            accumulate(left + c % kLanes, int(size), right, total + c * kPanel, kPanel);
          }
        }
      }
    }
  });

  const ptrdiff_t step = blocks.panels * padded * kPanel;
  const int64_t own = TileScratch::floats(s) + elements * kLanes;
  const Workspace last(own * parts);
  parallel_for(pool, blocks.panels * s.cin, [&](int worker, int64_t item) {
    const int64_t panel = item / s.cin, c = item % s.cin;
    TileScratch scratch(s, last.data() + worker * own);
    float* const total = last.data() + worker * own + TileScratch::floats(s);
    for (int half = 0; half < 2; ++half) {
      const int64_t channel = panel * kPanel + half * kLanes;
      if (channel >= s.cout) break;
      const int64_t at = (panel * padded + c) * kPanel + half * kLanes;
      for (int e = 0; e < elements; ++e) {
        Vec sum = load(sums.data() + e * step + at);
        for (int64_t part = 1; part < parts; ++part) {
          sum += load(sums.data() + part * du_floats + e * step + at);
        }
        store(total + e * kLanes, sum);
      }
      run_passes([&](int a) { return passes.axis[a].gather; }, {0, 1, 2}, s.kernel, total,
                 dense(s.tile), scratch.patch, dense(s.kernel).step, scratch.buffers);
      const int lanes = int(std::min<int64_t>(kLanes, s.cout - channel));
      const int taps = s.kernel[0] * s.kernel[1] * s.kernel[2];
      for (int k = 0; k < taps; ++k) {
        store_some(dw + (k * s.cin + c) * s.cout + channel, load(scratch.patch + k * kLanes),
                   lanes);
      }
    }
  });
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
