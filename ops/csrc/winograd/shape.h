// A convolution of rank 3, channels last, stride 1: sizes, tiles and derived numbers.
// Ranks 1 and 2 have leading axes of size 1 with a kernel and a tile of 1.
//
// Where the taps of a kernel are some steps apart, a result sees only inputs whose place has
// the same remainder modulo the steps. The results of each remainder, a phase, are cut into
// tiles of their own, which then are those of an ordinary convolution.

#pragma once

#include <cstdint>
#include <vector>

namespace neuropil {

enum class Activation : int64_t { none = 0, relu = 1, elu = 2, gelu = 3 };

struct Shape {
  int64_t batch = 1;
  int64_t in[3] = {1, 1, 1};    // spatial sizes of the input
  int64_t out[3] = {1, 1, 1};   // and of the output: in + both paddings - steps (kernel - 1)
  int64_t pad[3] = {0, 0, 0};   // before the first element
  int64_t cin = 0, cout = 0;
  int kernel[3] = {1, 1, 1};    // r
  int tile[3] = {1, 1, 1};      // T; m = T - r + 1 outputs
  int window[3] = {1, 1, 1};    // 2: the maximum of two neighbours is kept; needs an even m
  int64_t steps[3] = {1, 1, 1}; // between taps; 1 where there is a window
  int m(int axis) const { return tile[axis] - kernel[axis] + 1; }
  int elements() const { return tile[0] * tile[1] * tile[2]; }
  int64_t images() const { return batch * steps[0] * steps[1] * steps[2]; }  // of one phase
  int64_t tiles_along(int axis) const {  // of a phase
    const int64_t results = (out[axis] + steps[axis] - 1) / steps[axis];
    return (results + m(axis) - 1) / m(axis);
  }
  int64_t tiles() const {
    return images() * tiles_along(0) * tiles_along(1) * tiles_along(2);
  }
};

// The same convolution with images for leading axes that it does not cross, and the trivial
// axis in the middle: in the plane, then, there are passes along axis 0.
inline Shape folded(Shape s) {
  for (int times = 0; times < 2; ++times) {
    if (s.kernel[0] != 1 || s.pad[0] != 0 || s.in[0] != s.out[0] || s.window[0] != 1) break;
    s.batch *= s.in[0];
    s.in[0] = s.in[1], s.out[0] = s.out[1], s.pad[0] = s.pad[1];
    s.kernel[0] = s.kernel[1], s.tile[0] = s.tile[1], s.window[0] = s.window[1];
    s.steps[0] = s.steps[1];
    s.in[1] = s.out[1] = 1, s.pad[1] = 0;
    s.kernel[1] = s.tile[1] = s.window[1] = 1, s.steps[1] = 1;
  }
  return s;
}

}  // namespace neuropil
