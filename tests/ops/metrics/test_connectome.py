"""Graph scores by hand, and against networkx and plain loops."""

import collections
import math

import jaxtyping
import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from ops.metrics.connectome import (
    connectome_metrics,
    count_edges,
    f1_by_min_synapses,
    in_truth_ids,
    match_neurons,
    polarity_of_edges,
    score_edges,
    weight_correlation,
)
from ops.metrics.contingency import count_pairs
from ops.metrics.matches import Matches
from ops.metrics.polarity import Polarity

QUICK = settings(deadline=None, max_examples=50)
SYNAPSES = st.lists(st.tuples(st.integers(0, 4), st.integers(0, 4)), max_size=40)


def graph(*rows):
    """Of rows (pre, post, synapses)."""
    table = np.array(rows, np.int64).reshape(-1, 3)
    return count_edges(table[:, 0], table[:, 1], table[:, 2])


def of_list(synapses):
    pairs = np.array(synapses, np.uint64).reshape(-1, 2)
    return count_edges(pairs[:, 0], pairs[:, 1])


def counted(synapses):
    return collections.Counter(pair for pair in synapses if all(pair))


def as_dict(edges):
    columns = (edges.pre.tolist(), edges.post.tolist(), edges.synapses.tolist())
    return {(pre, post): synapses for pre, post, synapses in zip(*columns, strict=True)}


TRUTH = graph((1, 2, 5), (2, 3, 1), (3, 1, 2), (4, 1, 3))
PREDICTION = graph((1, 2, 4), (2, 3, 1), (1, 3, 2), (1, 4, 3))


@QUICK
@given(SYNAPSES)
def test_edges_are_counted_once_and_in_order(synapses):
    edges = of_list(synapses)
    assert as_dict(edges) == counted(synapses)
    assert list(as_dict(edges)) == sorted(counted(synapses))


@QUICK
@given(SYNAPSES, SYNAPSES, st.integers(1, 4))
def test_edge_scores_are_those_of_sets(truth, prediction, limit):
    true = {pair for pair, synapses in counted(truth).items() if synapses >= limit}
    predicted = {pair for pair, synapses in counted(prediction).items() if synapses >= limit}
    expected = Matches(len(true & predicted), len(predicted - true), len(true - predicted))
    assert score_edges(of_list(truth), of_list(prediction), limit) == expected


def test_edge_scores_by_hand():
    assert score_edges(TRUTH, PREDICTION) == Matches(2, 2, 2)
    assert score_edges(TRUTH, PREDICTION, 3) == Matches(1, 1, 1)
    # Four of five synapses were found, and yet at a limit of 5 the connection is missed.
    assert score_edges(TRUTH, PREDICTION, 5) == Matches(0, 0, 1)
    assert f1_by_min_synapses(TRUTH, PREDICTION, (1, 3, 5, 6)) == {1: 0.5, 3: 0.5, 5: 0.0, 6: 1.0}
    with pytest.raises(ValueError, match="got min_synapses=0"):
        score_edges(TRUTH, PREDICTION, 0)


def test_correlation_by_hand():
    # Over the union: (1,2) (1,3) (1,4) (2,3) (3,1) (4,1).
    expected = np.corrcoef([5, 0, 0, 1, 2, 3], [4, 2, 3, 1, 0, 0])[0, 1]
    assert weight_correlation(TRUTH, PREDICTION) == pytest.approx(expected)
    assert weight_correlation(TRUTH, TRUTH) == pytest.approx(1.0)
    doubled = count_edges(TRUTH.pre, TRUTH.post, 2 * TRUTH.synapses)
    assert weight_correlation(TRUTH, doubled) == pytest.approx(1.0)


@pytest.mark.parametrize(
    ("truth", "prediction"),
    [
        (graph(), graph()),
        (graph((1, 2, 3)), graph((1, 2, 3))),
        (graph((1, 2, 3), (2, 3, 3)), graph((1, 2, 3), (2, 3, 1))),
        (TRUTH, graph()),
    ],
)
def test_correlation_is_not_made_up(truth, prediction):
    with pytest.raises(ValueError, match="connections in all; a correlation needs"):
        weight_correlation(truth, prediction)
    metric = next(m for m in connectome_metrics(truth, prediction) if "correlation" in m.name)
    assert metric.value is None
    assert "needs at least two" in metric.note


@QUICK
@given(SYNAPSES, SYNAPSES)
def test_polarity_is_that_of_the_loop(truth, prediction):
    true, predicted = (nx.DiGraph() for _ in range(2))
    for network, synapses in ((true, truth), (predicted, prediction)):
        for (pre, post), weight in counted(synapses).items():
            network.add_edge(pre, post, weight=weight)
    right = compared = 0
    for pre, post in true.edges:
        forth, back = (
            predicted.edges[edge]["weight"] if predicted.has_edge(*edge) else 0
            for edge in ((pre, post), (post, pre))
        )
        if pre != post and not true.has_edge(post, pre) and forth + back:
            compared += 1
            right += forth > back
    assert polarity_of_edges(of_list(truth), of_list(prediction)) == Polarity(right, compared)


def test_polarity_by_hand():
    # 1→2 is right, 2→3 is right, 3→1 and 4→1 are turned round.
    assert polarity_of_edges(TRUTH, PREDICTION) == Polarity(2, 4)
    both = graph((1, 2, 3), (2, 1, 1))
    assert polarity_of_edges(both, both) == Polarity(0, 0)
    assert polarity_of_edges(graph((1, 2, 1)), graph((1, 2, 2), (2, 1, 2))) == Polarity(0, 1)
    assert polarity_of_edges(graph((1, 1, 1)), graph((1, 1, 1))) == Polarity(0, 0)


