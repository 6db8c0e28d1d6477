// A convolution of rank 3, channels last, stride 1: sizes, tiles and derived numbers.
// Ranks 1 and 2 have leading axes of size 1 with a kernel and a tile of 1.

#pragma once

#include <cstdint>
#include <vector>

namespace neuropil {

enum class Activation : int64_t { none = 0, relu = 1, elu = 2, gelu = 3 };

struct Shape {
  int64_t batch = 1;
  int64_t in[3] = {1, 1, 1};    // spatial sizes of the input
  int64_t out[3] = {1, 1, 1};   // and of the output: in + both paddings - kernel + 1
  int64_t pad[3] = {0, 0, 0};   // before the first element
  int64_t cin = 0, cout = 0;
  int kernel[3] = {1, 1, 1};    // r
  int tile[3] = {1, 1, 1};      // T; m = T - r + 1 outputs
  int m(int axis) const { return tile[axis] - kernel[axis] + 1; }
  int elements() const { return tile[0] * tile[1] * tile[2]; }
  int64_t tiles_along(int axis) const { return (out[axis] + m(axis) - 1) / m(axis); }
  int64_t tiles() const {
    return batch * tiles_along(0) * tiles_along(1) * tiles_along(2);
  }
};

}  // namespace neuropil
