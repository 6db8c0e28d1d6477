// The last axis of the output transform, and what follows it: bias, activation and the
// maximum over windows of two, from the slices of a tile straight to the image.

#pragma once

#include "boxes.h"
#include "epilogue.h"
#include "passes.h"

namespace neuropil {
namespace NEUROPIL_ISA {

// Where results go. A window is 1 or 2 along each axis; 2 needs tiles of an even number of
// results. What does not fill a window is left out.
struct Target {
  float* y;
  int64_t size[3], channels;  // of the image, windows taken as one
  int window[3];
  int m[3];
  Epilogue epilogue;
  bool streams;  // whether the result is too large for the caches, and aligned

  Target(const Shape& s, const Epilogue& epilogue, float* y, int64_t l2_bytes)
      : y(y), channels(s.cout), epilogue(epilogue) {
    int64_t floats = s.batch * channels;
    for (int a = 0; a < 3; ++a) {
      window[a] = s.window[a], m[a] = s.m(a);
      size[a] = s.out[a] / window[a];
      floats *= size[a];
    }
    const bool aligned = reinterpret_cast<uintptr_t>(y) % sizeof(Vec) == 0;
    streams = aligned && channels % kLanes == 0 && floats * 4 > 2 * l2_bytes;
  }
  void put(float* to, Vec value, int lanes) const {
    if (streams) {
      stream(to, value);
    } else {
      lanes == kLanes ? store(to, value) : store_some(to, value, lanes);
    }
  }
};

// Where a tile's results begin.
struct Place {
  int64_t batch, at[3];
};

static inline void add_places(const Shape& s, const Box& box, std::vector<Place>& places) {
  for (int64_t i = 0; i < box.count[0]; ++i) {
    for (int64_t j = 0; j < box.count[1]; ++j) {
      places.push_back({box.batch, {box.at[0], box.at[1] + i * s.m(1), box.at[2] + j * s.m(2)}});
    }
  }
}

// The slices of a tile: element [d][h * m2 + w][vector] lies at d * slice + (h * m2 + w) *
// step + vector(c).
struct Slices {
  const float* from;
  ptrdiff_t slice, step, panel;
};

static inline Vec larger(Vec a, Vec b) { return choose((a > b) | (a != a), a, b); }  // keeps NaN

template <int T, int M>
static void finish_tile(const Target& target, const Slices& slices, const Place& place) {
  int64_t windows[3], step[3];
  step[2] = target.channels, step[1] = target.size[2] * step[2], step[0] = target.size[1] * step[1];
  float* y = target.y + place.batch * target.size[0] * step[0];
  for (int a = 0; a < 3; ++a) {
    const int64_t first = place.at[a] / target.window[a];
    windows[a] = std::min<int64_t>(target.m[a] / target.window[a], target.size[a] - first);
    y += first * step[a];
  }
  const int64_t vectors = ceil_div(target.channels, kLanes);
  const int pool_0 = target.window[0], pool_1 = target.window[1], pool_2 = target.window[2];
  const Activation activation = target.epilogue.activation;
  for (int64_t h = 0; h < windows[1]; ++h) {
    for (int64_t w = 0; w < windows[2]; ++w) {
      float* const pixel = y + h * step[1] + w * step[2];
      for (int64_t c = 0; c < vectors; ++c) {
        const int lanes = int(std::min<int64_t>(kLanes, target.channels - c * kLanes));
        const float* const offsets = target.epilogue.bias;
        const Vec bias = offsets == nullptr ? Vec{}
                         : lanes == kLanes  ? load(offsets + c * kLanes)
                                            : load_some(offsets + c * kLanes, lanes);
        const float* const vector = slices.from + c / 2 * slices.panel + c % 2 * kLanes;
        Vec best[M] = {};
        for (int i = 0; i < pool_1 * pool_2; ++i) {
          const int64_t column =
              (h * pool_1 + i / pool_2) * target.m[2] + w * pool_2 + i % pool_2;
          Vec in[T], out[M];
          NEUROPIL_UNROLL
          for (int k = 0; k < T; ++k) {
            in[k] = load(vector + k * slices.slice + column * slices.step);
            keep(in[k]);
          }
          if constexpr (T == 1) {
            out[0] = in[0];
          } else {
            output_transform<T, M>(in, out);
          }
          NEUROPIL_UNROLL
          for (int k = 0; k < M; ++k) {
            const Vec value = activate(out[k] + bias, activation);
            best[k] = i == 0 ? value : larger(best[k], value);
          }
        }
        NEUROPIL_UNROLL
        for (int k = 0; k < M; ++k) {
          if (k % pool_0 != 0 || k / pool_0 >= windows[0]) continue;
          const Vec value = pool_0 == 2 && k + 1 < M ? larger(best[k], best[(k + 1) % M]) : best[k];
          float* const to = pixel + k / pool_0 * step[0] + c * kLanes;
          target.put(to, value, lanes);
        }
      }
    }
  }
}

using Finish = void (*)(const Target&, const Slices&, const Place&);

static inline Finish find_finish(const Shape& s) {
  switch (10 * s.tile[0] + s.kernel[0]) {
    case 42: return finish_tile<4, 3>;
    case 43: return finish_tile<4, 2>;
    case 62: return finish_tile<6, 5>;
    case 63: return finish_tile<6, 4>;
    case 64: return finish_tile<6, 3>;
    case 65: return finish_tile<6, 2>;
    case 82: return finish_tile<8, 7>;
    case 83: return finish_tile<8, 6>;
    case 84: return finish_tile<8, 5>;
    case 85: return finish_tile<8, 4>;
  }
  return finish_tile<1, 1>;
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
