"""Agglomeration against one that scans all edges at every step, and hierarchies by hand."""

import dataclasses
from typing import Any

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st

from ops.native import extension
from ops.segmentation import agglomeration
from ops.segmentation.agglomeration import Dendrogram, agglomerate, cut
from ops.segmentation.region_graph import RegionGraph


def graph_of(edges, rng=None, **columns) -> RegionGraph:
    """A graph of these edges: with random pairs of voxels, or the given columns."""
    edges = np.array(sorted(edges), np.uint64).reshape(-1, 2)
    counts = np.zeros((len(edges), 2, 16), int)
    if rng is not None:
        counts = rng.integers(0, 9, counts.shape) * (rng.random(counts.shape) < 0.2)
        counts[:, 0, 3] += 1
    levels = 16 * np.arange(16) + 8
    across, within = counts[:, 0], counts[:, 1]
    made = {
        "faces": across.sum(1) + within.sum(1),
        "across_count": across.sum(1),
        "across_sum": across @ levels,
        "within_count": within.sum(1),
        "within_sum": within @ levels,
        "histogram": across + within,
    } | columns
    kinds = {name: np.int64 for name in made} | {"histogram": np.uint32}
    return RegionGraph(edges, **{name: np.asarray(c, kinds[name]) for name, c in made.items()})


