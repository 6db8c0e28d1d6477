"""Skeletons traced in parts: joined they are those of the whole, whatever the order."""

from typing import Any

import numpy as np
import pytest
from scipy import ndimage

from ops.skeletons.fragments import join_fragments, trace_fragments

SIZE_NM = (30.0, 24.0, 24.0)
HOW: dict[str, Any] = {"scale": 1.5, "constant_nm": 100.0}


def in_parts(labels: np.ndarray, cut: int) -> list:
    """Fragments of two parts that share the plane at `cut` along x."""
    low = trace_fragments(labels[..., : cut + 1], SIZE_NM, shared=[(2, "high")], **HOW)
    high = trace_fragments(
        labels[..., cut:], SIZE_NM, shared=[(2, "low")], origin=(0, 0, cut), **HOW
    )
    return [low, high]


def length_nm(tree) -> float:
    nodes, parents, _ = tree
    child = np.flatnonzero(parents >= 0)
    steps = (nodes[child] - nodes[parents[child]]) * np.array(SIZE_NM)
    return float(np.linalg.norm(steps, axis=1).sum())


@pytest.fixture
def tube():
    """A straight tube along x, and a ball that no face meets."""
    labels = np.zeros((12, 12, 60), np.uint64)
    labels[3:8, 3:8, :] = 2**40
    labels[9:12, 9:12, 3:6] = 7
    return labels


@pytest.mark.parametrize("cut", [20, 33])
def test_a_tube_cut_in_two_is_one_tree_again(tube, cut):
    trees = join_fragments(in_parts(tube, cut), SIZE_NM)
    whole = join_fragments([trace_fragments(tube, SIZE_NM, **HOW)], SIZE_NM)
    assert list(trees) == list(whole) == [7, 2**40]
    nodes, parents, _ = trees[2**40]
    assert np.count_nonzero(parents < 0) == 1
    assert cut in nodes[:, 2]
    assert length_nm(trees[2**40]) == pytest.approx(length_nm(whole[2**40]), rel=0.05)
    np.testing.assert_array_equal(trees[7][0], whole[7][0])


def test_the_order_of_the_parts_is_nothing(tube):
    parts = in_parts(tube, 20)
    one, other = join_fragments(parts, SIZE_NM), join_fragments(parts[::-1], SIZE_NM)
    for id, arrays in one.items():
        for ours, theirs in zip(arrays, other[id], strict=True):
            np.testing.assert_array_equal(ours, theirs)


def test_loops_are_cut_open_and_nodes_lie_in_their_object():
    ring = np.zeros((5, 40, 40), np.uint64)
    away = np.hypot(*np.mgrid[-20:20, -20:20])
    ring[1:4, (away > 12) & (away < 17)] = 3
    (tree,) = join_fragments(in_parts(ring, 20), SIZE_NM).values()
    nodes, parents, radii = tree
    assert (ring[tuple(nodes.T)] == 3).all() and (radii > 0).all()
    assert np.count_nonzero(parents < 0) == 1
    assert (parents < np.arange(len(parents))).all()


def test_what_cannot_be_long_is_left_out_unless_it_goes_on_behind_a_face():
    labels = np.zeros((5, 5, 20), np.uint32)
    labels[2, 2, 8:11] = 1
    labels[2, 4, 18:20] = 2
    found = trace_fragments(labels, SIZE_NM, shared=[(2, "high")], least_length_nm=500, **HOW)
    assert list(found) == [2]


def test_random_objects_stay_in_as_many_pieces():
    noise = ndimage.gaussian_filter(np.random.default_rng(0).normal(size=(16, 32, 48)), 2)
    labels = (noise > 0.02).astype(np.uint64)
    (tree,) = join_fragments(in_parts(labels, 24), SIZE_NM).values()
    _, pieces = ndimage.label(labels, np.ones((3, 3, 3)))
    assert np.count_nonzero(tree[1] < 0) == pieces
