// Python's view of the segmentation kernels. Shapes that belong together are checked here, for
// the kernels' sake; what users see is checked, and explained, in ops/segmentation.

#include <nanobind/nanobind.h>
#include <nanobind/ndarray.h>
#include <nanobind/stl/array.h>
#include <nanobind/stl/optional.h>
#include <nanobind/stl/vector.h>

#include <optional>
#include <stdexcept>

#include "../module.h"
#include "agglomeration.h"
#include "distance.h"
#include "maxima.h"
#include "region_graph.h"
#include "smooth.h"
#include "watershed.h"

namespace nb = nanobind;
using namespace neuropil;

namespace {

template <typename T, size_t kAxes>
using Array = nb::ndarray<T, nb::ndim<kAxes>, nb::c_contig, nb::device::cpu>;
using Unlocked = nb::gil_scoped_release;

template <typename T>
Grid grid_of(const Array<T, 3>& array) {
  return {array.shape(0), array.shape(1), array.shape(2)};
}

template <typename T, typename U>
void check_same_shape(const Array<T, 3>& a, const Array<U, 3>& b) {
  for (size_t axis = 0; axis < 3; ++axis) {
    if (a.shape(axis) != b.shape(axis)) throw std::invalid_argument("arrays differ in shape");
  }
}

// A new array of `columns` numbers a row, filled by value(row, column).
template <typename T, typename Value>
nb::object table(size_t rows, size_t columns, Value value) {
  T* data = new T[rows * columns];
  nb::capsule owner(data, [](void* p) noexcept { delete[] static_cast<T*>(p); });
  for (size_t row = 0; row < rows; ++row) {
    for (size_t column = 0; column < columns; ++column) {
      data[row * columns + column] = value(row, column);
    }
  }
  return nb::cast(nb::ndarray<nb::numpy, T, nb::ndim<2>>(data, {rows, columns}, owner));
}

template <typename T, typename Value>
nb::object column(size_t rows, Value value) {
  return table<T>(rows, 1, [&](size_t row, size_t) { return value(row); }).attr("ravel")();
}

void distance(const Array<const uint8_t, 3>& inside, const Array<float, 3>& out,
              const std::array<double, 3>& spacing, bool in_plane, size_t threads) {
  check_same_shape(inside, out);
  Unlocked unlocked;
  boundary_distance(inside.data(), out.data(), grid_of(out), spacing, in_plane, threads);
}

void smooth_map(const Array<float, 3>& map, const std::array<double, 3>& sigma, size_t threads) {
  Unlocked unlocked;
  smooth(map.data(), grid_of(map), sigma, threads);
}

uint32_t maxima(const Array<const float, 3>& map, const Array<uint32_t, 3>& labels, bool in_plane,
                size_t threads) {
  check_same_shape(map, labels);
  Unlocked unlocked;
  return label_maxima(map.data(), labels.data(), grid_of(map), in_plane, threads);
}

void flood(const Array<const uint8_t, 3>& height, const Array<uint32_t, 3>& labels,
           const std::optional<Array<const uint8_t, 3>>& mask, bool in_plane, size_t threads) {
  check_same_shape(height, labels);
  if (mask) check_same_shape(*mask, labels);
  Unlocked unlocked;
  watershed(height.data(), mask ? mask->data() : nullptr, labels.data(), grid_of(height), in_plane,
            threads);
}

nb::tuple columns_of(const std::vector<Edge>& edges) {
  const size_t n = edges.size();
  const auto numbers = [&](int64_t Edge::*field) {
    return column<int64_t>(n, [&](size_t i) { return edges[i].*field; });
  };
  return nb::make_tuple(
      table<uint64_t>(n, 2,
                      [&](size_t i, size_t end) { return end ? edges[i].high : edges[i].low; }),
      numbers(&Edge::faces), numbers(&Edge::across_count), numbers(&Edge::across_sum),
      numbers(&Edge::within_count), numbers(&Edge::within_sum),
      table<uint32_t>(n, kBins, [&](size_t i, size_t bin) { return edges[i].histogram[bin]; }));
}

void check_owned(const std::array<Range, 3>& owned, const Grid& grid) {
  const size_t lengths[3] = {grid.depth, grid.rows, grid.width};
  for (size_t axis = 0; axis < 3; ++axis) {
    if (owned[axis][0] > owned[axis][1] || owned[axis][1] > lengths[axis]) {
      throw std::invalid_argument("the owned part leaves the array");
    }
  }
}

template <typename Label>
nb::tuple boundary_graph(const Array<const Label, 3>& labels,
                         const Array<const uint8_t, 3>& boundary,
                         const std::array<Range, 3>& owned, size_t threads) {
  check_same_shape(labels, boundary);
  check_owned(owned, grid_of(labels));
  const std::vector<Offset> below = {{-1, 0, 0}, {0, -1, 0}, {0, 0, -1}};
  const uint8_t* data = boundary.data();
  std::vector<Edge> edges;
  {
    Unlocked unlocked;
    const auto strength = [data](size_t voxel, size_t other, size_t) {
      return std::max(data[voxel], data[other]);
    };
    edges = region_graph(labels.data(), grid_of(labels), below, owned, strength, threads);
  }
  return columns_of(edges);
}

template <typename Label>
nb::tuple affinity_graph(const Array<const Label, 3>& labels,
                         const Array<const uint8_t, 4>& affinities,
                         const std::vector<Offset>& offsets, const std::array<Range, 3>& owned,
                         size_t threads) {
  const Grid grid = grid_of(labels);
  if (affinities.shape(0) != grid.depth || affinities.shape(1) != grid.rows ||
      affinities.shape(2) != grid.width || affinities.shape(3) != offsets.size()) {
    throw std::invalid_argument("affinities do not fit labels and offsets");
  }
  check_owned(owned, grid);
  const uint8_t* data = affinities.data();
  std::vector<Edge> edges;
  {
    Unlocked unlocked;
    const size_t channels = offsets.size();
    const auto strength = [data, channels](size_t voxel, size_t, size_t channel) {
      return static_cast<uint8_t>(255 - data[voxel * channels + channel]);
    };
    edges = region_graph(labels.data(), grid, offsets, owned, strength, threads);
  }
  return columns_of(edges);
}

using Ends = Array<const uint32_t, 2>;
using Faces = Array<const int64_t, 1>;

template <typename Linkage>
nb::tuple agglomerate(size_t nodes, const Ends& ends, const Faces& faces, Linkage linkage) {
  const size_t edges = ends.shape(0);
  if (ends.shape(1) != 2 || faces.shape(0) != edges) {
    throw std::invalid_argument("columns of edges differ in length");
  }
  for (size_t i = 0; i < 2 * edges; ++i) {
    if (ends.data()[i] >= nodes) throw std::invalid_argument("an edge names a node that is not");
  }
  std::vector<Merge> merges;
  {
    Unlocked unlocked;
    merges = Agglomeration<Linkage>(nodes, ends.data(), faces.data(), edges, std::move(linkage))
                 .run();
  }
  return nb::make_tuple(
      table<uint32_t>(merges.size(), 2,
                      [&](size_t i, size_t end) { return end ? merges[i].gone : merges[i].kept; }),
      column<float>(merges.size(), [&](size_t i) { return merges[i].score; }));
}

nb::tuple agglomerate_mean(size_t nodes, const Ends& ends, const Faces& faces,
                           const Array<const double, 1>& sums,
                           const Array<const double, 1>& weights) {
  if (sums.shape(0) != ends.shape(0) || weights.shape(0) != ends.shape(0)) {
    throw std::invalid_argument("columns of edges differ in length");
  }
  return agglomerate(nodes, ends, faces, MeanLinkage(sums.data(), weights.data(), ends.shape(0)));
}

nb::tuple agglomerate_quantile(size_t nodes, const Ends& ends, const Faces& faces,
                               const Array<const uint32_t, 2>& histograms, double quantile) {
  if (histograms.shape(0) != ends.shape(0) || histograms.shape(1) != kBins) {
    throw std::invalid_argument("histograms do not fit the edges");
  }
  return agglomerate(nodes, ends, faces,
                     QuantileLinkage(histograms.data(), ends.shape(0), quantile));
}

}  // namespace

