"""Instance matching against the dense assignment, elf, and tables small enough to match by hand."""

import itertools

import numpy as np
import pytest
from elf.evaluation import matching, mean_segmentation_accuracy
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy.optimize import linear_sum_assignment

from ops.metrics.contingency import Contingency, count_pairs, merge
from ops.metrics.instances import (
    MEAN_THRESHOLDS,
    instance_metrics,
    match_instances,
)
from ops.metrics.matches import Matches

LABELS = hnp.arrays(
    np.uint32, (3, 12), elements=st.sampled_from([0, 1, 2, 3, 4, 9]), fill=st.nothing()
)
THRESHOLDS = st.sampled_from([0.05, 0.1, 0.2, 1 / 3, 0.5, 0.6, 0.75, 1.0])
QUICK = settings(deadline=None, max_examples=50)


def table_of(*rows):
    truth, prediction, counts = zip(*sorted(rows), strict=True)
    return Contingency(
        np.array(truth, np.uint64), np.array(prediction, np.uint64), np.array(counts)
    )


def dense_ious(truth, prediction):
    """IoU of every true object with every predicted one, by their masks."""
    sides = [[labels == i for i in np.unique(labels) if i] for labels in (truth, prediction)]
    ious = [[(t & p).sum() / (t | p).sum() for p in sides[1]] for t in sides[0]]
    return np.array(ious, np.float64).reshape(len(sides[0]), len(sides[1]))


def dense_cost(ious, threshold, most):
    costs = -(ious >= threshold).astype(float) - ious / (2 * max(1, most))
    return costs[linear_sum_assignment(costs)].sum()


def rows_of(ids, labels):
    return np.searchsorted([i for i in np.unique(labels) if i], ids)


def test_two_objects_by_hand():
    truth = np.array([1, 1, 1, 1, 2, 2, 2, 2, 0, 0])
    prediction = np.array([5, 5, 5, 0, 6, 6, 5, 0, 6, 0])
    table = count_pairs(truth, prediction)
    strict, lax = match_instances(table, 0.5), match_instances(table, 0.4)
    # Object 6 has a voxel over background: 2 of |2| + |6| - 2 = 5.
    assert strict.matches == Matches(1, 1, 1)
    np.testing.assert_array_equal(strict.pairs, [[1, 5]])
    np.testing.assert_array_equal(strict.ious, [3 / 5])
    assert lax.matches == Matches(2, 0, 0)
    np.testing.assert_array_equal(lax.pairs, [[1, 5], [2, 6]])
    np.testing.assert_array_equal(lax.ious, [3 / 5, 2 / 5])


def test_more_matches_come_before_the_best_one():
    # IoU is 10 / 26 for (1, 1), the best, but 8 / 24 for (1, 2) and (2, 1), which make two.
    table = table_of((1, 1, 10), (1, 2, 8), (2, 1, 8), (2, 0, 6), (0, 2, 6))
    found = match_instances(table, 0.3)
    np.testing.assert_array_equal(found.pairs, [[1, 2], [2, 1]])
    assert match_instances(table, 0.35).matches == Matches(1, 1, 1)


def test_below_one_half_even_the_best_pair_may_have_to_go():
    table = table_of((1, 1, 9), (1, 2, 3), (2, 1, 3))  # IoU 9 / 15 for (1, 1), 3 / 12 for others
    np.testing.assert_array_equal(match_instances(table, 0.25).pairs, [[1, 2], [2, 1]])
    np.testing.assert_array_equal(match_instances(table, 0.26).pairs, [[1, 1]])


def test_an_object_cut_in_halves_is_found_once():
    found = match_instances(count_pairs(np.array([7, 7]), np.array([1, 2])), 0.5)
    assert found.matches == Matches(1, 1, 0)
    np.testing.assert_array_equal(found.ious, [0.5])


def test_a_perfect_prediction_scores_one():
    labels = np.array([[3, 3, 0, 2**64 - 1], [1, 1, 1, 2**64 - 1]], np.uint64)
    found = match_instances(count_pairs(labels, labels), 1)
    assert found.matches == Matches(3, 0, 0)
    np.testing.assert_array_equal(found.pairs, [[1, 1], [3, 3], [2**64 - 1, 2**64 - 1]])
    assert all(m.value == 1 for m in instance_metrics(count_pairs(labels, labels)))


@QUICK
@given(LABELS, LABELS, THRESHOLDS)
def test_it_is_the_dense_assignment_of_least_cost(truth, prediction, threshold):
    found = match_instances(count_pairs(truth, prediction), threshold)
    ious = dense_ious(truth, prediction)
    most = min(ious.shape)
    rows = rows_of(found.pairs[:, 0], truth), rows_of(found.pairs[:, 1], prediction)
    np.testing.assert_allclose(found.ious, ious[rows])
    assert (found.ious >= threshold).all()
    assert all(len(set(side.tolist())) == len(side) for side in rows)
    # With these pairs fixed, what is left over can still make up the least cost of all.
    rest = np.delete(np.delete(ious, rows[0], 0), rows[1], 1)
    cost = -len(found.ious) - found.ious.sum() / (2 * max(1, most))
    cost += dense_cost(rest, threshold, most)
    assert cost == pytest.approx(dense_cost(ious, threshold, most))
    hits = found.matches.true_positives
    assert found.matches == Matches(hits, ious.shape[1] - hits, ious.shape[0] - hits)


