"""`task=instance` on a few boxes."""

import numpy as np
import pytest

from ops.metrics.contingency import count_pairs
from ops.metrics.instances import instance_metrics
from ops.metrics.points import centres_nm, point_metrics

FOUND_ONE = {"true_positives": 1, "false_positives": 1, "false_negatives": 1}


@pytest.fixture
def truth() -> np.ndarray:
    boxes = np.zeros((6, 24, 24), np.uint32)
    boxes[1:3, 4:8, 4:8] = 5
    boxes[3:5, 14:18, 14:18] = 9
    return boxes


@pytest.fixture
def prediction(truth) -> np.ndarray:
    """One box moved by one of its four voxels along x; the other missed; one invented."""
    boxes = np.where(truth == 5, 3, 0).astype(np.uint32)
    boxes = np.roll(boxes, 1, axis=2)
    boxes[3:5, 1:3, 1:3] = 7
    return boxes


def test_a_perfect_prediction_scores_perfectly(evaluate, phantom):
    clefts = phantom / "cleft_ids.zarr"
    record = evaluate("instance", clefts, clefts)
    assert record.metric("one_to_one_distance/centre_f1")["counts"]["true_positives"] == 4
    for metric in record.figures["metrics"]:
        assert metric["value"] == (1 if metric["better"] == "higher" else 0)


def test_a_moved_a_missed_and_an_invented_object(evaluate, save, truth, prediction):
    record = evaluate("instance", save(prediction), save(truth))
    assert record.metric("one_to_one_iou/iou0.5_f1")["counts"] == FOUND_ONE
    assert record.value("one_to_one_iou/iou0.5_f1") == 0.5
    assert record.value("one_to_one_iou/iou0.5_segmentation_accuracy") == pytest.approx(1 / 3)
    assert record.value("one_to_one_iou/iou0.75_f1") == 0
    assert record.metric("one_to_one_distance/centre_f1")["counts"] == FOUND_ONE
    assert record.value("one_to_one_distance/mean_match_distance") == pytest.approx(6)


def test_overlaps_and_distance_are_those_of_the_task(evaluate, save, truth, prediction):
    """The overlap of the moved box is 3 / 5, its distance 6 nm."""
    paths = save(prediction), save(truth)
    record = evaluate("instance", *paths, "task.ious=[0.6,0.61]", "task.distance_nm=6")
    assert record.value("one_to_one_iou/iou0.6_f1") == 0.5
    assert record.value("one_to_one_iou/iou0.61_f1") == 0
    assert record.value("one_to_one_distance/centre_f1") == 0.5
    record = evaluate("instance", *paths, "task.distance_nm=5.9")
    assert record.value("one_to_one_distance/centre_f1") == 0
    assert record.metric("one_to_one_distance/mean_match_distance")["value"] is None


def test_objects_across_blocks_are_whole(evaluate, save, monkeypatch):
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 100)
    truth = np.random.default_rng(0).integers(0, 9, (5, 12, 12)).astype(np.uint16)
    prediction = np.where(truth == 4, 5, np.roll(truth, 1, axis=2)).astype(np.uint16)
    paths = (save(layer, chunk_shape=(2, 5, 3)) for layer in (prediction, truth))
    record = evaluate("instance", *paths, "task.ious=[0.05]", "task.distance_nm=20")
    overlaps = instance_metrics(count_pairs(truth, prediction), (0.05,))
    points = [centres_nm(layer, (30, 6, 6))[1] for layer in (truth, prediction)]
    for metric in (*overlaps, *point_metrics(*points, 20)):
        assert record.value(metric.key) == pytest.approx(metric.value)


def test_a_mask_leaves_out_what_is_0_in_it(evaluate, save, truth, prediction):
    """The missed and the invented box lie outside; of the moved one, a row of four is left."""
    mask = np.zeros(truth.shape, np.uint8)
    mask[1, 4, :12] = 1
    record = evaluate("instance", save(prediction), save(truth), f"mask={save(mask)}")
    assert record.value("one_to_one_iou/iou0.5_f1") == 1
    assert record.value("one_to_one_distance/mean_match_distance") == pytest.approx(6)


def test_a_prediction_or_a_truth_without_objects(evaluate, save, truth):
    record = evaluate("instance", save(0 * truth), save(truth))
    assert record.value("one_to_one_iou/iou0.5_recall") == 0
    assert record.value("one_to_one_iou/iou0.5_f1") == 0
    record = evaluate("instance", save(truth), save(0 * truth))
    assert record.value("one_to_one_distance/centre_precision") == 0
    record = evaluate("instance", save(0 * truth), save(0 * truth))
    assert record.metric("one_to_one_iou/iou0.5_f1")["value"] is None
    assert record.metric("one_to_one_distance/centre_f1")["value"] is None


def test_a_mask_that_is_all_0_leaves_no_object(evaluate, save, truth):
    record = evaluate("instance", save(truth), save(truth), f"mask={save(0 * truth)}")
    for metric in record.figures["metrics"]:
        assert metric["value"] is None
        assert metric["note"]
    assert "nothing to find" in record.metric("one_to_one_iou/iou0.5_f1")["note"]


def test_few_objects_have_wide_intervals_though_all_were_found(evaluate, save, truth):
    record = evaluate("instance", save(truth), save(truth))
    interval = record.metric("one_to_one_iou/iou0.5_recall")["interval"]
    assert interval["method"] == "Wilson score interval over 2 objects"
    assert interval["low"] < 0.5
    assert interval["high"] == 1


def test_probabilities_are_objects_where_they_reach_the_threshold(evaluate, save, truth):
    """One box is found, the other lies below the threshold; a third touches at an edge alone."""
    probability = np.where(truth == 5, 0.9, np.where(truth == 9, 0.4, 0.1)).astype(np.float32)
    probability[3, 8:10, 4:8] = 0.8
    expected = np.where(truth == 5, 1, 0).astype(np.uint32)
    expected[3, 8:10, 4:8] = 2
    own = evaluate("instance", save(expected), save(truth))
    wanted = {m["name"]: m["value"] for m in own.figures["metrics"]}
    for true in (truth, (truth != 0).astype(np.uint8)):  # ids, or a mask of them
        record = evaluate("instance", save(probability), save(true), "task.threshold=0.5")
        found = {m["name"]: m["value"] for m in record.figures["metrics"]}
        assert wanted.items() <= found.items()
        assert record.value("pixel/voxel_recall") == 0.5
        assert record.value("pixel/voxel_precision") == 32 / 40
        assert "Worst sections" in record.report