@QUICK
@given(st.integers(0, 2**32), st.integers(1, 6), st.integers(1, 6))
def test_neurons_match_as_the_dense_hungarian_method_has_it(seed, n, m):
    rng = np.random.default_rng(seed)
    truth, prediction = rng.integers(0, n + 1, 200), rng.integers(0, m + 1, 200)
    kept = rng.random((n + 1, m + 1))[truth, prediction] < 0.4
    truth, prediction = truth[kept], prediction[kept]
    match = match_neurons(count_pairs(truth, prediction))
    overlap = np.zeros((n + 1, m + 1), int)
    np.add.at(overlap, (truth, prediction), 1)
    rows, columns = linear_sum_assignment(overlap[1:, 1:], maximize=True)
    assert match.total == overlap[1:, 1:][rows, columns].sum()
    assert len(set(match.truth.tolist())) == len(set(match.prediction.tolist())) == len(match.truth)
    for i, j, count in zip(match.truth, match.prediction, match.counts, strict=True):
        assert i > 0 and j > 0 and count == overlap[i, j] > 0


def test_the_overlap_of_all_counts_not_that_of_each():
    truth = np.repeat([1, 1, 2, 0], [5, 4, 4, 9])
    prediction = np.repeat([8, 9, 8, 9], [5, 4, 4, 9])
    # 1 has more in common with 8; but 1 with 9 and 2 with 8 share 8 voxels, against 5.
    match = match_neurons(count_pairs(truth, prediction))
    assert dict(zip(match.truth.tolist(), match.prediction.tolist(), strict=True)) == {1: 9, 2: 8}


def test_matching_of_nothing():
    match = match_neurons(count_pairs(np.zeros(5, np.uint8), np.ones(5, np.uint8)))
    assert len(match.truth) == 0
    renamed = in_truth_ids(graph((1, 2, 3)), match, graph((1, 2, 5)))
    assert as_dict(renamed) == {(3, 4): 3}
    assert as_dict(in_truth_ids(graph(), match, graph())) == {}


def test_predicted_neurons_take_the_names_of_true_ones_and_strangers_none():
    truth = np.repeat([1, 2, 7], 10)
    prediction = np.repeat([20, 10, 2], 10)
    match = match_neurons(count_pairs(truth, prediction))
    graphs = graph((1, 2, 4), (7, 3, 1)), graph((20, 10, 4), (2, 1, 1), (5, 5, 2))
    renamed = in_truth_ids(graphs[1], match, graphs[0])
    # 1 and 5 match nothing; their names must not be 1, 2, 3 or 7.
    assert as_dict(renamed) == {(1, 2): 4, (5, 5): 2, (7, 4): 1}
    assert score_edges(graphs[0], renamed) == Matches(1, 2, 1)


def test_ids_may_be_as_large_as_they_come():
    top = np.uint64(2**64 - 1)
    match = match_neurons(count_pairs(np.array([top]), np.array([top - np.uint64(1)])))
    predicted = count_edges(np.array([top - np.uint64(1)]), np.array([top]))
    true = count_edges(np.array([top]), np.array([top - np.uint64(1)]))
    assert as_dict(in_truth_ids(predicted, match, true)) == {(2**64 - 1, 1): 1}


@QUICK
@given(SYNAPSES, st.permutations(range(1, 5)))
def test_renamed_neurons_score_one(synapses, names):
    truth = of_list(synapses)
    new = np.array([0, *names], np.uint64)
    ids = np.arange(5)
    match = match_neurons(count_pairs(ids, new))
    prediction = count_edges(new[truth.pre], new[truth.post], truth.synapses)
    assert as_dict(in_truth_ids(prediction, match, truth)) == as_dict(truth)


def test_metrics_say_what_they_are():
    metrics = {metric.key: metric for metric in connectome_metrics(TRUTH, PREDICTION)}
    assert metrics["neuropil_graph_v1/edge_min1_f1"].value == 0.5
    assert metrics["neuropil_graph_v1/edge_min5_recall"].value == 0.0
    assert metrics["neuropil_graph_v1/edge_polarity_accuracy"].value == 0.5
    correlation = metrics["neuropil_graph_v1/edge_weight_correlation"]
    assert correlation.value == pytest.approx(weight_correlation(TRUTH, PREDICTION))
    assert correlation.counts == {"truth_edges": 4, "prediction_edges": 4}
    assert all("Hungarian" in str(m.settings["correspondence"]) for m in metrics.values())
    assert metrics["neuropil_graph_v1/edge_min2_f1"].settings["min_synapses"] == 2
    assert len(metrics) == 11


def test_metrics_of_empty_graphs():
    metrics = {metric.name: metric for metric in connectome_metrics(graph(), graph(), "same ids")}
    assert metrics["edge_min1_f1"].value is None
    assert metrics["edge_polarity_accuracy"].value is None
    assert metrics["edge_min1_f1"].settings["correspondence"] == "same ids"


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of tests, which would speak first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def test_bad_lists_are_refused(untyped):
    ids = np.array([1, 2])
    with pytest.raises(ValueError, match="got 2 pre, 1 post"):
        count_edges(ids, ids[1:])
    with pytest.raises(ValueError, match="at least one synapse in every row"):
        count_edges(ids, ids, np.array([1, 0]))
    with pytest.raises(ValueError, match="pre: got the label -1"):
        count_edges(-ids[:1], ids[:1])
    with pytest.raises(ValueError, match="post: got labels of dtype float64"):
        count_edges(ids, ids * math.pi)
