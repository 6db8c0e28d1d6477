"""Point matching against all matchings there are, and centres of mass against SciPy's."""

import itertools

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from ops.metrics.matches import Matches
from ops.metrics.points import (
    centre_sums,
    centres_nm,
    match_points,
    merge_centres,
    point_metrics,
)

QUICK = settings(deadline=None, max_examples=50)
COORDINATES = st.integers(-3, 3).map(float)
POINTS = st.integers(0, 4).flatmap(
    lambda n: hnp.arrays(np.float64, (n, 3), elements=COORDINATES, fill=st.nothing())
)
LABELS = hnp.arrays(
    np.uint16,
    hnp.array_shapes(min_dims=3, max_dims=3, max_side=6),
    elements=st.sampled_from([0, 1, 2, 7]),
    fill=st.nothing(),
)


def at(*xs):
    return np.array([[0.0, 0.0, x] for x in xs]).reshape(-1, 3)


def all_matchings(pairs):
    """Every set of pairs that uses no point twice."""
    for size in range(len(pairs) + 1):
        for chosen in itertools.combinations(pairs, size):
            if all(len(set(side)) == size for side in zip(*chosen, strict=True)):
                yield chosen


def best_by_trial(truth, prediction, limit):
    distance = {
        (i, j): float(np.linalg.norm(a - b))
        for i, a in enumerate(truth)
        for j, b in enumerate(prediction)
    }
    near = [pair for pair, apart in distance.items() if apart <= limit]
    scores = [(-len(m), sum(distance[pair] for pair in m)) for m in all_matchings(near)]
    return min(scores)


def test_more_matches_come_before_nearer_ones():
    found = match_points(at(0, 10), at(9, 19), 9)
    np.testing.assert_array_equal(found.pairs, [[0, 0], [1, 1]])
    np.testing.assert_array_equal(found.distances_nm, [9, 9])
    nearest = match_points(at(0, 10), at(9, 19), 8.9)
    assert nearest.matches == Matches(1, 1, 1)
    np.testing.assert_array_equal(nearest.pairs, [[1, 0]])


def test_of_as_many_matches_the_nearest_are_taken():
    found = match_points(at(0, 4), at(3, 5), 100)
    # 3 + 1 rather than 5 + 1.
    np.testing.assert_array_equal(found.pairs, [[0, 0], [1, 1]])
    assert found.distances_nm.sum() == 4


def test_the_limit_itself_is_in_reach():
    point = np.array([[3.0, 0.0, 4.0]])
    assert match_points(np.zeros((1, 3)), point, 5).matches == Matches(1, 0, 0)
    assert match_points(np.zeros((1, 3)), point, 4.999999).matches == Matches(0, 1, 1)
    assert match_points(point, point, 0).matches == Matches(1, 0, 0)
    assert match_points(point, point + 1e-6, 0).matches == Matches(0, 1, 1)


@QUICK
@given(POINTS, POINTS, st.sampled_from([0.0, 1.0, 1.5, 3.0, 20.0]))
def test_it_is_the_best_of_all_matchings(truth, prediction, limit):
    found = match_points(truth, prediction, limit)
    number, distance = best_by_trial(truth, prediction, limit)
    assert found.matches == Matches(-number, len(prediction) + number, len(truth) + number)
    assert found.distances_nm.sum() == pytest.approx(distance)
    apart = truth[found.pairs[:, 0]] - prediction[found.pairs[:, 1]]
    np.testing.assert_allclose(found.distances_nm, np.linalg.norm(apart, axis=1))


@QUICK
@given(POINTS, POINTS, st.sampled_from([1.0, 3.0]))
def test_exchanging_the_sides_exchanges_the_errors(truth, prediction, limit):
    one, other = match_points(truth, prediction, limit), match_points(prediction, truth, limit)
    assert other.matches == Matches(
        one.matches.true_positives, one.matches.false_negatives, one.matches.false_positives
    )


def test_many_points_that_moved_a_little_are_all_found():
    rng = np.random.default_rng(0)
    grid = np.stack(np.meshgrid(*[np.arange(12) * 60.0] * 3), -1).reshape(-1, 3)
    order = rng.permutation(len(grid))
    found = match_points(grid, (grid + rng.uniform(-15, 15, grid.shape))[order], 30)
    assert found.matches == Matches(len(grid), 0, 0)
    np.testing.assert_array_equal(order[found.pairs[:, 1]], found.pairs[:, 0])


