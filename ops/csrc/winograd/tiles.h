// Tiles of an image or of a result: read, transformed along every axis, written.

#pragma once

#include <algorithm>

#include "epilogue.h"
#include "passes.h"
#include "shape.h"

namespace neuropil {
namespace NEUROPIL_ISA {

struct Passes {
  AxisPasses axis[3];
  explicit Passes(const Shape& s) {
    for (int a = 0; a < 3; ++a) axis[a] = find_passes(s.tile[a], s.kernel[a]);
  }
};

struct Tile {
  int64_t batch, at[3];  // the image, and the first output element along each axis
};

static inline Tile tile_at(const Shape& s, int64_t index) {
  Tile tile;
  for (int a = 2; a >= 0; --a) {
    const int64_t count = s.tiles_along(a);
    tile.at[a] = index % count * s.m(a);
    index /= count;
  }
  tile.batch = index;
  return tile;
}

// A block of vectors: sizes along the three axes and steps, in floats.
struct Box {
  int size[3];
  ptrdiff_t step[3];
};

static inline Box dense(const int (&size)[3]) {
  return {{size[0], size[1], size[2]}, {ptrdiff_t(size[1]) * size[2] * kLanes,
                                        ptrdiff_t(size[2]) * kLanes, kLanes}};
}

// Runs one pass for each axis that has one, in the order given, from one box to another
// by way of two buffers. `sizes_after` are those of the axes once they are transformed.
template <typename Choose>
static inline void run_passes(const Choose& pass_of, const int (&order)[3],
                              const int (&sizes_after)[3], const float* from, Box box, float* to,
                              const ptrdiff_t (&to_step)[3], float* buffers[2]) {
  int left = 0, turn = 0;
  for (int a : order) left += pass_of(a) != nullptr;
  for (int a : order) {
    if (pass_of(a) == nullptr) continue;
    Box next = box;
    next.size[a] = sizes_after[a];
    --left;
    if (left == 0) {
      std::copy(to_step, to_step + 3, next.step);
    } else {
      next = dense(next.size);
    }
    // A pass that keeps the size works in place: three buffers would not fit into L1.
    const bool in_place = left > 0 && from == buffers[turn ^ 1] && next.size[a] == box.size[a];
    if (in_place) turn ^= 1;
    float* target = left == 0 ? to : buffers[turn];
    const int b = a == 0 ? 1 : 0, c = a == 2 ? 1 : 2;
    pass_of(a)({from, target, box.step[a], next.step[a], box.size[b], box.size[c], box.step[b],
                next.step[b], box.step[c], next.step[c]});
    from = target;
    box = next;
    turn ^= 1;
  }
}

// Where a box of an image (batch, 3 axes, channels) lies, or a copy of it in `patch` with
// zeros for what is outside and for channels that are not there.
static inline const float* open_box(const float* image, const int64_t (&shape)[3],
                                    int64_t channels, int64_t batch, const int64_t (&at)[3],
                                    const int (&size)[3], int64_t channel, float* patch,
                                    Box& box) {
  const int lanes = int(std::min<int64_t>(kLanes, channels - channel));
  const int64_t step[3] = {shape[1] * shape[2] * channels, shape[2] * channels, channels};
  const float* base = image + batch * shape[0] * step[0] + channel;
  bool inside = lanes == kLanes;
  for (int a = 0; a < 3; ++a) inside &= at[a] >= 0 && at[a] + size[a] <= shape[a];
  if (inside) {
    box = {{size[0], size[1], size[2]}, {step[0], step[1], step[2]}};
    return base + at[0] * step[0] + at[1] * step[1] + at[2] * step[2];
  }
  box = dense(size);
  float* to = patch;
  // Along axis 2 the pixels of a row that exist are [begin, end).
  const int64_t begin = std::clamp<int64_t>(-at[2], 0, size[2]);
  const int64_t end = std::clamp<int64_t>(shape[2] - at[2], begin, size[2]);
  for (int64_t d = at[0]; d < at[0] + size[0]; ++d) {
    for (int64_t h = at[1]; h < at[1] + size[1]; ++h, to += size[2] * kLanes) {
      const bool row = d >= 0 && d < shape[0] && h >= 0 && h < shape[1];
      const float* from = base + d * step[0] + h * step[1] + at[2] * step[2];
      for (int64_t w = 0; w < (row ? begin : size[2]); ++w) store(to + w * kLanes, Vec{});
      if (!row) continue;
      for (int64_t w = begin; w < end; ++w) {
        const float* pixel = from + w * step[2];
        store(to + w * kLanes, lanes == kLanes ? load(pixel) : load_some(pixel, lanes));
      }
      for (int64_t w = end; w < size[2]; ++w) store(to + w * kLanes, Vec{});
    }
  }
  return patch;
}

// Scratch of one tile: two buffers between passes and a patch.
struct TileScratch {
  float* buffers[2];
  float* patch;
  static int64_t floats(const Shape& s) { return int64_t(3) * s.elements() * kLanes; }
  TileScratch(const Shape& s, float* at)
      : buffers{at, at + s.elements() * kLanes}, patch(at + 2 * s.elements() * kLanes) {}
};

// v[element][...] = B^T x for one tile and group of channels; elements are `step` apart.
static inline void transform_input(const Shape& s, const Passes& passes, const float* x,
                                   const Tile& tile, int64_t channel, float* v, ptrdiff_t step,
                                   TileScratch& scratch) {
  const int64_t at[3] = {tile.at[0] - s.pad[0], tile.at[1] - s.pad[1], tile.at[2] - s.pad[2]};
  Box box;
  const float* from =
      open_box(x, s.in, s.cin, tile.batch, at, s.tile, channel, scratch.patch, box);
  const ptrdiff_t to[3] = {s.tile[1] * s.tile[2] * step, s.tile[2] * step, step};
  run_passes([&](int a) { return passes.axis[a].input; }, {2, 1, 0}, s.tile, from, box, v, to,
             scratch.buffers);
}

// z[element][...] = A dy for one tile and vector of channels.
static inline void spread_gradient(const Shape& s, const Passes& passes, const float* dy,
                                   const Tile& tile, int64_t channel, float* z, ptrdiff_t step,
                                   TileScratch& scratch) {
  const int size[3] = {s.m(0), s.m(1), s.m(2)};
  Box box;
  const float* from =
      open_box(dy, s.out, s.cout, tile.batch, tile.at, size, channel, scratch.patch, box);
  const ptrdiff_t to[3] = {s.tile[1] * s.tile[2] * step, s.tile[2] * step, step};
  run_passes([&](int a) { return passes.axis[a].spread; }, {2, 1, 0}, s.tile, from, box, z, to,
             scratch.buffers);
}

// Fetches what transform_input will read of a tile's pixel (d, h, w), all channels.
static inline void prefetch_pixel(const Shape& s, const float* x, const Tile& tile, int d, int h,
                                  int w) {
  const int64_t z = tile.at[0] - s.pad[0] + d, y = tile.at[1] - s.pad[1] + h,
                c = tile.at[2] - s.pad[2] + w;
  if (z < 0 || z >= s.in[0] || y < 0 || y >= s.in[1] || c < 0 || c >= s.in[2]) return;
  const float* pixel = x + (((tile.batch * s.in[0] + z) * s.in[1] + y) * s.in[2] + c) * s.cin;
  for (int64_t channel = 0; channel < s.cin; channel += 16) {
    __builtin_prefetch(pixel + channel, 0, 2);
  }
}

// A slice is the products of one element along axis 0. It is transformed along the axes 1
// and 2; where there is one slice alone, along axis 1, and `finish` does the rest.
static inline int slice_width(const Shape& s) { return s.tile[0] == 1 ? s.tile[2] : s.m(2); }

// m[T1][T2] (elements `step` apart) to dense [m1][slice_width].
static inline void transform_slice(const Shape& s, const Passes& passes, const float* m,
                                   ptrdiff_t step, float* partial, TileScratch& scratch) {
  const int width = slice_width(s);
  const int size[3] = {1, s.m(1), width};
  const Box box = {{1, s.tile[1], s.tile[2]}, {0, s.tile[2] * step, step}};
  const auto pass_of = [&](int a) {
    return a == 0 || (a == 2 && s.tile[0] == 1) ? nullptr : passes.axis[a].output;
  };
  if (pass_of(1) == nullptr && pass_of(2) == nullptr) {
    for (int w = 0; w < width; ++w) store(partial + w * kLanes, load(m + w * step));
    return;
  }
  run_passes(pass_of, {1, 2, 0}, size, m, box, partial, dense(size).step, scratch.buffers);
}

// A result where it belongs: the part of a tile that lies in the image, bias and
// activation applied.
struct Target {
  float* base;  // of the tile's first element
  int64_t plane, row, pixel;
  int size[3];  // elements of the tile inside the image
  int lanes;
  Vec bias;
  Activation activation;

