// Python's view of the contingency table: `_native.count_pairs`.

#include "contingency.h"

#include <nanobind/ndarray.h>
#include <nanobind/nanobind.h>

#include <stdexcept>

#include "module.h"

namespace nb = nanobind;

namespace {

using Labels = nb::ndarray<nb::ro, nb::ndim<1>, nb::c_contig, nb::device::cpu>;
using neuropil::PairCount;

template <typename T>
nb::object to_numpy(const std::vector<PairCount>& pairs, T PairCount::*field) {
  T* column = new T[pairs.size()];
  nb::capsule owner(column, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  for (size_t i = 0; i < pairs.size(); ++i) column[i] = pairs[i].*field;
  return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<1>>(column, {pairs.size()}, owner));
}

// Calls `work` with the array's data as a pointer to unsigned integers of its width.
template <typename Work>
auto with_pointer(const Labels& labels, Work work) {
  const void* data = labels.data();
  switch (labels.dtype().bits) {
    case 8: return work(static_cast<const uint8_t*>(data));
    case 16: return work(static_cast<const uint16_t*>(data));
    case 32: return work(static_cast<const uint32_t*>(data));
    case 64: return work(static_cast<const uint64_t*>(data));
  }
  throw std::invalid_argument("labels need 8, 16, 32 or 64 bits");
}

nb::tuple count_pairs(const Labels& truth, const Labels& prediction) {
  if (truth.size() != prediction.size()) {
    throw std::invalid_argument("truth and prediction differ in size");
  }
  std::vector<PairCount> pairs;
  {
    nb::gil_scoped_release unlocked;
    pairs = with_pointer(truth, [&](auto* t) {
      return with_pointer(prediction, [&](auto* p) {
        return neuropil::count_pairs(t, p, truth.size(), std::thread::hardware_concurrency());
      });
    });
  }
  return nb::make_tuple(to_numpy(pairs, &PairCount::truth),
                        to_numpy(pairs, &PairCount::prediction),
                        to_numpy(pairs, &PairCount::count));
}

}  // namespace

void bind_contingency(nb::module_& module) {
  module.def("count_pairs", &count_pairs, nb::arg("truth"), nb::arg("prediction"),
             "Pairs of labels of two flat arrays of unsigned integers, sorted, each once, and how "
             "many voxels carry them: truth uint64, prediction uint64, count int64.");
}
