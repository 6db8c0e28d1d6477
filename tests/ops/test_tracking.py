"""What following regions between two sections tells, as edges: by hand, and what holds always."""

import dataclasses

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ops.segmentation.graph_sums import merge_graphs
from ops.segmentation.region_graph import RegionGraph
from ops.tracking import followed_graph

SHAPE = (5, 7)
ABOVE = np.uint64(10)  # regions of the upper section are numbered from here on


def sections(least: int = 0) -> st.SearchStrategy[np.ndarray]:
    return npst.arrays(np.uint64, SHAPE, elements=st.integers(least, 3))


LOWER, UPPER = sections(), sections().map(lambda ids: np.where(ids > 0, ids + ABOVE, ids))


def row(*ids: int) -> np.ndarray:
    return np.array([ids], np.uint64)


def strengths(graph: RegionGraph) -> list[float]:
    return (graph.across_sum / graph.across_count).tolist()


def same(one: RegionGraph, other: RegionGraph) -> bool:
    fields = zip(vars(one).values(), vars(other).values(), strict=True)
    return all(np.array_equal(a, b) for a, b in fields)


def test_edges_by_hand():
    lower, upper = row(1, 1, 1, 2, 2, 0), row(7, 7, 7, 7, 8, 8)
    upwards, downwards = row(1, 1, 1, 0, 2, 2), row(7, 7, 0, 8, 7, 0)
    found = followed_graph(lower, upper, upwards, downwards)
    assert found.edges.tolist() == [[1, 7], [2, 7], [2, 8]]
    # 1-7: 3 pixels upwards, 2 downwards, of 3. 2-7: only downwards. 2-8: 2 upwards, 1 back, of 2.
    assert strengths(found) == [85, 255, 128]
    assert found.faces.tolist() == found.across_count.tolist() == [3, 1, 2]
    assert not found.within_count.any() and not found.within_sum.any()
    assert [counts.nonzero()[0].tolist() for counts in found.histogram] == [[5], [15], [8]]
    assert found.histogram.sum(axis=1).tolist() == [3, 1, 2]


def test_a_piece_that_goes_on_in_the_whole_is_as_sure_as_the_whole():
    whole, pieces = row(1, 1, 1, 1), row(7, 8, 8, 8)
    found = followed_graph(whole, pieces, row(1, 1, 1, 1), row(7, 8, 8, 8))
    assert found.edges.tolist() == [[1, 7], [1, 8]] and strengths(found) == [0, 0]


def test_what_only_one_direction_tells_is_torn():
    lower, upper = row(1, 1, 0), row(7, 7, 0)
    found = followed_graph(lower, upper, row(1, 1, 0), row(0, 0, 0))
    assert found.edges.tolist() == [[1, 7]] and strengths(found) == [255]


def test_regions_that_end_have_no_edge():
    found = followed_graph(row(1, 1, 2), row(0, 7, 7), row(0, 0, 2), row(0, 0, 7))
    assert found.edges.tolist() == [[2, 7]]


@settings(deadline=None, max_examples=50)
@given(sections())
def test_identical_sections_followed_without_error_are_not_torn_at_all(lower):
    upper = np.where(lower > 0, lower + ABOVE, lower)
    found = followed_graph(lower, upper, lower, upper)
    ids, pixels = np.unique(lower[lower > 0], return_counts=True)
    assert found.edges.tolist() == [[i, i + 10] for i in ids.tolist()]
    assert found.across_count.tolist() == pixels.tolist()
    assert not found.across_sum.any()


@settings(deadline=None, max_examples=50)
@given(LOWER, UPPER, LOWER, UPPER)
def test_neither_section_comes_first(lower, upper, upwards, downwards):
    one = followed_graph(lower, upper, upwards, downwards)
    assert same(one, followed_graph(upper, lower, downwards, upwards))


@settings(deadline=None, max_examples=50)
@given(LOWER, UPPER, LOWER, UPPER)
def test_strengths_are_bytes_and_pairs_are_counted_once(lower, upper, upwards, downwards):
    found = followed_graph(lower, upper, upwards, downwards)
    assert (found.across_count > 0).all() and (found.across_sum >= 0).all()
    assert (found.across_sum <= 255 * found.across_count).all()
    assert not (found.across_sum % np.maximum(found.across_count, 1)).any()
    assert (found.histogram.sum(axis=1) == found.across_count).all()
    told = ((upper > 0) & (upwards > 0)).sum() + ((lower > 0) & (downwards > 0)).sum()
    assert found.across_count.sum() <= told


@settings(deadline=None, max_examples=50)
@given(LOWER, UPPER, LOWER, UPPER, st.integers(0, SHAPE[1]))
def test_owned_parts_divide_the_edges(lower, upper, upwards, downwards, cut):
    """As blocks do, at whose faces regions end."""
    beyond = np.where(np.arange(SHAPE[1]) >= cut, np.uint64(10), np.uint64(0))
    upper = np.where(upper > 0, upper + beyond, upper)
    whole = followed_graph(lower, upper, upwards, downwards)
    parts = [
        followed_graph(lower, upper, upwards, downwards, owned=(slice(None), columns))
        for columns in (slice(0, cut), slice(cut, None))
    ]
    assert sum(len(part.edges) for part in parts) == len(whole.edges)
    assert same(merge_graphs(parts), whole)


@pytest.mark.parametrize("number", range(4))
def test_other_shapes_are_refused(number, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    arrays = [row(1, 2), row(7, 8), row(1, 2), row(7, 8)]
    arrays[number] = row(1)
    with pytest.raises(ValueError, match=r"got .*shape"):
        followed_graph(*arrays)


@settings(deadline=None, max_examples=30)
@given(LOWER, UPPER, LOWER)
def test_a_direction_that_was_not_followed_is_taken_to_say_the_same(lower, upper, upwards):
    found = followed_graph(lower, upper, upwards, None)
    pairs = {}
    for edge in zip(upwards.ravel().tolist(), upper.ravel().tolist(), strict=True):
        if all(edge) and edge[0] in lower:
            pairs[edge] = pairs.get(edge, 0) + 1
    assert {tuple(e): n for e, n in zip(found.edges.tolist(), found.faces, strict=True)} == pairs
    least = [min((lower == a).sum(), (upper == b).sum()) for a, b in found.edges]
    agreed = np.minimum(found.faces / np.maximum(least, 1), 1)
    np.testing.assert_allclose(strengths(found), np.rint(255 * (1 - agreed)))


def test_nothing_gives_an_empty_graph():
    nothing = row(0, 0, 0)
    found = followed_graph(nothing, nothing, nothing, nothing)
    assert [len(getattr(found, f.name)) for f in dataclasses.fields(found)] == [0] * 7
