"""Objects taken apart where two large parts were joined."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.segmentation.agglomeration import agglomerate, cut
from ops.segmentation.division import Join, divide, large_joins
from ops.segmentation.region_graph import BINS, RegionGraph


def graph_of(edges: list[tuple[int, int, int]]) -> RegionGraph:
    """Edges (region, region, strength), each of 10 pairs within sections."""
    ends = np.array([edge[:2] for edge in edges], np.uint64).reshape(-1, 2)
    strengths = np.array([edge[2] for edge in edges], np.int64)
    pairs, nothing = np.full(len(edges), 10, np.int64), np.zeros(len(edges), np.int64)
    histogram = np.zeros((len(edges), BINS), np.uint32)
    histogram[np.arange(len(edges)), strengths * BINS // 256] = 10
    return RegionGraph(ends, pairs, nothing, nothing, pairs, pairs * strengths, histogram)


# Two chains, 1-2-3 and 4-5-6, that touch at 3-4; 7 hangs on 6.
TOUCHING = graph_of(
    [(1, 2, 10), (2, 3, 20), (3, 4, 90), (4, 5, 15), (5, 6, 25), (6, 7, 120), (1, 7, 200)]
)
REGIONS = np.arange(1, 8, dtype=np.uint64)
VOXELS = np.array([50, 50, 50, 50, 50, 50, 5], np.int64)


def test_the_join_of_two_large_parts_is_found_and_not_that_of_a_small_one():
    joins = list(large_joins(agglomerate(TOUCHING), REGIONS, VOXELS, least=120))
    assert [(join.left.tolist(), join.right.tolist()) for join in joins] == [([1, 2, 3], [4, 5, 6])]
    assert abs(joins[0].score - 90 / 255) < 1e-6


def test_joins_come_last_first_and_smaller_ones_where_asked_for():
    joins = list(large_joins(agglomerate(TOUCHING), REGIONS, VOXELS, least=50))
    assert [join.score for join in joins] == sorted((join.score for join in joins), reverse=True)
    assert len(joins) == 5


def test_what_is_left_goes_with_the_part_it_is_most_strongly_joined_to():
    join = next(large_joins(agglomerate(TOUCHING), REGIONS, VOXELS, least=120))
    assert divide(TOUCHING, REGIONS, join).tolist() == [False] * 3 + [True] * 4


def test_what_no_edge_ties_stays_on_the_left():
    join = Join(0.5, np.array([1], np.uint64), np.array([2], np.uint64))
    assert divide(graph_of([(1, 2, 5)]), np.array([1, 2, 9], np.uint64), join).tolist() == [
        *(False, True, False)
    ]


@settings(deadline=None, max_examples=50)
@given(st.integers(0, 2**32 - 1), st.integers(3, 12))
def test_both_parts_stay_whole_and_the_other_regions_go_with_one_of_them(seed, count):
    rng = np.random.default_rng(seed)
    chain = [(i, i + 1) for i in range(1, count)]
    ends = rng.integers(1, count + 1, (5, 2)).tolist()
    more = [(min(a, b), max(a, b)) for a, b in ends if a != b]
    edges = sorted({*chain, *more})
    graph = graph_of([(a, b, int(rng.integers(255))) for a, b in edges])
    regions = np.arange(1, count + 1, dtype=np.uint64)
    tree = agglomerate(graph)
    assert len(set(cut(tree, regions, 1.0).tolist())) == 1
    for join in large_joins(tree, regions, np.ones(count, np.int64), least=1):
        right = divide(graph, regions, join)
        assert right[np.isin(regions, join.right)].all()
        assert not right[np.isin(regions, join.left)].any()
