"""Features of edges by hand, whatever the order of regions and however the volume is cut."""

import dataclasses

import numpy as np
import pytest

from ops.metrics.contingency import Contingency
from ops.segmentation.edge_features import NAMES, edge_features
from ops.segmentation.edge_labels import edge_labels
from ops.segmentation.graph_sums import merge_graphs
from ops.segmentation.region_graph import RegionGraph, boundary_graph
from ops.segmentation.region_statistics import (
    RegionStatistics,
    merge_statistics,
    region_statistics,
)

OFFSET = np.uint64(1 << 32)


def features_of(labels, boundary) -> np.ndarray:
    return edge_features(boundary_graph(labels, boundary), region_statistics(labels, boundary))


def graph_of(*edges: tuple[int, int]) -> RegionGraph:
    """A graph whose edges have one face each."""
    ones = np.ones(len(edges), np.int64)
    histogram = np.zeros((len(edges), 16), np.uint32)
    histogram[:, 0] = 1
    ends = np.array(edges, np.uint64).reshape(-1, 2)
    return RegionGraph(ends, ones, ones, 0 * ones, 0 * ones, 0 * ones, histogram)


def test_two_regions_by_hand():
    labels = np.array([[[7, 7, 3, 0, 3]], [[7, 3, 3, 0, 7]]], np.uint64)
    boundary = np.array([[[0, 10, 200, 0, 0]], [[16, 255, 0, 0, 15]]], np.uint8)
    (row,) = features_of(labels, boundary)
    found = dict(zip(NAMES, row.tolist(), strict=True))
    # Four faces: across (255, 10) and (15, 0), within (10, 200) and (16, 255).
    assert found["log_pairs"] == pytest.approx(np.log(4))
    assert (found["across_share"], found["face_share"]) == (0.5, 1)
    assert found["mean"] == pytest.approx((255 + 15 + 200 + 255) / 4 / 255)
    # Strengths 15, 200, 255 and 255 lie in the bins 0, 12, 15 and 15 of 16.
    middles = np.array([0, 12, 15, 15]) / 16 + 1 / 32
    assert found["spread"] == pytest.approx(middles.std())
    assert found["quantile_0.25"] == pytest.approx(1 / 16)
    assert found["quantile_0.5"] == pytest.approx(13 / 16)
    assert found["quantile_0.75"] == pytest.approx(15.5 / 16)
    # Region 3 has the strengths 200, 0, 255, 0, and region 7 has 0, 10, 16, 15.
    assert found["least_log_voxels"] == found["greatest_log_voxels"] == pytest.approx(np.log(4))
    assert found["least_inside_mean"] == pytest.approx(41 / 4 / 255)
    assert found["greatest_inside_mean"] == pytest.approx(455 / 4 / 255)
    spreads = [np.std([0, 10, 16, 15]) / 255, np.std([200, 0, 255, 0]) / 255]
    assert found["least_inside_spread"] == pytest.approx(spreads[0], rel=1e-5)
    assert found["greatest_inside_spread"] == pytest.approx(spreads[1], rel=1e-5)
    assert found["least_pairs_per_voxel"] == 1


def test_the_order_of_ids_changes_nothing(rng):
    labels = np.repeat(rng.integers(1, 9, (4, 6, 5), np.uint64), 3, axis=2)
    boundary = rng.integers(0, 256, labels.shape, np.uint8)
    there, back = features_of(labels, boundary), features_of(np.uint64(100) - labels, boundary)
    np.testing.assert_array_equal(np.sort(there, axis=0), np.sort(back, axis=0))


@pytest.mark.parametrize("size", [(1, 2, 3), (2, 6, 5), (4, 6, 15)])
def test_features_are_the_same_for_blocks_of_any_shape(rng, size):
    labels = np.repeat(rng.integers(0, 9, (4, 6, 5), np.uint64), 3, axis=2) * OFFSET
    boundary = rng.integers(0, 256, labels.shape, np.uint8)
    graphs, regions = [], []
    for corner in np.ndindex(*(-(-n // s) for n, s in zip(labels.shape, size, strict=True))):
        starts = [i * s for i, s in zip(corner, size, strict=True)]
        inner = tuple(slice(a, a + s) for a, s in zip(starts, size, strict=True))
        outer = tuple(slice(max(0, a - 1), a + s) for a, s in zip(starts, size, strict=True))
        z, y, x = (slice(min(a, 1), None) for a in starts)
        graphs.append(boundary_graph(labels[outer], boundary[outer], owned=(z, y, x)))
        regions.append(region_statistics(labels[inner], boundary[inner]))
    found = edge_features(merge_graphs(graphs), merge_statistics(regions[::-1]))
    np.testing.assert_array_equal(found, features_of(labels, boundary))


def test_a_graph_without_edges_has_no_features():
    nothing = features_of(np.ones((2, 2, 2), np.uint64), np.zeros((2, 2, 2), np.uint8))
    assert nothing.shape == (0, len(NAMES))


def test_regions_without_statistics_are_refused():
    regions = RegionStatistics(np.array([1, 2], np.uint64), *[np.ones(2, np.int64)] * 3)
    with pytest.raises(ValueError, match="1 regions that have no statistics, such as 5"):
        edge_features(graph_of((1, 5)), regions)


def table_of(**rows: tuple[int, int, int]) -> Contingency:
    """Rows are (truth, region, voxels)."""
    truth, region, counts = zip(*sorted(rows.values()), strict=True)
    arrays = np.array(truth, np.uint64), np.array(region, np.uint64), np.array(counts, np.int64)
    return Contingency(*arrays)


def test_edges_are_labelled_by_the_main_objects_of_their_regions():
    table = table_of(
        a=(9, 1, 80), b=(8, 1, 20), c=(9, 2, 60), d=(0, 2, 40), e=(8, 3, 9), f=(9, 4, 74),
        g=(8, 4, 26), h=(9, 5, 49), i=(0, 5, 51),
    )  # fmt: skip
    graph = graph_of((1, 2), (1, 3), (1, 4), (2, 5), (3, 77))
    different, known = edge_labels(graph, table)
    assert known.tolist() == [True, True, False, False, False]  # 4 is mixed, 5 hardly labelled
    assert different[known].tolist() == [False, True]


def test_nothing_is_known_without_truth():
    empty = dataclasses.replace(table_of(a=(9, 1, 80)), truth=np.zeros(1, np.uint64))
    assert not edge_labels(graph_of((1, 2)), empty)[1].any()
    nothing = Contingency(*(np.zeros(0, np.uint64),) * 2, np.zeros(0, np.int64))
    assert not edge_labels(graph_of((1, 2)), nothing)[1].any()
