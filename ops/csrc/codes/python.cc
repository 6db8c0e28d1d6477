// Python's view of decoding. Shapes that belong together are checked here, for the kernel's sake;
// what users see is checked, and explained, in ops/codes.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>

#include <stdexcept>

#include "../module.h"
#include "decode.h"

namespace nb = nanobind;
using namespace neuropil;

namespace {

template <typename T, size_t kAxes>
using Array = nb::ndarray<T, nb::ndim<kAxes>, nb::c_contig, nb::device::cpu>;

Code code_of(const Array<const uint8_t, 2>& words, const Array<const uint64_t, 1>& names,
             size_t channels) {
  const Code code{words.data(), names.data(), words.shape(0), words.shape(1), channels};
  if (names.shape(0) != code.count || code.count == 0 || code.length == 0) {
    throw std::invalid_argument("every word needs a digit and a name");
  }
  const size_t digits = code.count * code.length;
  if (std::any_of(code.words, code.words + digits, [=](auto d) { return d >= channels; })) {
    throw std::invalid_argument("a word has a letter without a map");
  }
  return code;
}

void decode_maps(const Array<const uint8_t, 3>& maps, const Array<const uint8_t, 2>& words,
                 const Array<const uint64_t, 1>& names, float least, size_t threads,
                 const Array<uint64_t, 1>& labels, const Array<uint8_t, 1>& confidence) {
  const size_t voxels = maps.shape(1);
  const Code code = code_of(words, names, maps.shape(2));
  if (maps.shape(0) != code.length || labels.shape(0) != voxels ||
      confidence.shape(0) != voxels) {
    throw std::invalid_argument("maps, words and results differ in shape");
  }
  nb::gil_scoped_release unlocked;
  decode(maps.data(), voxels, code, least, threads, labels.data(), confidence.data());
}

}  // namespace

void bind_codes(nb::module_& module) {
  module.def("decode", &decode_maps, nb::arg("maps").noconvert(), nb::arg("words").noconvert(),
             nb::arg("names").noconvert(), nb::arg("least"), nb::arg("threads"),
             nb::arg("labels").noconvert(), nb::arg("confidence").noconvert(),
             "Writes the name of the likeliest word of every voxel, and its posterior.");
}
