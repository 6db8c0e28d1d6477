// The convolution as XLA calls it. Arrays have three spatial axes and channels last:
// images (batch, d, h, w, channels), kernels (d, h, w, cin, cout).

#include <nanobind/nanobind.h>
#include <nanobind/stl/vector.h>

#include <exception>
#include <vector>

#include "../module.h"
#include "dispatch.h"
#include "workspace.h"
#include "xla/ffi/api/ffi.h"

namespace nb = nanobind;
namespace ffi = xla::ffi;

namespace {

using neuropil::Activation;
using neuropil::Shape;
using Array = ffi::Buffer<ffi::F32>;
using Result = ffi::ResultBuffer<ffi::F32>;
using Sizes = ffi::Span<const int64_t>;

// XLA's own threads.
class XlaPool : public neuropil::Pool {
 public:
  explicit XlaPool(ffi::ThreadPool pool) : pool_(pool) {}
  int threads() const override { return int(std::max<int64_t>(1, pool_.num_threads())); }
  void schedule(std::function<void()> task) override { pool_.Schedule(std::move(task)); }

 private:
  ffi::ThreadPool pool_;
};

// Of images (batch, d, h, w, channels) and sizes along the spatial axes.
Shape shape_of(Sizes x, Sizes out, int64_t cout, Sizes kernel, Sizes tile, Sizes pad,
               Sizes steps) {
  Shape s;
  s.batch = x[0];
  s.cin = x[4];
  s.cout = cout;
  for (int a = 0; a < 3; ++a) {
    s.in[a] = x[a + 1];
    s.out[a] = out[a];
    s.kernel[a] = int(kernel[a]);
    s.tile[a] = int(tile[a]);
    s.pad[a] = pad[a];
    s.steps[a] = steps[a];
  }
  return s;
}

Sizes spatial(Sizes image) { return Sizes(image.begin() + 1, 3); }

template <typename Work>
ffi::Error guarded(Work work) {
  try {
    work();
    return ffi::Error::Success();
  } catch (const std::exception& error) {
    return ffi::Error(ffi::ErrorCode::kInternal, std::string("winograd: ") + error.what());
  }
}

const float* bias_of(const Array& bias) {
  return bias.element_count() > 0 ? bias.typed_data() : nullptr;
}

ffi::Error weights(ffi::ThreadPool threads, Array w, Result u, Sizes tile) {
  return guarded([&] {
    Shape s;
    const auto size = w.dimensions();
    for (int a = 0; a < 3; ++a) s.kernel[a] = int(size[a]), s.tile[a] = int(tile[a]);
    s.cin = size[3];
    s.cout = size[4];
    XlaPool pool(threads);
    neuropil::prefer_huge_pages(u->untyped_data(), u->size_bytes());
    neuropil::kernels().transform_weights(s, w.typed_data(), u->typed_data(), pool);
  });
}

ffi::Error convolve(ffi::ThreadPool threads, Array x, Array u, Array bias, Result y, Sizes out,
                    Sizes kernel, Sizes tile, Sizes pad, Sizes steps, Sizes window,
                    int64_t activation) {
  return guarded([&] {
    Shape s = shape_of(x.dimensions(), out, y->dimensions()[4], kernel, tile, pad, steps);
    for (int a = 0; a < 3; ++a) s.window[a] = int(window[a]);
    XlaPool pool(threads);
    neuropil::prefer_huge_pages(y->untyped_data(), y->size_bytes());
    neuropil::kernels().convolve(folded(s), x.typed_data(), u.typed_data(),
                                 {bias_of(bias), Activation(activation)}, y->typed_data(),
                                 neuropil::caches(), pool);
  });
}

ffi::Error direct(ffi::ThreadPool threads, Array x, Array w, Array bias, Result y, Sizes pad,
                  Sizes steps, int64_t activation) {
  return guarded([&] {
    const auto size = w.dimensions();
    const int64_t kernel[3] = {size[0], size[1], size[2]}, one[3] = {1, 1, 1};
    const Shape s = shape_of(x.dimensions(), spatial(y->dimensions()), size[4], Sizes(kernel, 3),
                             Sizes(one, 3), pad, steps);
    XlaPool pool(threads);
    neuropil::prefer_huge_pages(y->untyped_data(), y->size_bytes());
    neuropil::kernels().direct(s, x.typed_data(), w.typed_data(),
                               {bias_of(bias), Activation(activation)}, y->typed_data(), pool);
  });
}

ffi::Error weight_gradient(ffi::ThreadPool threads, Array x, Array dy, Result dw, Sizes tile,
                           Sizes pad, Sizes steps) {
  return guarded([&] {
    const auto size = dw->dimensions();
    const int64_t kernel[3] = {size[0], size[1], size[2]};
    const Shape s = shape_of(x.dimensions(), spatial(dy.dimensions()), size[4], Sizes(kernel, 3),
                             tile, pad, steps);
    XlaPool pool(threads);
    neuropil::kernels().weight_gradient(folded(s), x.typed_data(), dy.typed_data(),
                                        dw->typed_data(), neuropil::caches(), pool);
  });
}

XLA_FFI_DEFINE_HANDLER(weights_handler, weights,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<Array>()
                           .Ret<Array>()
                           .Attr<Sizes>("tile"));
XLA_FFI_DEFINE_HANDLER(convolve_handler, convolve,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<Array>()
                           .Arg<Array>()
                           .Arg<Array>()
                           .Ret<Array>()
                           .Attr<Sizes>("out")
                           .Attr<Sizes>("kernel")
                           .Attr<Sizes>("tile")
                           .Attr<Sizes>("pad")
                           .Attr<Sizes>("steps")
                           .Attr<Sizes>("window")
                           .Attr<int64_t>("activation"));
XLA_FFI_DEFINE_HANDLER(direct_handler, direct,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<Array>()
                           .Arg<Array>()
                           .Arg<Array>()
                           .Ret<Array>()
                           .Attr<Sizes>("pad")
                           .Attr<Sizes>("steps")
                           .Attr<int64_t>("activation"));
XLA_FFI_DEFINE_HANDLER(weight_gradient_handler, weight_gradient,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<Array>()
                           .Arg<Array>()
                           .Ret<Array>()
                           .Attr<Sizes>("tile")
                           .Attr<Sizes>("pad")
                           .Attr<Sizes>("steps"));

using Numbers = std::vector<int64_t>;

nb::dict describe(const Numbers& x, const Numbers& out, int64_t cout, const Numbers& kernel,
                  const Numbers& tile, const Numbers& pad, const Numbers& steps,
                  int64_t threads) {
  const auto sizes = [](const Numbers& numbers) { return Sizes(numbers.data(), numbers.size()); };
  const Shape s =
      shape_of(sizes(x), sizes(out), cout, sizes(kernel), sizes(tile), sizes(pad), sizes(steps));
  const neuropil::Description d =
      neuropil::kernels().describe(folded(s), threads, neuropil::caches());
  nb::dict words;
  words["schedule"] = d.staged ? "staged" : "fused";
  words["block_tiles"] = d.block_tiles;
  words["blocks"] = d.blocks;
  words["thread_bytes"] = d.thread_bytes;
  words["shared_bytes"] = d.shared_bytes;
  words["gradient_bytes"] = d.gradient_bytes;
  return words;
}

template <typename Handler>
nb::capsule as_capsule(Handler* handler) {
  return nb::capsule(reinterpret_cast<void*>(handler));
}

}  // namespace

void bind_winograd(nb::module_& module) {
  module.def(
      "winograd_handlers",
      [] {
        nb::dict handlers;
        handlers["neuropil_winograd_weights"] = as_capsule(weights_handler);
        handlers["neuropil_winograd_convolve"] = as_capsule(convolve_handler);
        handlers["neuropil_winograd_weight_gradient"] = as_capsule(weight_gradient_handler);
        handlers["neuropil_direct_convolve"] = as_capsule(direct_handler);
        return handlers;
      },
      "XLA FFI handlers by the name of their target.");
  module.def("winograd_kernels", [] { return nb::make_tuple(neuropil::kernels().name, neuropil::kernels().lanes); },
             "Instruction set that the convolution runs on here, and floats of its vectors.");
  module.def("winograd_describe", &describe, nb::arg("x"), nb::arg("out"), nb::arg("cout"),
             nb::arg("kernel"), nb::arg("tile"), nb::arg("pad"), nb::arg("steps"),
             nb::arg("threads"),
             "How a convolution is scheduled, and its scratch memory in bytes.");
  module.def("cache_bytes", [] { return nb::make_tuple(neuropil::caches().l2, neuropil::caches().l3); },
             "Bytes of a core's L2 cache and of the shared L3 cache.");
}
