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

// A box has one tile along axis 0; its results are those of one phase. Boxes of all phases along
// axis 2 in one place make a strip: their pixels lie side by side.
struct Box {
  int64_t batch, at[3];  // the image, and the first result along each axis
  int64_t count[2];      // tiles along axes 1 and 2
  int64_t first;         // its first tile in the block
  int64_t tiles() const { return count[0] * count[1]; }
};

struct Grid {
  int64_t tiles[3], parts[2];  // of a phase: tiles along the axes; boxes along axes 1 and 2
  int64_t most[2];             // tiles of the largest box along them
  int64_t boxes, per_block, blocks, r;  // r: tiles of the largest block
  int64_t strip;                        // boxes of a strip, which blocks do not part

  Grid(const Shape& s, int64_t along_1, int64_t along_2, int64_t strips_of_block)
      : strip(s.steps[2]) {
    const int64_t wanted[2] = {along_1, along_2};
    for (int a = 0; a < 3; ++a) tiles[a] = s.tiles_along(a);
    for (int a = 0; a < 2; ++a) {
      parts[a] = ceil_div(tiles[a + 1], wanted[a]);
      most[a] = ceil_div(tiles[a + 1], parts[a]);
    }
    boxes = s.images() * tiles[0] * parts[0] * parts[1];
    per_block = std::min(strips_of_block * strip, boxes);
    blocks = ceil_div(boxes, per_block);
    r = per_block * most[0] * most[1];
  }

  // Phases along the other axes come last, so that rows that two tiles share are still near.
  Box box(const Shape& s, int64_t index) const {
    const auto next = [&index](int64_t count) {
      const int64_t digit = index % count;
      index /= count;
      return digit;
    };
    Box b;
    b.at[2] = next(strip);
    for (int a = 2; a >= 1; --a) {
      const int64_t part = next(parts[a - 1]);
      const int64_t begin = part * tiles[a] / parts[a - 1];
      b.count[a - 1] = (part + 1) * tiles[a] / parts[a - 1] - begin;
      if (a == 1) b.at[1] = 0;
      b.at[a] += begin * s.m(a) * s.steps[a];
    }
    b.at[0] = next(tiles[0]) * s.m(0) * s.steps[0];
    b.at[1] += next(s.steps[1]);
    b.at[0] += next(s.steps[0]);
    b.batch = index;
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