def test_metrics_of_points():
    found = {m.name: m for m in point_metrics(at(0, 10, 50), at(1, 13), 5)}
    assert {name: metric.value for name, metric in found.items()} == {
        "centre_precision": 1,
        "centre_recall": pytest.approx(2 / 3),
        "centre_f1": pytest.approx(4 / 5),
        "mean_match_distance": 2,
    }
    assert all(m.convention == "one_to_one_distance" for m in found.values())
    assert all(m.settings == {"max_distance_nm": 5.0} for m in found.values())


def test_without_points_the_distance_is_missing():
    *scores, distance = point_metrics(at(), at(), 5)
    assert [metric.value for metric in scores] == [None, None, None]
    assert (distance.value, distance.note) == (None, "no point was matched")
    assert match_points(at(1, 2), at(), 5).matches == Matches(0, 0, 2)
    assert match_points(at(), at(1, 2), 5).matches == Matches(0, 2, 0)


@pytest.mark.parametrize("limit", [-1, float("nan"), float("inf")])
def test_distances_out_of_range_are_refused(limit):
    with pytest.raises(ValueError, match="got max_distance_nm="):
        match_points(at(0), at(0), limit)


def test_points_that_are_none_are_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match="truth: got points"):
        match_points(at(float("nan")), at(0), 1)
    with pytest.raises(ValueError, match=r"prediction: got points of shape \(2, 2\)"):
        match_points(at(0), np.zeros((2, 2)), 1)


def test_the_centre_of_a_voxel_is_half_a_voxel_in():
    labels = np.zeros((2, 3, 4), np.uint64)
    labels[1, 2, 3] = 2**64 - 1
    labels[0, 0, :2] = 5
    ids, centres = centres_nm(labels, (40, 4, 4), offset=(10, 0, 100))
    np.testing.assert_array_equal(ids, [5, 2**64 - 1])
    np.testing.assert_array_equal(centres, [[10.5 * 40, 2, 404], [11.5 * 40, 10, 103.5 * 4]])


@QUICK
@given(LABELS)
def test_centres_are_those_of_scipy(labels):
    ids, centres = centres_nm(labels, (30.0, 6.0, 5.0))
    wanted = [i for i in np.unique(labels) if i]
    np.testing.assert_array_equal(ids, wanted)
    expected = np.array(ndimage.center_of_mass(labels > 0, labels, wanted)).reshape(-1, 3)
    np.testing.assert_allclose(centres, (expected + 0.5) * [30, 6, 5])


@QUICK
@given(LABELS, st.integers(0, 6), st.integers(0, 6))
def test_centres_of_blocks_add_up(labels, z, x):
    cuts = [(slice(None, z), 0), (slice(z, None), z)], [(slice(None, x), 0), (slice(x, None), x)]
    parts = [
        centre_sums(labels[in_z, :, in_x], (from_z, 0, from_x))
        for (in_z, from_z), (in_x, from_x) in itertools.product(*cuts)
    ]
    whole, joined = centre_sums(labels), merge_centres(parts)
    np.testing.assert_array_equal(joined.ids, whole.ids)
    np.testing.assert_array_equal(joined.counts, whole.counts)
    np.testing.assert_array_equal(joined.sums, whole.sums)
    assert joined.sums.dtype == np.int64


def test_centres_of_no_block_are_empty():
    assert len(merge_centres([]).ids) == 0
    assert merge_centres([]).positions_nm((1, 1, 1)).shape == (0, 3)


def test_labels_and_voxel_sizes_that_are_none_are_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(ValueError, match="got labels of dtype float64"):
        centres_nm(np.ones((1, 1, 1)), (1, 1, 1))
    with pytest.raises(ValueError, match="got the label -1"):
        centre_sums(np.full((1, 1, 1), -1))
    for size in [(1, 1), (0, 1, 1), (1, 1, float("nan"))]:
        with pytest.raises(ValueError, match="three numbers > 0"):
            centres_nm(np.ones((1, 1, 1), int), size)
