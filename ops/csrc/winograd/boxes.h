// How the tiles of an image are shared out: boxes of neighbouring tiles, which share the
// pixels between them, and blocks of one or more boxes, on which a thread works at a time.

#pragma once

#include <algorithm>
#include <vector>

#include "shape.h"
#include "vector.h"

namespace neuropil {
namespace NEUROPIL_ISA {

static inline int64_t ceil_div(int64_t a, int64_t b) { return (a + b - 1) / b; }
static inline int64_t round_up(int64_t a, int64_t b) { return ceil_div(a, b) * b; }

// A box has one tile along axis 0.
struct Box {
  int64_t batch, at[3];  // the image, and the first output element along each axis
  int64_t count[2];      // tiles along axes 1 and 2
  int64_t first;         // its first tile in the block
  int64_t tiles() const { return count[0] * count[1]; }
};

struct Grid {
  int64_t tiles[3], parts[2];  // tiles along the axes; boxes along axes 1 and 2
  int64_t most[2];             // tiles of the largest box along them
  int64_t boxes, per_block, blocks, r;  // r: tiles of the largest block

  Grid(const Shape& s, int64_t along_1, int64_t along_2, int64_t boxes_of_block) {
    const int64_t wanted[2] = {along_1, along_2};
    for (int a = 0; a < 3; ++a) tiles[a] = s.tiles_along(a);
    for (int a = 0; a < 2; ++a) {
      parts[a] = ceil_div(tiles[a + 1], wanted[a]);
      most[a] = ceil_div(tiles[a + 1], parts[a]);
    }
    boxes = s.batch * tiles[0] * parts[0] * parts[1];
    per_block = std::min(boxes_of_block, boxes);
    blocks = ceil_div(boxes, per_block);
    r = per_block * most[0] * most[1];
  }

  Box box(const Shape& s, int64_t index) const {
    Box b;
    for (int a = 2; a >= 1; --a) {
      const int64_t part = index % parts[a - 1];
      index /= parts[a - 1];
      const int64_t begin = part * tiles[a] / parts[a - 1];
      b.at[a] = begin * s.m(a);
      b.count[a - 1] = (part + 1) * tiles[a] / parts[a - 1] - begin;
    }
    b.at[0] = index % tiles[0] * s.m(0);
    b.batch = index / tiles[0];
    b.first = 0;
    return b;
  }

  Box largest() const { return {0, {0, 0, 0}, {most[0], most[1]}, 0}; }

  std::vector<Box> block(const Shape& s, int64_t index) const {
    std::vector<Box> of_block;
    for (int64_t i = index * per_block; i < std::min(boxes, (index + 1) * per_block); ++i) {
      of_block.push_back(box(s, i));
      if (of_block.size() > 1) {
        const Box& before = of_block[of_block.size() - 2];
        of_block.back().first = before.first + before.tiles();
      }
    }
    return of_block;
  }
};

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