def within(edges: dict) -> RegionGraph:
    """A graph of edges {(a, b): (count, mean strength in 0..255)}."""
    counts, means = np.array([edges[e] for e in sorted(edges)], int).reshape(-1, 2).T
    histogram = np.zeros((len(edges), 16), int)
    histogram[np.arange(len(edges)), means // 16] = counts
    zeros = np.zeros(len(edges), int)
    return graph_of(
        edges,
        faces=counts,
        across_count=zeros,
        across_sum=zeros,
        within_count=counts,
        within_sum=counts * means,
        histogram=histogram,
    )


@st.composite
def graphs(draw) -> RegionGraph:
    nodes = [1, 2, 4, 7, 8, 11, 2**40]
    pairs = [(a, b) for i, a in enumerate(nodes) for b in nodes[i + 1 :]]
    edges = draw(st.lists(st.sampled_from(pairs), unique=True, min_size=1))
    graph = graph_of(edges, np.random.default_rng(draw(st.integers(0, 2**32))))
    faces = np.where(draw(st.lists(st.booleans(), min_size=len(edges), max_size=len(edges))), 1, 0)
    return dataclasses.replace(graph, faces=faces * graph.faces)


def quantile_of(bins, quantile) -> float:
    below = np.r_[0, np.cumsum(bins)]
    target = quantile * below[-1]
    place = next(i for i in range(16) if bins[i] and below[i + 1] >= target)
    return (place + (target - below[place]) / bins[place]) / 16


def brute_force(graph, linkage, weight=1.0, quantile=0.5, initial=None):
    """Scans all edges for the lowest score, merges its regions, and builds all edges again."""
    regions = {int(node): int(node) for node in np.unique(graph.edges)}
    totals = weight * graph.across_count + graph.within_count
    sums = weight * graph.across_sum + graph.within_sum
    if initial is not None:
        sums = initial * totals * 255
    merges, scores = [], []
    while True:
        joined = {}
        for i, pair in enumerate(graph.edges.tolist()):
            ends = tuple(sorted(regions[node] for node in pair))
            if ends[0] != ends[1]:
                joined.setdefault(ends, []).append(i)
        best = None
        for ends, members in joined.items():
            if not graph.faces[members].any():
                continue
            if linkage == "quantile":
                score = quantile_of(graph.histogram[members].sum(0), quantile)
            else:
                score = sums[members].sum() / totals[members].sum() / 255
            best = min(best or (2.0, 0, ends), (float(np.float32(score)), members[0], ends))
        if best is None:
            return np.array(merges, np.uint64).reshape(-1, 2), np.maximum.accumulate([0.0, *scores])
        score, _, (kept, gone) = best
        merges.append((kept, gone))
        scores.append(score)
        regions = {n: kept if region == gone else region for n, region in regions.items()}


OPTIONS: list[dict[str, Any]] = [
    {"linkage": "mean"},
    {"linkage": "mean", "across_weight": 0.25},
    {"linkage": "quantile"},
    {"linkage": "quantile", "quantile": 0.85},
    {"linkage": "quantile", "quantile": 0.0},
]


@pytest.mark.parametrize("options", OPTIONS)
@settings(deadline=None, max_examples=25)
@given(graph=graphs())
def test_it_merges_as_a_scan_of_all_edges_does(options, graph):
    found = agglomerate(graph, **options)
    merges, scores = brute_force(
        graph, options["linkage"], options.get("across_weight", 1.0), options.get("quantile", 0.5)
    )
    assert np.array_equal(found.merges, merges)
    assert np.allclose(found.scores, scores[1:], rtol=1e-6)


@settings(deadline=None, max_examples=25)
@given(graphs(), st.integers(0, 2**32))
def test_scores_from_outside_are_averaged_by_faces(graph, seed):
    initial = np.random.default_rng(seed).random(len(graph.edges))
    found = agglomerate(graph, initial_scores=initial)
    merges, scores = brute_force(graph, "mean", initial=initial)
    assert np.array_equal(found.merges, merges)
    assert np.allclose(found.scores, scores[1:], rtol=1e-6)


@settings(deadline=None, max_examples=40)
@given(graphs(), st.permutations([1, 2, 4, 7, 8, 11, 2**40]))
def test_other_ids_give_the_same_regions(graph, order):
    found = agglomerate(graph)
    assume(len(np.unique(found.scores)) == len(found.scores))  # ties go by ids
    scores = (graph.across_sum + graph.within_sum) / graph.histogram.sum(axis=1)
    assume(len(np.unique(scores)) == len(scores))
    renamed = dict(zip([1, 2, 4, 7, 8, 11, 2**40], order, strict=True))
    edges = np.array([[renamed[n] for n in e] for e in graph.edges.tolist()], np.uint64)
    edges = np.sort(edges, axis=1)
    place = np.lexsort((edges[:, 1], edges[:, 0]))
    columns = dataclasses.astuple(graph)[1:]
    other = agglomerate(RegionGraph(edges[place], *(c[place] for c in columns)))
    assert np.array_equal(other.scores, found.scores)
    nodes = np.unique(graph.edges)
    moved = np.array([renamed[n] for n in nodes.tolist()], np.uint64)
    for threshold in (*found.scores.tolist(), 1.0):
        first, second = cut(found, nodes, threshold), cut(other, moved, threshold)
        assert np.array_equal(first[:, None] == first, second[:, None] == second)


def test_parallel_edges_add_their_statistics():
    # 1-2 merge at 10. Their edges to 3 then have the mean (1 * 20 + 3 * 100) / 4 = 80, which comes
    # after 3-4 at 60; then 1-3 takes in 1-4 too: (320 + 4 * 200) / 8 = 140.
    graph = within(
        {(1, 2): (5, 10), (1, 3): (1, 20), (2, 3): (3, 100), (3, 4): (2, 60), (1, 4): (4, 200)}
    )
    found = agglomerate(graph)
    assert found.merges.tolist() == [[1, 2], [3, 4], [1, 3]]
    assert np.allclose(found.scores, np.array([10, 60, 140]) / 255)


def test_scores_never_fall():
    # Once 1-2 have merged, at 100, their edge to 3 has the mean (110 + 9 * 50) / 10 = 56.
    graph = within({(1, 2): (1, 40), (2, 3): (1, 110), (1, 3): (9, 50)})
    assert np.allclose(agglomerate(graph).scores * 255, [40, 56])
    graph = within({(1, 2): (1, 100), (1, 3): (1, 110), (2, 3): (1, 109), (4, 5): (1, 0)})
    found = agglomerate(graph)
    assert found.merges.tolist() == [[4, 5], [1, 2], [1, 3]]
    assert (np.diff(found.scores) >= 0).all()


def test_a_quantile_lies_linearly_within_its_bin():
    histogram = np.zeros((1, 16), int)
    histogram[0, [2, 5]] = 4, 4
    zero = [0]
    graph = graph_of(
        [(1, 2)], faces=[8], across_count=zero, across_sum=zero, within_count=[8],
        within_sum=zero, histogram=histogram,
    )  # fmt: skip
    expected = {0.0: 2 / 16, 0.25: 2.5 / 16, 0.5: 3 / 16, 0.75: 5.5 / 16, 1.0: 6 / 16}
    for quantile, score in expected.items():
        found = agglomerate(graph, linkage="quantile", quantile=quantile)
        assert found.scores.tolist() == [score]


def test_an_edge_without_faces_waits_until_it_is_joined_by_one_with():
    edges = {(1, 2): (1, 50), (1, 3): (1, 0), (2, 3): (1, 100)}
    graph = dataclasses.replace(within(edges), faces=np.array([1, 0, 1]))
    found = agglomerate(graph)
    assert found.merges.tolist() == [[1, 2], [1, 3]]
    assert found.scores.tolist() == [np.float32(50) / np.float32(255)] * 2
    alone = dataclasses.replace(graph, faces=np.zeros(3, int))
    assert len(agglomerate(alone).merges) == 0


def test_ties_go_to_the_first_edge():
    graph = within({(1, 2): (1, 7), (1, 3): (1, 7), (2, 4): (1, 7), (3, 4): (1, 7)})
    assert agglomerate(graph).merges.tolist() == [[1, 2], [1, 3], [1, 4]]


def test_cuts_name_segments_by_their_least_id():
    scores = np.array([0.1, 0.2, 0.3, 0.4], np.float32)
    merges = np.array([[5, 9], [2, 7], [2, 5], [1, 2]], np.uint64)
    dendrogram = Dendrogram(merges, scores)
    nodes = np.array([9, 7, 5, 3, 2, 1], np.uint64)
    assert cut(dendrogram, nodes, 0.0).tolist() == nodes.tolist()
    assert cut(dendrogram, nodes, 0.2).tolist() == [5, 7, 5, 3, 2, 1]
    assert cut(dendrogram, nodes, 0.25).tolist() == [5, 2, 5, 3, 2, 1]
    assert cut(dendrogram, nodes, 0.35).tolist() == [2, 2, 2, 3, 2, 1]
    assert cut(dendrogram, nodes, 1.0).tolist() == [1, 1, 1, 3, 1, 1]
    assert cut(dendrogram, nodes[:0], 1.0).tolist() == []


def test_a_large_grid_merges_into_one_region_through_few_rounds(rng):
    side = 60
    ids = np.arange(1, side * side + 1).reshape(side, side)
    edges = [*zip(ids[1:].flat, ids[:-1].flat, strict=True)]
    edges += zip(ids[:, 1:].flat, ids[:, :-1].flat, strict=True)
    graph = graph_of([tuple(sorted(map(int, e))) for e in edges], rng)
    found = agglomerate(graph)
    assert len(found.merges) == side * side - 1
    assert (cut(found, np.unique(graph.edges), 1.0) == 1).all()
    sizes = [len(np.unique(cut(found, ids.ravel().astype(np.uint64), t))) for t in (0.3, 0.5, 0.7)]
    assert sizes == sorted(sizes, reverse=True)


def test_a_graph_without_edges_has_no_merges():
    graph = graph_of([])
    for options in OPTIONS:
        found = agglomerate(graph, **options)
        assert found.merges.shape == (0, 2) and found.scores.shape == (0,)
        assert cut(found, np.array([5], np.uint64), 0.5).tolist() == [5]


@pytest.mark.parametrize(
    ("options", "words"),
    [
        ({"quantile": 1.5}, "quantile 1.5"),
        ({"across_weight": 0.0}, "across_weight 0.0"),
        ({"linkage": "quantile", "across_weight": 2.0}, "histograms hold neither"),
        ({"linkage": "quantile", "initial_scores": np.ones(1)}, "histograms hold neither"),
        ({"initial_scores": np.ones(2)}, "for 1 edges"),
        ({"initial_scores": np.array([np.nan])}, r"needs one in \[0, 1\]"),
        ({"initial_scores": np.array([-0.1])}, r"needs one in \[0, 1\]"),
    ],
)
def test_impossible_options_are_refused(options, words):
    with pytest.raises(ValueError, match=words):
        agglomerate(within({(1, 2): (3, 4)}), **options)


def test_edges_without_pairs_are_refused():
    with pytest.raises(ValueError, match="without pairs of voxels"):
        agglomerate(graph_of([(1, 2)]))


@pytest.mark.skipif(extension() is None, reason="the C++ extension is not built")
def test_many_merges_fill_the_map_of_pairs_anew(monkeypatch, rng):
    pairs = {tuple(sorted(pair)) for pair in rng.integers(1, 500, (6000, 2)).tolist()}
    graph = graph_of({(a, b) for a, b in pairs if a != b}, rng)
    found = agglomerate(graph, linkage="quantile")
    monkeypatch.setattr(agglomeration, "extension", lambda: None)
    expected = agglomerate(graph, linkage="quantile")
    assert np.array_equal(found.merges, expected.merges)
    assert np.array_equal(found.scores, expected.scores)
