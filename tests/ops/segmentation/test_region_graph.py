"""Region graphs against counting one by one, by hand, and block by block."""

import dataclasses
import itertools

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ops.segmentation.graph_sums import contract, merge_graphs
from ops.segmentation.region_graph import (
    BELOW,
    RegionGraph,
    affinity_graph,
    boundary_graph,
)

SHAPE = (4, 5, 6)
OFFSETS = ((-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, -2, 1), (1, 0, 3), (0, 0, 1), (-9, 0, 0))
LABELS = npst.arrays(np.uint64, SHAPE, elements=st.sampled_from([0, 1, 2, 3, 2**63]))
BOUNDARY = npst.arrays(np.uint8, SHAPE)
AFFINITIES = npst.arrays(np.uint8, (*SHAPE, len(OFFSETS)))
CUTS = st.tuples(*(st.integers(0, length) for length in SHAPE))


def counted(labels, strength, offsets) -> dict:
    """Edge -> faces, across and within (count, sum), histogram: pair by pair."""
    edges = {}
    for voxel in np.ndindex(labels.shape):
        for channel, offset in enumerate(offsets):
            other = tuple(a + b for a, b in zip(voxel, offset, strict=True))
            inside = all(0 <= a < n for a, n in zip(other, labels.shape, strict=True))
            if not inside or labels[voxel] == labels[other] or 0 in (labels[voxel], labels[other]):
                continue
            pair = tuple(sorted((int(labels[voxel]), int(labels[other]))))
            row = edges.setdefault(pair, np.zeros(21, int))
            value = int(strength(voxel, other, channel))
            row[0] += np.abs(offset).sum() == 1
            row[[1, 2] if offset[0] else [3, 4]] += [1, value]
            row[5 + value // 16] += 1
    return edges


def as_dict(graph: RegionGraph) -> dict:
    rows = np.column_stack(dataclasses.astuple(graph)[1:])
    return {tuple(map(int, e)): row for e, row in zip(graph.edges, rows, strict=True)}


def same(first: RegionGraph, second: RegionGraph) -> bool:
    pairs = zip(dataclasses.astuple(first), dataclasses.astuple(second), strict=True)
    return all(np.array_equal(a, b) and a.dtype == b.dtype for a, b in pairs)


def agree(graph, expected) -> bool:
    found = as_dict(graph)
    return list(found) == sorted(expected) and all((found[e] == expected[e]).all() for e in found)


def blocks(cut):
    """The eight parts that three planes make of a volume."""
    halves = [(slice(0, at), slice(at, n)) for at, n in zip(cut, SHAPE, strict=True)]
    return list(itertools.product(*halves))


def with_halo(owned, before, after):
    """The voxels of a block and around it, and where its own lie among them."""
    read, inner = [], []
    for part, length in zip(owned, SHAPE, strict=True):
        start, stop = max(0, part.start - before), min(length, part.stop + after)
        read.append(slice(start, stop))
        inner.append(slice(part.start - start, part.stop - start))
    return tuple(read), tuple(inner)


@settings(deadline=None, max_examples=30)
@given(LABELS, BOUNDARY)
def test_faces_are_counted_one_by_one(labels, boundary):
    expected = counted(labels, lambda v, u, _: max(boundary[v], boundary[u]), BELOW)
    assert agree(boundary_graph(labels, boundary), expected)


@settings(deadline=None, max_examples=30)
@given(LABELS, AFFINITIES)
def test_pairs_of_affinities_are_counted_one_by_one(labels, affinities):
    expected = counted(labels, lambda v, _, c: 255 - affinities[v][c], OFFSETS)
    assert agree(affinity_graph(labels, affinities, OFFSETS), expected)


@settings(deadline=None, max_examples=30)
@given(LABELS, BOUNDARY, CUTS)
def test_graphs_of_blocks_merge_to_that_of_the_whole(labels, boundary, cut):
    parts = []
    for owned in blocks(cut):
        read, inner = with_halo(owned, 1, 0)
        parts.append(boundary_graph(labels[read], boundary[read], owned=inner))
    assert same(merge_graphs(parts), boundary_graph(labels, boundary))


@settings(deadline=None, max_examples=20)
@given(LABELS, AFFINITIES, CUTS, st.randoms(use_true_random=False))
def test_affinity_graphs_of_blocks_merge_in_any_order(labels, affinities, cut, random):
    parts = []
    for owned in blocks(cut):
        read, inner = with_halo(owned, 9, 3)
        parts.append(affinity_graph(labels[read], affinities[read], OFFSETS, owned=inner))
    whole = affinity_graph(labels, affinities, OFFSETS)
    assert same(merge_graphs(parts), whole)
    random.shuffle(parts)
    halves = merge_graphs(parts[:3]), merge_graphs(parts[3:])
    assert same(merge_graphs(halves), whole)


@settings(deadline=None, max_examples=20)
@given(LABELS, AFFINITIES, st.integers(1, 6))
def test_a_contracted_graph_is_that_of_the_larger_regions(labels, affinities, regions):
    nodes = np.unique(labels)
    larger = np.where(nodes > 0, nodes % regions + 1, 0).astype(np.uint64)
    merged = larger[np.searchsorted(nodes, labels)]
    found = contract(affinity_graph(labels, affinities, OFFSETS), nodes, larger)
    assert same(found, affinity_graph(merged, affinities, OFFSETS))


def test_a_full_bin_stays_full():
    one = boundary_graph(np.array([[[1, 2]]], np.uint64), np.zeros((1, 1, 2), np.uint8))
    most = np.iinfo(np.uint32).max
    full = dataclasses.replace(one, histogram=one.histogram * np.uint32(most))
    assert merge_graphs([full, one]).histogram[0, 0] == most
    assert merge_graphs([full, one]).faces.tolist() == [2]


def test_two_regions_by_hand():
    labels = np.array([[[7, 7, 3, 0, 3]], [[7, 3, 3, 0, 7]]], np.uint64)
    boundary = np.array([[[0, 10, 200, 0, 0]], [[16, 255, 0, 0, 15]]], np.uint8)
    graph = boundary_graph(labels, boundary)
    assert graph.edges.tolist() == [[3, 7]]
    assert graph.faces.tolist() == [4]
    # Across: (255, 10) and (15, 0). Within: (10, 200) and (16, 255).
    assert (graph.across_count.tolist(), graph.across_sum.tolist()) == ([2], [270])
    assert (graph.within_count.tolist(), graph.within_sum.tolist()) == ([2], [455])
    assert graph.histogram.tolist() == [[1] + [0] * 11 + [1, 0, 0, 2]]


def test_long_pairs_alone_are_no_faces():
    labels = np.array([[[1, 2, 3]]], np.uint64)
    graph = affinity_graph(labels, np.full((1, 1, 3, 2), 255, np.uint8), ((0, 0, -1), (0, 0, -2)))
    assert graph.edges.tolist() == [[1, 2], [1, 3], [2, 3]]
    assert graph.faces.tolist() == [1, 0, 1]
    assert graph.within_count.tolist() == [1, 1, 1]


def test_threads_views_and_the_width_of_ids_change_nothing(rng):
    labels = np.repeat(rng.integers(0, 50, (6, 70, 9), np.uint64), 5, axis=2)
    boundary = rng.integers(0, 256, labels.shape, np.uint8)
    whole = boundary_graph(labels, boundary, threads=1)
    assert same(boundary_graph(labels, boundary, threads=4), whole)
    assert same(boundary_graph(labels.astype(np.uint32), boundary), whole)
    assert same(boundary_graph(np.asfortranarray(labels), boundary[::-1][::-1]), whole)


def test_many_edges_fill_the_hash_table(rng):
    labels = rng.permutation(30_000).astype(np.uint64).reshape(3, 100, 100) + np.uint64(1)
    graph = boundary_graph(labels * np.uint64(1 << 40), np.full(labels.shape, 9, np.uint8))
    assert len(graph.edges) == 2 * 100 * 100 + 2 * 3 * 99 * 100
    assert (graph.faces == 1).all()


def test_nothing_makes_an_empty_graph():
    empty = boundary_graph(np.zeros((0, 3, 3), np.uint64), np.zeros((0, 3, 3), np.uint8))
    assert empty.edges.shape == (0, 2) and empty.histogram.shape == (0, 16)
    assert same(merge_graphs([]), empty) and same(merge_graphs([empty, empty]), empty)
    one = np.ones((2, 2, 2), np.uint64)
    nowhere = (slice(1, 1), slice(None), slice(None))
    assert same(boundary_graph(one, one.astype(np.uint8), owned=nowhere), empty)


def test_impossible_arguments_are_refused():
    labels = np.ones((2, 3, 4), np.uint64)
    boundary, affinities = np.ones((2, 3, 4), np.uint8), np.ones((2, 3, 4, 1), np.uint8)
    with pytest.raises(ValueError, match=r"boundary of shape \(1, 3, 4\)"):
        boundary_graph(labels, boundary[:1])
    with pytest.raises(ValueError, match="slices without a step"):
        boundary_graph(labels, boundary, owned=(slice(None, None, 2), slice(None), slice(None)))
    for offsets in ([(0, 0, 0)], [(-1, 0, 0), (0, -1, 0)]):
        with pytest.raises(ValueError, match="for 1 channels"):
            affinity_graph(labels, affinities, offsets)
    with pytest.raises(ValueError, match="got -1 threads"):
        boundary_graph(labels, boundary, threads=-1)
