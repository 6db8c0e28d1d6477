"""Words for neighbours: against the best of all assignments, and against chance."""

from functools import cache
from itertools import permutations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.codes import neighbours
from ops.codes.codebook import random_code
from ops.codes.neighbours import CONFUSION, edge_distances, neighbour_aware_code

NO_EDGES = np.zeros((0, 2), np.int64)


def _cost(code, edges) -> float:
    return CONFUSION[edge_distances(code, edges)].sum()


def _least_cost(objects, edges, letters, length) -> float:
    """Over all assignments."""
    words = np.indices((letters,) * length).reshape(length, -1).T
    costs = CONFUSION[np.count_nonzero(words[:, None] != words, axis=2)]
    owned = _assignments(len(words), objects)
    return costs[owned[:, edges[:, 0]], owned[:, edges[:, 1]]].sum(axis=1).min()


@cache
def _assignments(words, objects) -> np.ndarray:
    return np.array(list(permutations(range(words), objects)))


def _grid(side: int) -> np.ndarray:
    """Edges of a grid of side * side objects: each touches those right of it and below."""
    number = np.arange(side * side).reshape(side, side)
    right = np.stack([number[:, :-1].ravel(), number[:, 1:].ravel()], axis=1)
    down = np.stack([number[:-1].ravel(), number[1:].ravel()], axis=1)
    return np.concatenate([right, down])


def _edges(objects, chosen) -> np.ndarray:
    pairs = np.stack(np.triu_indices(objects, 1), axis=1)
    return pairs[np.resize(chosen, len(pairs))]


@settings(deadline=None, max_examples=12)
@given(st.sampled_from([(4, 2, 2), (5, 2, 3), (4, 2, 3)]), st.lists(st.booleans(), min_size=10))
def test_few_objects_come_within_a_digit_of_the_best_of_all_assignments(case, chosen):
    objects, letters, length = case
    edges = _edges(objects, chosen)
    found = _cost(neighbour_aware_code(objects, edges, letters, length, 0), edges)
    best = _least_cost(objects, edges, letters, length)
    assert best - 1e-12 <= found <= 10 * best


def test_a_square_and_four_that_all_touch_are_solved_exactly():
    square, all_touch = np.array([[0, 1], [1, 2], [2, 3], [3, 0]]), _edges(4, True)
    for edges, letters, length in ((square, 2, 3), (square, 3, 2), (all_touch, 3, 2)):
        found = _cost(neighbour_aware_code(4, edges, letters, length, 0), edges)
        assert found == pytest.approx(_least_cost(4, edges, letters, length))


def test_neighbours_differ_far_more_than_by_chance():
    edges = _grid(10)
    aware = edge_distances(neighbour_aware_code(100, edges, 4, 4, 0), edges)
    chance = edge_distances(random_code(100, 4, 4, 0), edges)
    assert chance.min() == 1 and 2.8 < chance.mean() < 3.2
    assert aware.min() >= 3 and aware.mean() > 3.6


def test_tries_never_make_it_worse_and_their_gain_is_foreseen_exactly(rng, monkeypatch):
    edges = _edges(30, rng.random(435) < 0.3)
    for letters, length in ((2, 5), (3, 4)):
        words = random_code(min(letters**length, 60), letters, length, 1).digits
        graph = neighbours._graph(edges, 30)
        owned = np.arange(30)
        for number in range(30):
            change = neighbours._changes(words, owned, graph, number)
            before = neighbours._costs(words[owned], graph).sum() / 2
            best = change.argmin()
            if change[best] < 0:
                owned[owned == best] = owned[number]
                owned[number] = best
            after = neighbours._costs(words[owned], graph).sum() / 2
            assert after - before == pytest.approx(change.min(), abs=1e-9)
        assert len(set(owned.tolist())) == 30
        tried = _cost(neighbour_aware_code(30, edges, letters, length, 1), edges)
        with monkeypatch.context() as patch:
            patch.setattr(neighbours, "TRIES", 0)
            assert tried <= _cost(neighbour_aware_code(30, edges, letters, length, 1), edges)


def test_the_same_seed_gives_the_same_words_and_an_edge_counts_once():
    edges = _grid(8)
    words = neighbour_aware_code(64, edges, 3, 4, 5).digits
    assert np.array_equal(neighbour_aware_code(64, edges, 3, 4, 5).digits, words)
    twice = np.concatenate([edges[:, ::-1], edges])
    assert np.array_equal(neighbour_aware_code(64, twice, 3, 4, 5).digits, words)
    assert not np.array_equal(neighbour_aware_code(64, edges, 3, 4, 6).digits, words)


def test_objects_without_neighbours_get_words_too():
    assert neighbour_aware_code(0, NO_EDGES, 4, 3, 0).digits.shape == (0, 3)
    assert neighbour_aware_code(64, NO_EDGES, 4, 3, 0).digits.shape == (64, 3)
    assert len(edge_distances(random_code(5, 4, 3, 0), NO_EDGES)) == 0


def test_distances_are_counted_along_edges():
    code = neighbour_aware_code(3, NO_EDGES, 5, 2, 0)
    expected = [
        sum(a != b for a, b in zip(code.digits[0], code.digits[n], strict=True)) for n in (1, 2)
    ]
    assert edge_distances(code, np.array([[0, 1], [2, 0]])).tolist() == expected


def test_impossible_edges_and_too_many_objects_are_refused():
    with pytest.raises(ValueError, match="needs 0 to 3"):
        neighbour_aware_code(4, np.array([[0, 4]]), 4, 3, 0)
    with pytest.raises(ValueError, match="an edge of an object with itself"):
        neighbour_aware_code(4, np.array([[2, 2]]), 4, 3, 0)
    with pytest.raises(ValueError, match="got 65 objects; needs at most 64"):
        neighbour_aware_code(65, NO_EDGES, 4, 3, 0)
