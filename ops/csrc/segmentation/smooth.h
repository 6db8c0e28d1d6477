// Gaussian smoothing of a map of floats, one axis after another.

#pragma once

#include <array>
#include <cmath>
#include <cstdint>
#include <vector>

#include "shared.h"

namespace neuropil {

// out[x] = weights[0] row[x] + sum over d of weights[d] (row[x - d stride] + row[x + d stride])
NEUROPIL_VECTORS static void weigh(const float* row, size_t stride, const float* weights,
                                   size_t radius, float* out, size_t width) {
  constexpr size_t kVoxels = 32;
  float sum[kVoxels];
  size_t x = 0;
  for (; x + kVoxels <= width; x += kVoxels) {
    for (size_t i = 0; i < kVoxels; ++i) sum[i] = weights[0] * row[x + i];
    for (size_t d = 1; d <= radius; ++d) {
      const float *before = row + x - d * stride, *after = row + x + d * stride;
      for (size_t i = 0; i < kVoxels; ++i) sum[i] += weights[d] * (before[i] + after[i]);
    }
    for (size_t i = 0; i < kVoxels; ++i) out[x + i] = sum[i];
  }
  for (; x < width; ++x) {
    sum[0] = weights[0] * row[x];
    for (size_t d = 1; d <= radius; ++d) {
      sum[0] += weights[d] * (row[x - d * stride] + row[x + d * stride]);
    }
    out[x] = sum[0];
  }
}

// Weights 0, 1, ..., radius of a Gaussian cut off at four sigma (in voxels), of sum 1.
inline std::vector<float> gaussian(double sigma) {
  const auto radius = static_cast<size_t>(4 * sigma + 0.5);
  std::vector<double> exact(radius + 1);
  double sum = 0;
  for (size_t i = 0; i <= radius; ++i) {
    exact[i] = i == 0 ? 1 : std::exp(-0.5 * static_cast<double>(i * i) / (sigma * sigma));
    sum += i == 0 ? exact[i] : 2 * exact[i];
  }
  std::vector<float> weights;
  for (double weight : exact) weights.push_back(static_cast<float>(weight / sum));
  return weights;
}

// Smooths rows, `stride` apart, with those before and after them; the first and the last one go
// on beyond the border.
inline void smooth_rows(float* rows, size_t count, size_t stride, size_t width,
                        const std::vector<float>& weights, std::vector<float>& padded) {
  const size_t radius = weights.size() - 1;
  padded.resize((count + 2 * radius) * width);
  for (size_t i = 0; i < count + 2 * radius; ++i) {
    const size_t nearest = std::min(std::max(i, radius) - radius, count - 1);
    std::copy_n(rows + nearest * stride, width, &padded[i * width]);
  }
  for (size_t i = 0; i < count; ++i) {
    weigh(&padded[(i + radius) * width], width, weights.data(), radius, rows + i * stride, width);
  }
}

inline void smooth_along(float* row, size_t width, const std::vector<float>& weights,
                         std::vector<float>& padded) {
  const size_t radius = weights.size() - 1;
  padded.assign(width + 2 * radius, row[width - 1]);
  std::fill_n(padded.begin(), radius, row[0]);
  std::copy_n(row, width, &padded[radius]);
  weigh(&padded[radius], 1, weights.data(), radius, row, width);
}

// Gaussian of the given sigmas (voxels along z, y, x; 0 leaves an axis alone), in place.
inline void smooth(float* map, const Grid& grid, const std::array<double, 3>& sigma,
                   size_t threads) {
  if (grid.voxels() == 0) return;
  const std::vector<float> along_z = gaussian(sigma[0]), along_y = gaussian(sigma[1]),
                           along_x = gaussian(sigma[2]);
  std::vector<std::vector<float>> padded(threads_for(threads, std::max(grid.depth, grid.rows)));
  for_each_task(grid.depth, threads, [&](size_t z, size_t thread) {
    float* section = map + z * grid.section();
    smooth_rows(section, grid.rows, grid.width, grid.width, along_y, padded[thread]);
    for (size_t y = 0; y < grid.rows; ++y) {
      smooth_along(section + y * grid.width, grid.width, along_x, padded[thread]);
    }
  });
  if (along_z.size() == 1) return;
  for_each_task(grid.rows, threads, [&](size_t y, size_t thread) {
    smooth_rows(map + y * grid.width, grid.depth, grid.section(), grid.width, along_z,
                padded[thread]);
  });
}

}  // namespace neuropil