// Arrays are never converted: what a kernel writes into has to be the caller's own.
void bind_segmentation(nb::module_& module) {
  module.def("boundary_distance", &distance, nb::arg("inside").noconvert(),
             nb::arg("out").noconvert(), nb::arg("spacing"), nb::arg("in_plane"),
             nb::arg("threads"), "Writes distances to the nearest voxel that is 0.");
  module.def("smooth", &smooth_map, nb::arg("map").noconvert(), nb::arg("sigma"),
             nb::arg("threads"), "Smooths a map in place by a Gaussian (sigma in voxels).");
  module.def("label_maxima", &maxima, nb::arg("map").noconvert(), nb::arg("labels").noconvert(),
             nb::arg("in_plane"), nb::arg("threads"),
             "Numbers the regional maxima; returns how many there are.");
  module.def("watershed", &flood, nb::arg("height").noconvert(), nb::arg("labels").noconvert(),
             nb::arg("mask").noconvert().none(), nb::arg("in_plane"), nb::arg("threads"),
             "Floods from the seeds in `labels`, in place.");
  module.def("boundary_graph", &boundary_graph<uint32_t>, nb::arg("labels").noconvert(),
             nb::arg("boundary").noconvert(), nb::arg("owned"), nb::arg("threads"));
  module.def("boundary_graph", &boundary_graph<uint64_t>, nb::arg("labels").noconvert(),
             nb::arg("boundary").noconvert(), nb::arg("owned"), nb::arg("threads"),
             "Columns of a region graph from boundary strengths of voxels.");
  module.def("affinity_graph", &affinity_graph<uint32_t>, nb::arg("labels").noconvert(),
             nb::arg("affinities").noconvert(), nb::arg("offsets"), nb::arg("owned"),
             nb::arg("threads"));
  module.def("affinity_graph", &affinity_graph<uint64_t>, nb::arg("labels").noconvert(),
             nb::arg("affinities").noconvert(), nb::arg("offsets"), nb::arg("owned"),
             nb::arg("threads"), "Columns of a region graph from affinities.");
  module.def("agglomerate_mean", &agglomerate_mean, nb::arg("nodes"), nb::arg("ends").noconvert(),
             nb::arg("faces").noconvert(), nb::arg("sums").noconvert(),
             nb::arg("weights").noconvert(), "Merges of nodes and their scores.");
  module.def("agglomerate_quantile", &agglomerate_quantile, nb::arg("nodes"),
             nb::arg("ends").noconvert(), nb::arg("faces").noconvert(),
             nb::arg("histograms").noconvert(), nb::arg("quantile"),
             "Merges of nodes and their scores.");
}
