// A convolution to be tried out, and what it comes to by sums in double.

#pragma once

#include <algorithm>
#include <cmath>
#include <cstdint>
#include <random>
#include <string>
#include <vector>

#include "kernels.h"

using Values = std::vector<float>;

struct Case {
  neuropil::Shape shape;
  bool biased;
  neuropil::Caches caches;
};

inline std::string words(const Case& given) {
  const neuropil::Shape& s = given.shape;
  std::string text = "batch " + std::to_string(s.batch) + ", cin " + std::to_string(s.cin) +
                     ", cout " + std::to_string(s.cout);
  const auto add = [&text](const char* name, const auto& values) {
    text += std::string(", ") + name;
    for (int a = 0; a < 3; ++a) text += " " + std::to_string(values[a]);
  };
  add("in", s.in), add("out", s.out), add("pad", s.pad);
  add("kernel", s.kernel), add("tile", s.tile), add("window", s.window), add("steps", s.steps);
  return text + ", caches " + std::to_string(given.caches.l2) + " " +
         std::to_string(given.caches.l3) + (given.biased ? ", biased" : "");
}

// Arguments, and the results to be found. `y` is before windows, `largest` after.
struct Problem {
  Values x, w, bias, dy, y, largest, dw;
};

template <typename Size>
int64_t volume(const Size (&size)[3]) {
  return int64_t(size[0]) * size[1] * size[2];
}

// visit(x, w, y): offsets of the channels of each pixel, tap and result that meet.
template <typename Visit>
void each_meeting(const neuropil::Shape& s, Visit visit) {
  for (int64_t i = 0; i < s.batch * volume(s.out); ++i) {
    const int64_t row = i / s.out[2], n = i / volume(s.out);
    for (int64_t t = 0; t < volume(s.kernel); ++t) {
      const int64_t tap[3] = {t / s.kernel[2] / s.kernel[1], t / s.kernel[2] % s.kernel[1],
                              t % s.kernel[2]};
      const int64_t d = row / s.out[1] % s.out[0] + tap[0] * s.steps[0] - s.pad[0];
      const int64_t h = row % s.out[1] + tap[1] * s.steps[1] - s.pad[1];
      const int64_t w = i % s.out[2] + tap[2] * s.steps[2] - s.pad[2];
      if (d < 0 || d >= s.in[0] || h < 0 || h >= s.in[1] || w < 0 || w >= s.in[2]) continue;
      visit((((n * s.in[0] + d) * s.in[1] + h) * s.in[2] + w) * s.cin, t * s.cin * s.cout,
            i * s.cout);
    }
  }
}

// The maximum over windows of y; what does not fill a window is left out.
inline Values largest(const neuropil::Shape& s, const Values& y) {
  int64_t size[3];
  for (int a = 0; a < 3; ++a) size[a] = s.out[a] / s.window[a];
  Values most(s.batch * volume(size) * s.cout, -INFINITY);
  for (int64_t n = 0; n < s.batch; ++n)
    for (int64_t d = 0; d < size[0] * s.window[0]; ++d)
      for (int64_t h = 0; h < size[1] * s.window[1]; ++h)
        for (int64_t w = 0; w < size[2] * s.window[2]; ++w) {
          const int64_t from = ((n * s.out[0] + d) * s.out[1] + h) * s.out[2] + w;
          const int64_t to = ((n * size[0] + d / s.window[0]) * size[1] + h / s.window[1]) *
                                 size[2] + w / s.window[2];
          for (int64_t c = 0; c < s.cout; ++c) {
            float& value = most[to * s.cout + c];
            value = std::max(value, y[from * s.cout + c]);
          }
        }
  return most;
}

// With numbers that are uniform in (-1, 1).
inline Problem make_problem(const Case& given, std::mt19937& random) {
  const neuropil::Shape& s = given.shape;
  const auto draw = [&random](int64_t count) {
    Values values(count);
    for (float& value : values) value = float(random() >> 8) / (1 << 23) - 1;
    return values;
  };
  Problem p;
  p.x = draw(s.batch * volume(s.in) * s.cin), p.w = draw(volume(s.kernel) * s.cin * s.cout);
  p.bias = draw(s.cout), p.dy = draw(s.batch * volume(s.out) * s.cout);
  std::vector<double> y(p.dy.size()), dw(p.w.size());
  for (size_t i = 0; i < y.size(); ++i) y[i] = given.biased ? p.bias[i % s.cout] : 0;
  each_meeting(s, [&](int64_t x_at, int64_t w_at, int64_t y_at) {
    for (int64_t c = 0; c < s.cin; ++c) {
      const double x = p.x[x_at + c];
      for (int64_t o = 0; o < s.cout; ++o) {
        y[y_at + o] += x * p.w[w_at + c * s.cout + o];
        dw[w_at + c * s.cout + o] += x * p.dy[y_at + o];
      }
    }
  });
  p.y.assign(y.begin(), y.end()), p.dw.assign(dw.begin(), dw.end());
  p.largest = largest(s, p.y);
  return p;
}
