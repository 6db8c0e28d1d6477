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
  int64_t steps[3];
  Epilogue epilogue;
  bool streams;  // whether the result is too large for the caches, and aligned
  bool whole;    // whether channels fill vectors, without windows and at most with relu

  Target(const Shape& s, const Epilogue& epilogue, float* y, int64_t l2_bytes)
      : y(y), channels(s.cout), epilogue(epilogue) {
    int64_t floats = s.batch * channels;
    for (int a = 0; a < 3; ++a) {
      window[a] = s.window[a], m[a] = s.m(a), steps[a] = s.steps[a];
      size[a] = s.out[a] / window[a];
      floats *= size[a];
    }
    whole = channels % kLanes == 0 && window[0] * window[1] * window[2] == 1 &&
            (epilogue.activation == Activation::none || epilogue.activation == Activation::relu);
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

// Where a tile's results begin, and how many there are from there on, before windows.
struct Place {
  int64_t batch, at[3], left[3];
};

static inline void add_places(const Shape& s, const Box& box, std::vector<Place>& places) {
  Place place{box.batch, {box.at[0]}, {}};
  int64_t left[3];
  for (int a = 0; a < 3; ++a) left[a] = ceil_div(s.out[a] - box.at[a], s.steps[a]);
  place.left[0] = left[0];
  for (int64_t i = 0; i < box.count[0]; ++i) {
    place.at[1] = box.at[1] + i * s.m(1) * s.steps[1];
    place.left[1] = left[1] - i * s.m(1);
    for (int64_t j = 0; j < box.count[1]; ++j) {
      place.at[2] = box.at[2] + j * s.m(2) * s.steps[2];
      place.left[2] = left[2] - j * s.m(2);
      places.push_back(place);
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

// The results of a column of a tile, before activation and windows.
template <int T, int M>
static inline void finish_column(const float* from, ptrdiff_t slice, Vec bias, Vec (&out)[M]) {
  Vec in[T];
  NEUROPIL_UNROLL
  for (int k = 0; k < T; ++k) {
    in[k] = load(from + k * slice);
    keep(in[k]);
  }
  if constexpr (T == 1) {
    out[0] = in[0];
  } else {
    output_transform<T, M>(in, out);
  }
  NEUROPIL_UNROLL
  for (int k = 0; k < M; ++k) out[k] += bias;
}

// The most frequent case apart, for its speed: whole vectors of whole columns, without windows.
template <int T, int M, Activation A>
static __attribute__((noinline)) void finish_whole(const Target& target, const Slices& slices,
                                                   const Place& place) {
  const ptrdiff_t pixel = target.channels, row = target.size[2] * pixel;
  const ptrdiff_t image = target.size[1] * row, step = target.steps[0] * image;
  float* const y = target.y + (place.batch * target.size[0] + place.at[0]) * image +
                   place.at[1] * row + place.at[2] * pixel;
  const int64_t rows = std::min<int64_t>(target.m[1], place.left[1]);
  const int64_t columns = std::min<int64_t>(target.m[2], place.left[2]);
  const bool streams = target.streams;
  for (int64_t c = 0; c < target.channels; c += kLanes) {
    const Vec bias = target.epilogue.bias ? load(target.epilogue.bias + c) : Vec{};
    const float* const vector = slices.from + c / kPanel * slices.panel + c % kPanel;
    for (int64_t h = 0; h < rows; ++h) {
      const float* from = vector + h * target.m[2] * slices.step;
      float* to = y + h * target.steps[1] * row + c;
      for (int64_t w = 0; w < columns; ++w) {
        Vec out[M];
        finish_column<T, M>(from, slices.slice, bias, out);
        NEUROPIL_UNROLL
        for (int k = 0; k < M; ++k) {
          const Vec value = activate(out[k], A);
          streams ? stream(to + k * step, value) : store(to + k * step, value);
        }
        from += slices.step, to += target.steps[2] * pixel;
      }
    }
  }
}

template <int T, int M>
static void finish_tile(const Target& target, const Slices& slices, const Place& place) {
  if (target.whole && place.left[0] >= M) {
    return target.epilogue.activation == Activation::relu
               ? finish_whole<T, M, Activation::relu>(target, slices, place)
               : finish_whole<T, M, Activation::none>(target, slices, place);
  }
  int64_t windows[3], step[3];
  step[2] = target.channels, step[1] = target.size[2] * step[2], step[0] = target.size[1] * step[1];
  float* y = target.y + place.batch * target.size[0] * step[0];
  for (int a = 0; a < 3; ++a) {
    const int halved = target.window[a] - 1;  // a window is 1 or 2
    windows[a] = std::min<int64_t>(target.m[a], place.left[a]) >> halved;
    y += (place.at[a] >> halved) * step[a];
    step[a] *= target.steps[a];
  }
  const int64_t vectors = ceil_div(target.channels, kLanes);
  const int pool_0 = target.window[0], pool_1 = target.window[1], pool_2 = target.window[2];
  const bool whole = pool_0 * pool_1 * pool_2 == 1;
  const Activation activation = target.epilogue.activation;
  for (int64_t c = 0; c < vectors; ++c) {
    const int lanes = int(std::min<int64_t>(kLanes, target.channels - c * kLanes));
    const float* const offsets = target.epilogue.bias;
    const Vec bias = offsets == nullptr ? Vec{}
                     : lanes == kLanes  ? load(offsets + c * kLanes)
                                        : load_some(offsets + c * kLanes, lanes);
    const float* const vector = slices.from + c / 2 * slices.panel + c % 2 * kLanes;
    for (int64_t h = 0; h < windows[1]; ++h) {
      for (int64_t w = 0; w < windows[2]; ++w) {
        float* const pixel = y + h * step[1] + w * step[2] + c * kLanes;
        const int64_t column = h * pool_1 * target.m[2] + w * pool_2;
        Vec best[M];
        finish_column<T, M>(vector + column * slices.step, slices.slice, bias, best);
        activate_all(best, activation);
        if (whole) {
          NEUROPIL_UNROLL
          for (int k = 0; k < M; ++k) {
            if (k < windows[0]) target.put(pixel + k * step[0], best[k], lanes);
          }
          continue;
        }
        for (int i = 0; i < pool_1; ++i) {
          for (int j = i == 0; j < pool_2; ++j) {
            Vec value[M];
            const int64_t other = column + i * target.m[2] + j;
            finish_column<T, M>(vector + other * slices.step, slices.slice, bias, value);
            activate_all(value, activation);
            NEUROPIL_UNROLL
            for (int k = 0; k < M; ++k) best[k] = larger(best[k], value[k]);
          }
        }
        NEUROPIL_UNROLL
        for (int k = 0; k < M; ++k) {
          if (k % pool_0 != 0 || k / pool_0 >= windows[0]) continue;
          const Vec value = pool_0 == 2 && k + 1 < M ? larger(best[k], best[(k + 1) % M]) : best[k];
          target.put(pixel + k / pool_0 * step[0], value, lanes);
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
