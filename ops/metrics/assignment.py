"""One-to-one assignment of things from two sets, as the scores of objects need it."""

import numpy as np
from jaxtyping import Float64, Int64, Shaped
from scipy import sparse
from scipy.sparse.csgraph import connected_components, min_weight_full_bipartite_matching

BATCH_PAIRS = 1024  # matched in one call: few calls, each of them quick


def heaviest_matching(
    first: Shaped[np.ndarray, " pairs"],
    second: Shaped[np.ndarray, " pairs"],
    weights: Float64[np.ndarray, " pairs"],
) -> Int64[np.ndarray, " chosen"]:
    """Which pairs to choose, no thing twice, for the largest sum of weights; in increasing order.

    Exact and sparse: pairs that are not given, of all that there could be, take no memory. Pairs
    make a graph, and a matching of a graph is one of each of its connected components, in any
    combination: so the heaviest is the heaviest of each, and these are solved a few at a time.
    The sum may be larger with fewer pairs; a constant above the sum of all weights, added to
    each, makes the number of pairs come first.

    Args:
        first: what each pair has from one set, as any ids.
        second: what it has from the other set; each pair is given once.
        weights: finite, > 0.
    """
    part = _component(first, second)
    order = np.argsort(part, kind="stable")
    begins = np.flatnonzero(np.diff(part[order], prepend=-1))
    batches = begins[np.diff(begins // BATCH_PAIRS, prepend=-1) > 0]
    chosen = [
        rows[_heaviest(first[rows], second[rows], weights[rows])]
        for rows in np.split(order, batches[1:])
    ]
    return np.sort(np.concatenate(chosen))


def _component(first, second) -> Int64[np.ndarray, " pairs"]:
    """The number of the connected component that each pair is in."""
    if len(first) == 0:
        return np.zeros(0, np.int64)
    _, row = np.unique(first, return_inverse=True)
    _, column = np.unique(second, return_inverse=True)
    rows, nodes = int(row.max()) + 1, int(row.max() + column.max()) + 2
    graph = sparse.csr_array((np.ones(len(row)), (row, rows + column)), shape=(nodes, nodes))
    _, component = connected_components(graph, directed=False)
    return component[row].astype(np.int64)


def _heaviest(first, second, weights) -> Int64[np.ndarray, " chosen"]:
    """`heaviest_matching` in one go, in time that grows with the square of the things."""
    if len(weights) == 0:
        return np.zeros(0, np.int64)
    _, row = np.unique(first, return_inverse=True)
    _, column = np.unique(second, return_inverse=True)
    if row.max() > column.max():  # few rows make less work
        row, column = column, row
    rows, columns = int(row.max()) + 1, int(column.max()) + 1
    # Each row may also stay single, in a column of its own. So a full matching is there to be
    # found at first sight; SciPy's search for one takes exponential time on some other graphs.
    worst = 2 * weights.max()
    costs = np.concatenate([worst - weights, np.full(rows, worst)])
    ends = np.append(row, np.arange(rows)), np.append(column, columns + np.arange(rows))
    graph = sparse.csr_array((costs, ends), shape=(rows, columns + rows))
    _, chosen = min_weight_full_bipartite_matching(graph)
    return np.flatnonzero(chosen[row] == column)