@QUICK
@given(LABELS, LABELS, THRESHOLDS)
def test_scores_agree_with_elf(truth, prediction, threshold):
    if not (truth.any() or prediction.any()):
        return  # elf gives 0, we 1
    matches = match_instances(count_pairs(truth, prediction), threshold).matches
    theirs = matching(prediction, truth, threshold=threshold)
    assert matches.f1 == pytest.approx(theirs["f1"])
    assert matches.accuracy == pytest.approx(theirs["segmentation_accuracy"])
    if matches.true_positives:
        assert matches.precision == pytest.approx(theirs["precision"])
        assert matches.recall == pytest.approx(theirs["recall"])
    mean = instance_metrics(count_pairs(truth, prediction))[-1]
    elf_mean = mean_segmentation_accuracy(prediction, truth, thresholds=list(MEAN_THRESHOLDS))
    assert mean.value == pytest.approx(elf_mean)


@QUICK
@given(LABELS, LABELS, THRESHOLDS)
def test_exchanging_the_sides_exchanges_the_errors(truth, prediction, threshold):
    table = count_pairs(truth, prediction)
    one, other = match_instances(table, threshold), match_instances(table.swapped(), threshold)
    assert other.matches == Matches(
        one.matches.true_positives, one.matches.false_negatives, one.matches.false_positives
    )


@QUICK
@given(LABELS, LABELS)
def test_blocks_add_up(truth, prediction):
    parts = [
        count_pairs(truth[:, cut], prediction[:, cut])
        for cut in (slice(5), slice(5, 6), slice(6, 12))
    ]
    whole = match_instances(count_pairs(truth, prediction), 0.2)
    in_parts = match_instances(merge(parts), 0.2)
    assert in_parts.matches == whole.matches
    np.testing.assert_array_equal(in_parts.pairs, whole.pairs)


def test_a_long_chain_of_overlaps():
    count = 3000
    own = [(i, i, 30) for i in range(1, count + 1)]
    spilled = [(i, i + 1, 4) for i in range(1, count)]
    found = match_instances(table_of(*own, *spilled), 0.3)
    assert found.matches == Matches(count, 0, 0)
    np.testing.assert_array_equal(found.pairs[:, 0], found.pairs[:, 1])


def test_an_iou_at_a_threshold_of_the_mean_counts():
    table = table_of((1, 1, 3), (1, 0, 1), (0, 1, 1))  # IoU 3 / 5: right at 0.50, 0.55 and 0.60
    mean = instance_metrics(table)[-1]
    assert mean.key == "one_to_one_iou/mean_segmentation_accuracy"
    assert mean.value == pytest.approx(0.3)
    assert mean.counts == {"truth_objects": 1, "prediction_objects": 1}


def test_metrics_carry_their_threshold():
    table = table_of((1, 1, 6), (2, 2, 9), (2, 0, 3), (3, 0, 5), (0, 4, 1))
    found = {metric.name: metric for metric in instance_metrics(table, (0.5, 0.8))}
    values = {name: metric.value for name, metric in found.items()}
    assert values == {
        "iou0.5_precision": pytest.approx(2 / 3),
        "iou0.5_recall": pytest.approx(2 / 3),
        "iou0.5_f1": pytest.approx(2 / 3),
        "iou0.5_segmentation_accuracy": pytest.approx(2 / 4),
        "iou0.8_precision": pytest.approx(1 / 3),
        "iou0.8_recall": pytest.approx(1 / 3),
        "iou0.8_f1": pytest.approx(1 / 3),
        "iou0.8_segmentation_accuracy": pytest.approx(1 / 5),
        "mean_segmentation_accuracy": pytest.approx((6 * 2 / 4 + 4 * 1 / 5) / 10),
    }
    assert found["iou0.8_f1"].settings == {"iou": 0.8}
    counts = {"true_positives": 1, "false_positives": 2, "false_negatives": 2}
    assert found["iou0.8_segmentation_accuracy"].counts == counts


@pytest.mark.parametrize(
    ("truth", "prediction", "f1", "precision", "recall"),
    [(0, 0, 1, 1, 1), (1, 0, 0, 1, 0), (0, 1, 0, 0, 1)],
)
def test_sides_without_objects(truth, prediction, f1, precision, recall):
    table = count_pairs(np.array([truth]), np.array([prediction]))
    matches = match_instances(table).matches
    assert (matches.f1, matches.precision, matches.recall) == (f1, precision, recall)
    assert instance_metrics(table)[-1].value == (f1 if truth or prediction else None)


def test_a_table_without_voxels_has_no_objects():
    assert match_instances(merge([])).matches == Matches(0, 0, 0)


@pytest.mark.parametrize("iou", [0, -0.5, 1.01, float("nan"), float("inf")])
def test_thresholds_out_of_range_are_refused(iou):
    table = table_of((1, 1, 1))
    with pytest.raises(ValueError, match="got an IoU threshold of"):
        match_instances(table, iou)
    with pytest.raises(ValueError, match="got an IoU threshold of"):
        instance_metrics(table, (0.5, iou))


def test_as_many_are_found_as_any_of_all_orders_finds():
    cells = list(itertools.product([1, 2, 3], repeat=2))
    orders = [list(enumerate(order)) for order in itertools.permutations(range(3))]
    for counts in list(itertools.product([1, 4], repeat=9))[::17]:
        truth, prediction = np.repeat(cells, counts, axis=0).T
        hits = dense_ious(truth, prediction) >= 0.25
        most = max(sum(hits[pair] for pair in order) for order in orders)
        found = match_instances(count_pairs(truth, prediction), 0.25)
        assert found.matches.true_positives == most
