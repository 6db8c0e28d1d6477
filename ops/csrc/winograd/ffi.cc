// The convolution as XLA calls it. Arrays have three spatial axes and channels last:
// images (batch, d, h, w, channels), kernels (d, h, w, cin, cout).

#include <nanobind/nanobind.h>

#include <exception>

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

Shape shape_of(ffi::AnyBuffer::Dimensions x, ffi::AnyBuffer::Dimensions y, Sizes kernel,
               Sizes tile, Sizes pad) {
  Shape s;
  s.batch = x[0];
  s.cin = x[4];
  s.cout = y[4];
  for (int a = 0; a < 3; ++a) {
    s.in[a] = x[a + 1];
    s.out[a] = y[a + 1];
    s.kernel[a] = int(kernel[a]);
    s.tile[a] = int(tile[a]);
    s.pad[a] = pad[a];
  }
  return s;
}

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

// A quarter of L2 is for blocks: kernels and images stream through the rest, and what they
// push out is slow to come back.
int64_t block_bytes() { return neuropil::l2_bytes() / 4; }

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

ffi::Error convolve(ffi::ThreadPool threads, Array x, Array u, Array bias, Result y, Sizes kernel,
                    Sizes tile, Sizes pad, int64_t activation) {
  return guarded([&] {
    const Shape s = shape_of(x.dimensions(), y->dimensions(), kernel, tile, pad);
    XlaPool pool(threads);
    neuropil::prefer_huge_pages(y->untyped_data(), y->size_bytes());
    neuropil::kernels().convolve(s, x.typed_data(), u.typed_data(), bias_of(bias),
                                 Activation(activation), y->typed_data(), block_bytes(), pool);
  });
}

ffi::Error direct(ffi::ThreadPool threads, Array x, Array w, Array bias, Result y, Sizes pad,
                  int64_t activation) {
  return guarded([&] {
    const auto size = w.dimensions();
    const int64_t kernel[3] = {size[0], size[1], size[2]}, one[3] = {1, 1, 1};
    const Shape s = shape_of(x.dimensions(), y->dimensions(), Sizes(kernel, 3), Sizes(one, 3), pad);
    XlaPool pool(threads);
    neuropil::prefer_huge_pages(y->untyped_data(), y->size_bytes());
    neuropil::kernels().direct(s, x.typed_data(), w.typed_data(), bias_of(bias),
                               Activation(activation), y->typed_data(), pool);
  });
}

ffi::Error weight_gradient(ffi::ThreadPool threads, Array x, Array dy, Result dw, Sizes tile,
                           Sizes pad) {
  return guarded([&] {
    const auto size = dw->dimensions();
    const int64_t kernel[3] = {size[0], size[1], size[2]};
    const Shape s =
        shape_of(x.dimensions(), dy.dimensions(), Sizes(kernel, 3), tile, pad);
    XlaPool pool(threads);
    neuropil::kernels().weight_gradient(s, x.typed_data(), dy.typed_data(), dw->typed_data(),
                                        block_bytes(), pool);
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
                           .Attr<Sizes>("kernel")
                           .Attr<Sizes>("tile")
                           .Attr<Sizes>("pad")
                           .Attr<int64_t>("activation"));
XLA_FFI_DEFINE_HANDLER(direct_handler, direct,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<Array>()
                           .Arg<Array>()
                           .Arg<Array>()
                           .Ret<Array>()
                           .Attr<Sizes>("pad")
                           .Attr<int64_t>("activation"));
XLA_FFI_DEFINE_HANDLER(weight_gradient_handler, weight_gradient,
                       ffi::Ffi::Bind()
                           .Ctx<ffi::ThreadPool>()
                           .Arg<Array>()
                           .Arg<Array>()
                           .Ret<Array>()
                           .Attr<Sizes>("tile")
                           .Attr<Sizes>("pad"));

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
  module.def("cache_bytes", [] { return nb::make_tuple(neuropil::l2_bytes(), neuropil::l3_bytes()); },
             "Bytes of a core's L2 cache and of the shared L3 cache.");
}
