"""The directed graph of neurons: which connections were found, how strong, and which way.

There is no standard for this; the rules here are named "neuropil_graph_v1". Two graphs can be
compared only in one set of neuron ids: `match_neurons` says which predicted neuron is which true
one, and `in_truth_ids` renames the predicted graph, whose strangers stay strangers.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Int64, Integer, UInt64

from ops.metrics.assignment import heaviest_matching
from ops.metrics.contingency import Contingency, check_labels
from ops.metrics.matches import Matches, match_metrics
from ops.metrics.metric import Metric, Setting
from ops.metrics.polarity import Polarity, polarity_metric

CONVENTION = "neuropil_graph_v1"
HUNGARIAN_OVERLAP = "one to one, most voxels in common (Hungarian)"


@dataclasses.dataclass(frozen=True)
class Edges:
    """Directed connections, each once, sorted by (pre, post).

    Attributes:
        pre: ids of the presynaptic neurons, > 0.
        post: ids of the postsynaptic neurons, > 0.
        synapses: how many synapses make the connection, >= 1.
    """

    pre: UInt64[np.ndarray, " edges"]
    post: UInt64[np.ndarray, " edges"]
    synapses: Int64[np.ndarray, " edges"]


def count_edges(
    pre: Integer[np.ndarray, " n"],
    post: Integer[np.ndarray, " n"],
    synapses: Integer[np.ndarray, " n"] | None = None,
) -> Edges:
    """The graph of a list of synapses, or of connections that may occur more than once.

    Rows with an id of 0 are dropped: they connect to nothing known. Autapses are kept; to be rid
    of them, leave out the rows whose pre and post are equal.

    Args:
        pre: presynaptic neurons, one row a synapse; >= 0.
        post: postsynaptic neurons.
        synapses: how many each row stands for, >= 1; one by default.

    Raises:
        ValueError: lengths that differ, a negative id, or fewer than one synapse.
    """
    synapses = np.ones(len(pre), np.int64) if synapses is None else synapses
    check_labels(pre, "pre")
    check_labels(post, "post")
    if not len(pre) == len(post) == len(synapses) or (synapses < 1).any():
        raise ValueError(
            f"got {len(pre)} pre, {len(post)} post, {len(synapses)} numbers of synapses; "
            "needs as many of each, and at least one synapse in every row"
        )
    kept = (pre != 0) & (post != 0)
    ends = np.stack([pre[kept].astype(np.uint64), post[kept].astype(np.uint64)], axis=1)
    edges, row = np.unique(ends, axis=0, return_inverse=True)
    total = np.zeros(len(edges), np.int64)
    np.add.at(total, row.reshape(-1), synapses[kept].astype(np.int64))
    return Edges(edges[:, 0].copy(), edges[:, 1].copy(), total)


def match_neurons(table: Contingency) -> Contingency:
    """Which predicted neuron is which true one: the pairs, one to one, and their overlap.

    Of all ways to pair neurons, that with the most voxels in common; background (0) is no neuron,
    and a neuron with no voxel in common with one left over stays alone.
    """
    pairs = table.where((table.truth != 0) & (table.prediction != 0))
    weights = pairs.counts.astype(np.float64)
    chosen = np.zeros(len(weights), bool)
    chosen[heaviest_matching(pairs.truth, pairs.prediction, weights)] = True
    return pairs.where(chosen)


def in_truth_ids(prediction: Edges, match: Contingency, truth: Edges) -> Edges:
    """The predicted graph, its neurons named as in the truth.

    A predicted neuron without a match keeps an identity of its own: an id that no neuron has in
    `truth` or `match`, the smallest to be had.

    Args:
        prediction: in its own ids.
        match: of `match_neurons`.
        truth: the graph that it will be compared with.
    """
    ids = np.unique(np.concatenate([prediction.pre, prediction.post]))
    taken = np.unique(np.concatenate([truth.pre, truth.post, match.truth]))
    _, known, matched = np.intersect1d(ids, match.prediction, return_indices=True)
    stranger = np.ones(len(ids), bool)
    stranger[known] = False
    free = np.setdiff1d(np.arange(1, len(ids) + len(taken) + 1, dtype=np.uint64), taken)
    names = np.zeros(len(ids), np.uint64)
    names[known] = match.truth[matched]
    names[stranger] = free[: np.count_nonzero(stranger)]
    pre, post = (names[np.searchsorted(ids, end)] for end in (prediction.pre, prediction.post))
    return count_edges(pre, post, prediction.synapses)


def score_edges(truth: Edges, prediction: Edges, min_synapses: int = 1) -> Matches:
    """Which directed connections were found; a connection is one of at least min_synapses.

    The limit holds for both graphs. So a connection just above it in one and just below it in the
    other is an error, though its synapses may nearly all have been found; and at a high limit few
    connections are left: look at the counts as well.

    Args:
        truth: the true graph.
        prediction: the predicted graph, in ids of the truth.
        min_synapses: >= 1.

    Raises:
        ValueError: if min_synapses is below 1.
    """
    if min_synapses < 1:
        raise ValueError(f"got min_synapses={min_synapses}; needs a number of synapses, >= 1")
    _, true, predicted = _side_by_side(truth, prediction)
    true, predicted = true >= min_synapses, predicted >= min_synapses
    return Matches(
        true_positives=int(np.count_nonzero(true & predicted)),
        false_positives=int(np.count_nonzero(predicted & ~true)),
        false_negatives=int(np.count_nonzero(true & ~predicted)),
    )


def f1_by_min_synapses(
    truth: Edges, prediction: Edges, min_synapses: Sequence[int]
) -> dict[int, float]:
    """F1 of `score_edges` at each limit; 1 where neither graph has a connection left."""
    return {limit: score_edges(truth, prediction, limit).f1 for limit in min_synapses}


def weight_correlation(truth: Edges, prediction: Edges) -> float:
    """Pearson's correlation of the numbers of synapses, in [-1, 1].

    Over the connections of either graph, with 0 where the other has none. Pairs of neurons that
    neither connects do not count, so graphs with little in common tend to correlate negatively.

    Raises:
        ValueError: with fewer than two connections, or the same number in all of one graph.
    """
    _, true, predicted = _side_by_side(truth, prediction)
    if len(true) < 2 or np.ptp(true) == 0 or np.ptp(predicted) == 0:
        raise ValueError(
            f"got {len(true)} connections in all; a correlation needs at least two, "
            "with numbers of synapses that vary in both graphs"
        )
    return float(np.clip(np.corrcoef(true, predicted)[0, 1], -1, 1))


def polarity_of_edges(truth: Edges, prediction: Edges) -> Polarity:
    """Whether connections go the right way.

    Compared are pairs of two neurons that both graphs connect, and that the truth connects one
    way only; right are those with more predicted synapses that way than the other.
    """
    ends, true, predicted = _side_by_side(truth, prediction)
    two = ends[:, 0] != ends[:, 1]
    ends, true, predicted = ends[two], true[two], predicted[two]
    neurons, pair = np.unique(np.sort(ends, axis=1), axis=0, return_inverse=True)
    upward = ends[:, 0] < ends[:, 1]
    true_up, true_down, up, down = (
        np.bincount(pair.reshape(-1), synapses * way, minlength=len(neurons))
        for synapses in (true, predicted)
        for way in (upward, ~upward)
    )
    compared = ((true_up > 0) != (true_down > 0)) & (up + down > 0)
    right = compared & np.where(true_up > 0, up > down, down > up)
    return Polarity(int(np.count_nonzero(right)), int(np.count_nonzero(compared)))


def connectome_metrics(
    truth: Edges,
    prediction: Edges,
    correspondence: str = HUNGARIAN_OVERLAP,
    min_synapses: Sequence[int] = (1, 2, 5),
) -> tuple[Metric, ...]:
    """Edge scores at each limit, weight correlation and polarity: "neuropil_graph_v1".

    Args:
        truth: the true graph.
        prediction: the predicted graph, in ids of the truth.
        correspondence: how they became so, in words, as all scores depend on it.
        min_synapses: limits of `score_edges`; each gives its own "edge_minN_f1" and the like.

    Raises:
        ValueError: if a limit is below 1.
    """
    settings: dict[str, Setting] = {"correspondence": correspondence}
    edges = [
        metric
        for limit in min_synapses
        for metric in match_metrics(
            score_edges(truth, prediction, limit),
            CONVENTION,
            f"edge_min{limit}_",
            {**settings, "min_synapses": limit},
        )
    ]
    polarity = polarity_of_edges(truth, prediction)
    return (
        *edges,
        _correlation_metric(truth, prediction, settings),
        polarity_metric(polarity, "edge_polarity_accuracy", CONVENTION, settings),
    )


def _correlation_metric(truth: Edges, prediction: Edges, settings: dict[str, Setting]) -> Metric:
    try:
        value, note = weight_correlation(truth, prediction), ""
    except ValueError as error:
        value, note = None, str(error)
    return Metric(
        name="edge_weight_correlation",
        value=value,
        convention=CONVENTION,
        better="higher",
        counts={"truth_edges": len(truth.pre), "prediction_edges": len(prediction.pre)},
        settings=settings,
        note=note,
    )


def _side_by_side(truth: Edges, prediction: Edges):
    """The edges (pre, post) of either graph, and their synapses in each, 0 where it has none."""
    ends = [np.stack([graph.pre, graph.post], axis=1) for graph in (truth, prediction)]
    edges, row = np.unique(np.concatenate(ends), axis=0, return_inverse=True)
    true, predicted = np.zeros((2, len(edges)), np.int64)
    in_truth, in_prediction = np.split(row.reshape(-1), [len(truth.pre)])
    true[in_truth] = truth.synapses
    predicted[in_prediction] = prediction.synapses
    return edges, true, predicted
