"""One-to-one assignment against networkx and the dense one of SciPy."""

import networkx as nx
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from ops.metrics import assignment
from ops.metrics.assignment import heaviest_matching

QUICK = settings(deadline=None, max_examples=50)


@QUICK
@given(st.integers(0, 2**32), st.integers(1, 9), st.integers(1, 9), st.booleans())
def test_the_heaviest_matching_is_that_of_networkx(seed, n, m, many):
    rng = np.random.default_rng(seed)
    first, second = np.nonzero(rng.random((n, m)) < 0.4)
    weights = rng.integers(1, 6, len(first)).astype(np.float64)
    added = weights + (weights.sum() + 1) * many
    chosen = heaviest_matching(first * 7, second * 3, added)
    graph = nx.Graph()
    for i, j, weight in zip(first.tolist(), second.tolist(), weights.tolist(), strict=True):
        graph.add_edge(("first", i), ("second", j), weight=weight)
    best = nx.max_weight_matching(graph, maxcardinality=many)
    assert len(set(first[chosen])) == len(set(second[chosen])) == len(chosen)
    assert weights[chosen].sum() == sum(graph.edges[pair]["weight"] for pair in best)
    assert not many or len(chosen) == len(best)


def test_the_heaviest_matching_of_a_large_dense_component():
    rng = np.random.default_rng(1)
    weights = rng.uniform(0.001, 1, (120, 90))
    first, second = (index.ravel() for index in np.indices(weights.shape))
    chosen = heaviest_matching(first, second, weights.ravel())
    rows, columns = linear_sum_assignment(weights, maximize=True)
    np.testing.assert_array_equal(first[chosen], rows)
    np.testing.assert_array_equal(second[chosen], columns)


@QUICK
@given(
    st.lists(st.tuples(st.integers(0, 9), st.integers(20, 29)), unique=True, max_size=25),
    st.integers(1, 5),
    st.randoms(use_true_random=False),
)
def test_matching_part_by_part_is_the_heaviest(pairs, batch, random):
    first, second = np.array(pairs, np.int64).reshape(-1, 2).T
    weights = np.array([random.uniform(0.1, 2) for _ in pairs])
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(assignment, "BATCH_PAIRS", batch)
        chosen = heaviest_matching(first, second, weights)
    dense = np.zeros((10, 10))
    dense[first, second - 20] = weights
    assert (np.diff(chosen) > 0).all()
    assert all(len(set(side[chosen].tolist())) == len(chosen) for side in (first, second))
    best = dense[linear_sum_assignment(dense, maximize=True)].sum()
    assert weights[chosen].sum() == pytest.approx(best)
