// Runs every kernel on buffers that end, or begin, at pages that cannot be touched.
//
//   guard_pages                 runs all cases, on the instruction set of NEUROPIL_ISA
//   guard_pages before|after|held|margin    breaks one rule, to show that it is noticed
//
// Results are compared with sums in double, and bit by bit between places of the buffers,
// numbers of threads, and ways in which a pool may treat the tasks that it is given.

#include <cmath>
#include <functional>

#include "dispatch.h"
#include "guarded.h"
#include "problem.h"

using neuropil::Shape;

namespace {

Case current;

std::string describe() { return std::string(neuropil::kernels().name) + ", " + words(current); }

[[noreturn]] void fail(const std::string& what) {
  std::printf("%s: %s\n", what.c_str(), describe().c_str());
  std::exit(1);
}

// A pool that runs a task as soon as it gets it, or only when it is too late.
class Tasks : public neuropil::Pool {
 public:
  Tasks(int threads, bool at_once) : threads_(threads), at_once_(at_once) {}
  ~Tasks() override {
    for (const auto& task : waiting_) task();
  }
  int threads() const override { return threads_; }
  void schedule(std::function<void()> task) override {
    if (at_once_) return task();
    waiting_.push_back(std::move(task));
  }

 private:
  int threads_;
  bool at_once_;
  std::vector<std::function<void()>> waiting_;
};

struct Results {
  Values y, direct, dw;
};

Values values_of(const Guarded& buffer) {
  if (!buffer.margins_untouched()) fail("written outside the result");
  return Values(buffer.data(), buffer.data() + buffer.floats());
}

// Arguments that nobody may write to.
std::unique_ptr<Guarded> held(const char* name, const Values& values, Flush flush) {
  auto buffer = std::make_unique<Guarded>(name, values.size(), flush);
  buffer->hold(values);
  return buffer;
}

// Transformed kernels are written by one kernel and read by another.
std::unique_ptr<Guarded> transformed(const Shape& s, const Guarded& w, Flush flush,
                                     neuropil::Pool& pool) {
  const auto& kernels = neuropil::kernels();
  const auto padded = [](int64_t count, int64_t unit) { return (count + unit - 1) / unit * unit; };
  const int64_t cin = padded(s.cin, kernels.lanes), cout = padded(s.cout, 2 * kernels.lanes);
  Guarded u("u", s.elements() * cin * cout, flush);
  kernels.transform_weights(s, w.data(), u.data(), pool);
  return held("u", values_of(u), flush);
}

Results run(const Problem& p, Flush flush, neuropil::Pool& pool) {
  const Shape& s = current.shape;
  const auto& kernels = neuropil::kernels();
  const auto x = held("x", p.x, flush), w = held("w", p.w, flush), dy = held("dy", p.dy, flush);
  const auto bias = held("bias", p.bias, flush), u = transformed(s, *w, flush, pool);
  const neuropil::Epilogue epilogue{current.biased ? bias->data() : nullptr,
                                    neuropil::Activation::none};
  Guarded y("y", p.largest.size(), flush), direct("direct y", p.y.size(), flush);
  Guarded dw("dw", p.dw.size(), flush);
  const Shape folded = neuropil::folded(s);
  kernels.convolve(folded, x->data(), u->data(), epilogue, y.data(), current.caches, pool);
  kernels.direct(s, x->data(), w->data(), epilogue, direct.data(), pool);
  kernels.weight_gradient(folded, x->data(), dy->data(), dw.data(), current.caches, pool);
  return {values_of(y), values_of(direct), values_of(dw)};
}

// Relative to the root mean square of sums of this many products.
void compare(const char* name, const Values& found, const Values& expected, int64_t terms,
             double bound) {
  double squares = 0;
  for (size_t i = 0; i < found.size(); ++i) squares += std::pow(found[i] - expected[i], 2.0);
  const double error = std::sqrt(squares / found.size() / terms) * 3;
  if (error < bound) return;
  fail(std::string(name) + " is off by " + std::to_string(error * 1e6) + "e-6");
}

struct Counts {
  int cases = 0, staged = 0, streamed = 0, windows = 0, dilated = 0;
} counts;

void count_case() {
  const Shape& s = current.shape;
  const auto& kernels = neuropil::kernels();
  const int64_t floats = largest(s, Values(s.batch * volume(s.out) * s.cout)).size();
  ++counts.cases;
  counts.staged += kernels.describe(neuropil::folded(s), 3, current.caches).staged;
  counts.streamed += s.cout % kernels.lanes == 0 && 4 * floats > 2 * current.caches.l2;
  counts.windows += s.window[0] * s.window[1] * s.window[2] > 1;
  counts.dilated += s.steps[0] * s.steps[1] * s.steps[2] > 1;
}

void check(std::mt19937& random) {
  const Shape& s = current.shape;
  const Problem p = make_problem(current, random);
  const int tile = *std::max_element(s.tile, s.tile + 3);
  const double bound = tile == 8 ? 2e-5 : tile == 6 ? 3e-6 : 1e-6;
  Tasks alone(1, true), prompt(3, true), late(3, false);
  const Results one = run(p, Flush::end, alone), two = run(p, Flush::begin, prompt),
                three = run(p, Flush::shifted, late);
  const int64_t terms = volume(s.kernel) * s.cin, pixels = s.batch * volume(s.out);
  compare("y", one.y, p.largest, terms, bound);
  compare("y without a transform", one.direct, p.y, terms, 1e-6);
  compare("dw", one.dw, p.dw, pixels, bound);
  compare("dw by three threads", two.dw, p.dw, pixels, bound);
  if (one.y != two.y || one.y != three.y) fail("y has other bits");
  if (one.direct != two.direct || one.direct != three.direct) fail("direct y has other bits");
  if (two.dw != three.dw) fail("dw has other bits");
  count_case();
}

template <typename T>
T pick(std::mt19937& random, const std::vector<T>& from) {
  return from[random() % from.size()];
}

using Sizes = std::vector<std::pair<int, int>>;  // elements of a tile, taps of a kernel
const Sizes kBuilt = {{4, 2}, {4, 3}, {6, 2}, {6, 3}, {6, 4},
                      {6, 5}, {8, 2}, {8, 3}, {8, 4}, {8, 5}};

// An axis with tiles for kernels of this many taps; the image ends where it must, or before.
void set_axis(int axis, std::pair<int, int> size, int64_t out, int64_t low, int64_t high) {
  Shape& s = current.shape;
  s.tile[axis] = size.first, s.kernel[axis] = size.second;
  s.out[axis] = out, s.pad[axis] = low;
  s.in[axis] = std::max<int64_t>(1, out + (size.second - 1) * s.steps[axis] - low - high);
}

// Sizes around the edges of a tile, and paddings from less than none to more than the kernel.
void draw_axis(std::mt19937& random, int axis, std::pair<int, int> size) {
  const int64_t taps = size.second, m = size.first - taps + 1;
  const std::vector<int64_t> sizes = {1, std::max<int64_t>(1, m - 1), m, m + 1, 2 * m + 1};
  const std::vector<int64_t> pads = {0, (taps - 1) / 2, taps / 2, taps - 1, taps + 1, -1};
  const int64_t steps = taps == 1 ? 1 : pick<int64_t>(random, {1, 1, 2, 3});
  current.shape.steps[axis] = steps;
  set_axis(axis, size, pick(random, sizes), steps * pick(random, pads), pick(random, pads));
}

// Caches so small that kernels and results do not fit, and others.
void draw_rest(std::mt19937& random) {
  Shape& s = current.shape;
  s.batch = s.elements() > 64 ? 1 : 1 + random() % 3;
  s.cin = pick<int64_t>(random, {1, 3, 4, 7, 8, 15, 16, 17, 33});
  s.cout = pick<int64_t>(random, {1, 3, 4, 5, 8, 9, 15, 16, 17, 31, 32, 33, 48});
  for (int a = 0; a < 3; ++a) {
    const bool dilated = s.steps[0] * s.steps[1] * s.steps[2] > 1;
    if (!dilated && s.m(a) % 2 == 0 && s.out[a] > 1 && random() % 2 == 0) s.window[a] = 2;
  }
  current.biased = random() % 2;
  current.caches = {pick<int64_t>(random, {1 << 10, 1 << 18, 1 << 21}), 0};
  current.caches.l3 = current.caches.l2 * pick<int64_t>(random, {4, 16});
}

// Every tile along every set of axes; where there are three, the others may be of other sizes.
void check_tiles(std::mt19937& random, int draws) {
  for (const auto& size : kBuilt) {
    for (int axes = 1; axes < 8; ++axes) {
      for (int i = 0; i < draws; ++i) {
        current = {};
        for (int a = 0; a < 3; ++a) {
          const bool mixed = axes == 7 && i % 2 == 1 && a != i % 3;
          const auto own = mixed ? pick(random, kBuilt) : size;
          draw_axis(random, a, axes >> a & 1 ? own : std::pair(1, 1));
        }
        draw_rest(random);
        check(random);
      }
    }
  }
}

// Every size of an image along one axis, up to more than two tiles.
void check_sizes(std::mt19937& random) {
  for (const auto& size : kBuilt) {
    for (int axis = 0; axis < 3; ++axis) {
      for (int64_t out = 1; out <= 2 * size.first + 1; ++out) {
        current = {};
        for (int a = 0; a < 3; ++a) set_axis(a, {1, 1}, 2, 0, 0);
        set_axis(axis, size, out, (size.second - 1) / 2, size.second / 2);
        draw_rest(random);
        check(random);
      }
    }
  }
}

void break_rule(const std::string& rule) {
  Guarded buffer("x", 5, rule == "before" ? Flush::begin : Flush::end);
  volatile float* const data = buffer.data();
  if (rule == "before") (void)data[-1];
  if (rule == "after") (void)data[5];
  if (rule == "held") buffer.hold(Values(5)), data[0] = 1;
  if (rule == "margin") data[-1] = 1, values_of(buffer);
}

}  // namespace

int main(int given, char** arguments) {
  Guarded::report_faults(describe);
  if (given > 1) return break_rule(arguments[1]), 0;
  std::mt19937 random(1);
  check_tiles(random, 5);
  check_sizes(random);
  std::printf("%s: %d cases, %d staged, %d streamed, %d with windows, %d dilated\n",
              neuropil::kernels().name, counts.cases, counts.staged, counts.streamed,
              counts.windows, counts.dilated);
}
