"""Edges made into trees."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.skeletons.rooting import root


def test_every_part_is_rooted_at_its_first_node():
    parents, order = root(5, np.array([[3, 1], [3, 4], [2, 0]]))
    assert parents.tolist() == [-1, -1, 0, 1, 3]
    assert sorted(order.tolist()) == [0, 1, 2, 3, 4]


def test_a_loop_is_cut_open_and_lone_nodes_are_roots():
    parents, _ = root(5, np.array([[0, 1], [1, 2], [2, 3], [3, 0]]))
    assert np.count_nonzero(parents < 0) == 2 and parents[4] == -1


def test_nothing_has_no_tree():
    parents, order = root(0, np.zeros((0, 2), np.int64))
    assert parents.shape == order.shape == (0,)


@settings(deadline=None, max_examples=40)
@given(st.data())
def test_a_tree_keeps_its_edges_and_parents_come_first(data):
    nodes = data.draw(st.integers(2, 30))
    names = np.array(data.draw(st.permutations(range(nodes))))
    edges = np.array([[names[data.draw(st.integers(0, n - 1))], names[n]] for n in range(1, nodes)])
    parents, order = root(nodes, edges)
    child = np.flatnonzero(parents >= 0)
    got = {frozenset(pair) for pair in zip(child.tolist(), parents[child].tolist(), strict=True)}
    assert got == {frozenset(pair) for pair in edges.tolist()}
    place = np.argsort(order)
    assert (place[parents[child]] < place[child]).all()
