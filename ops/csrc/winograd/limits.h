// What no kernel of this instruction set can beat: multiply-adds that wait for nothing but
// each other, and reads of memory in order.

#pragma once

#include <cstdint>

#include "gemm.h"

namespace neuropil {
namespace NEUROPIL_ISA {

// Steps of as many independent chains of multiply-adds as a micro-kernel has accumulators;
// returns the floating-point operations done. Every chain depends on its last value, so that
// nothing of it can be taken out of the loop, and falls towards 1.
static double multiply_add(int64_t steps) {
  Vec chain[kRows][2];
  const Vec factor = broadcast(0.75f), addend = broadcast(0.25f);
  NEUROPIL_UNROLL
  for (int r = 0; r < kRows; ++r) {
    NEUROPIL_UNROLL
    for (int j = 0; j < 2; ++j) chain[r][j] = broadcast(float(2 * r + j + 2));
  }
  for (int64_t i = 0; i < steps; ++i) {
    NEUROPIL_UNROLL
    for (int r = 0; r < kRows; ++r) {
      NEUROPIL_UNROLL
      for (int j = 0; j < 2; ++j) chain[r][j] = chain[r][j] * factor + addend;
    }
  }
  Vec total{};
  NEUROPIL_UNROLL
  for (int r = 0; r < kRows; ++r) total += chain[r][0] + chain[r][1];
  [[maybe_unused]] volatile float wanted = total[0];
  return 2.0 * kRows * kPanel * double(steps);
}

// Reads a stretch of memory once; a rest of less than eight vectors is left out.
static void read_memory(const float* data, int64_t floats) {
  Vec sum[8] = {};
  for (int64_t i = 0; i + 8 * kLanes <= floats; i += 8 * kLanes) {
    NEUROPIL_UNROLL
    for (int j = 0; j < 8; ++j) sum[j] += load(data + i + j * kLanes);
  }
  Vec total{};
  NEUROPIL_UNROLL
  for (int j = 0; j < 8; ++j) total += sum[j];
  [[maybe_unused]] volatile float wanted = total[0];
}

}  // namespace NEUROPIL_ISA
}  // namespace neuropil