  Target(const Shape& s, const Tile& tile, int64_t channel, const Epilogue& epilogue, float* y)
      : row(s.out[2] * s.cout), pixel(s.cout), activation(epilogue.activation) {
    plane = s.out[1] * row;
    base = y + tile.batch * s.out[0] * plane + tile.at[0] * plane + tile.at[1] * row +
           tile.at[2] * pixel + channel;
    for (int a = 0; a < 3; ++a) {
      size[a] = int(std::min<int64_t>(s.m(a), s.out[a] - tile.at[a]));
    }
    lanes = int(std::min<int64_t>(kLanes, s.cout - channel));
    bias = epilogue.bias ? load_some(epilogue.bias + channel, lanes) : Vec{};
  }
  void put(int d, int h, int w, Vec value) const {
    float* to = base + d * plane + h * row + w * pixel;
    value = activate(value + bias, activation);
    lanes == kLanes ? store(to, value) : store_some(to, value, lanes);
  }
};

// The last axis of the output transform, from the slices of a tile straight to the image.
template <int T, int M>
static void finish_tile(const Shape& s, const float* partial, const Target& target) {
  const ptrdiff_t slice = ptrdiff_t(s.m(1)) * s.m(2) * kLanes;
  for (int h = 0; h < target.size[1]; ++h) {
    for (int w = 0; w < target.size[2]; ++w) {
      const float* from = partial + (h * s.m(2) + w) * kLanes;
      Vec in[T], out[M];
      NEUROPIL_UNROLL
      for (int k = 0; k < T; ++k) {
        in[k] = load(from + k * slice);
        keep(in[k]);
      }
      output_transform<T, M>(in, out);
      for (int d = 0; d < target.size[0]; ++d) target.put(d, h, w, out[d]);
    }
  }
}

// The same along axis 2, where there is one slice.
template <int T, int M>
static void finish_rows(const Shape&, const float* partial, const Target& target) {
  for (int h = 0; h < target.size[1]; ++h, partial += T * kLanes) {
    Vec in[T], out[M];
    NEUROPIL_UNROLL
    for (int k = 0; k < T; ++k) {
      in[k] = load(partial + k * kLanes);
      keep(in[k]);
    }
    output_transform<T, M>(in, out);
    for (int w = 0; w < target.size[2]; ++w) target.put(0, h, w, out[w]);
  }
}

// And where both are trivial.
static inline void finish_column(const Shape&, const float* partial, const Target& target) {
  for (int h = 0; h < target.size[1]; ++h) target.put(0, h, 0, load(partial + h * kLanes));
}

using Finish = void (*)(const Shape&, const float*, const Target&);

template <int T, int R>
static Finish finish_of(bool along_0) {
  return along_0 ? finish_tile<T, T - R + 1> : finish_rows<T, T - R + 1>;
}

static inline Finish find_finish(const Shape& s) {
  const bool along_0 = s.tile[0] > 1;
  const int axis = along_0 ? 0 : 2;
  switch (10 * s.tile[axis] + s.kernel[axis]) {
    case 42: return finish_of<4, 2>(along_0);
    case 43: return finish_of<4, 3>(along_0);
    case 62: return finish_of<6, 2>(along_0);
    case 63: return finish_of<6, 3>(along_0);
    case 64: return finish_of<6, 4>(along_0);
    case 65: return finish_of<6, 5>(along_0);
    case 82: return finish_of<8, 2>(along_0);
    case 83: return finish_of<8, 3>(along_0);
    case 84: return finish_of<8, 4>(along_0);
    case 85: return finish_of<8, 5>(along_0);
  }
  return finish_column;
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
