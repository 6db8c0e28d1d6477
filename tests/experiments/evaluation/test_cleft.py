"""`task=cleft` on clefts moved by a known distance."""

import numpy as np
import pytest


@pytest.fixture
def truth() -> np.ndarray:
    """A sheet of 64 voxels across z, with an id."""
    clefts = np.zeros((9, 20, 20), np.uint32)
    clefts[2, 4:12, 4:12] = 7
    return clefts


def test_a_perfect_prediction_scores_perfectly(evaluate, phantom):
    clefts = phantom / "cleft_ids.zarr"
    record = evaluate("cleft", clefts, clefts)
    assert record.value("cremi2016/cleft_score") == 0
    assert record.metric("vesicle2015/synapse_f1")["counts"]["true_positives"] > 0
    for metric in record.figures["metrics"]:
        assert metric["value"] == (1 if metric["better"] == "higher" else 0)


@pytest.mark.parametrize(("sections", "nm"), [(1, 30.0), (2, 60.0), (5, 150.0)])
def test_a_shifted_cleft_is_as_far_off_as_it_was_shifted(evaluate, save, truth, sections, nm):
    record = evaluate("cleft", save(np.roll(truth, sections, axis=0)), save(truth))
    for side in ("prediction_to_truth", "truth_to_prediction"):
        assert record.value(f"cremi2016/cleft_{side}_mean") == pytest.approx(nm)
        assert record.value(f"cremi2016/cleft_{side}_std") == pytest.approx(0)
    assert record.value("cremi2016/cleft_score") == pytest.approx(nm)
    assert record.value("pixel/cleft_voxel_f1") == 0
    assert record.value("one_to_one/synapse_f1") == 0


@pytest.mark.parametrize(("limit", "wrong"), [(59, 64), (60, 0), (61, 0)])
def test_voxels_farther_than_the_limit_are_wrong(evaluate, save, truth, limit, wrong):
    moved = save(np.roll(truth, 2, axis=0))
    record = evaluate("cleft", moved, save(truth), f"task.distance_nm={limit}")
    assert record.value("cremi2016/cleft_false_positives") == wrong
    assert record.value("cremi2016/cleft_false_negatives") == wrong
    assert record.metric("cremi2016/cleft_score")["settings"] == {"threshold_nm": limit}


def test_the_golden_vector_of_the_challenge(evaluate, save):
    """What cremi_python finds in these ten and fifteen voxels."""
    truth, prediction = np.zeros((2, 1, 1, 101), np.uint8)
    truth[..., 10:20] = prediction[..., 15:25] = prediction[..., 90:95] = 1
    paths = (save(layer, voxel_size_nm=(40, 4, 4)) for layer in (prediction, truth))
    record = evaluate("cleft", *paths)
    assert record.value("cremi2016/cleft_false_positives") == 5
    assert record.value("cremi2016/cleft_false_negatives") == 0
    assert record.value("cremi2016/cleft_prediction_to_truth_mean") == pytest.approx(101.333, 1e-5)
    assert record.value("cremi2016/cleft_truth_to_prediction_mean") == pytest.approx(6)
    assert record.value("cremi2016/cleft_score") == pytest.approx(53.667, 1e-5)


def test_fragments_count_only_one_to_one(evaluate, save, truth):
    """A sheet cut in two by a gap, and a false detection far away."""
    prediction = truth.copy()
    prediction[2, 8] = 0
    prediction[7, 14:18, 14:18] = 9
    record = evaluate("cleft", save(prediction), save(truth))
    assert record.metric("vesicle2015/synapse_f1")["counts"] == {
        "true_positives": 1,
        "false_positives": 1,
        "false_negatives": 0,
    }
    assert record.value("one_to_one/synapse_precision") == pytest.approx(1 / 3)
    assert record.value("pixel/cleft_voxel_recall") == pytest.approx(56 / 64)


def test_an_overlap_below_the_least_is_none(evaluate, save, truth):
    prediction = np.zeros_like(truth)
    prediction[2, 4, 4:12] = 1
    scores = [
        evaluate("cleft", save(prediction), save(truth), f"task.min_overlap={least}")
        for least in (8, 9)
    ]
    assert [score.value("vesicle2015/synapse_f1") for score in scores] == [1, 0]


@pytest.mark.parametrize("dtype", [np.uint8, np.float32, np.float64])
def test_probabilities_are_clefts_from_the_threshold_on(evaluate, save, truth, dtype):
    largest = 255 if dtype == np.uint8 else 1
    probability = np.where(truth, 0.6, 0.4) * largest
    paths = save(probability.astype(dtype)), save(truth)
    assert evaluate("cleft", *paths, "task.threshold=0.5").value("cremi2016/cleft_score") == 0
    record = evaluate("cleft", *paths, "task.threshold=0.7")
    assert record.metric("cremi2016/cleft_score")["counts"]["prediction_voxels"] == 0


def test_small_components_of_what_reaches_the_threshold_can_be_left_out(evaluate, save, truth):
    probability = np.where(truth, 200, 0).astype(np.uint8)
    probability[7, 14:18, 14:18] = 255
    paths = save(probability), save(truth)
    scores = [
        evaluate("cleft", *paths, "task.threshold=0.5", f"task.least_voxels={least}")
        for least in (16, 17)
    ]
    assert [score.value("cremi2016/cleft_score") > 0 for score in scores] == [True, False]
    assert scores[1].value("pixel/cleft_voxel_f1") == 1
    assert scores[1].value("pixel/cleft_voxel_average_precision") < 1  # at all thresholds
    objects = scores[1].metric("vesicle2015/synapse_f1")["settings"]["objects"]
    assert objects == "18-connected components, predicted ones of at least 17 voxels"
    assert "Worst sections" not in scores[1].report  # one section alone has something to find
    assert "z = 2: F1 1.000, 64 voxels found, 0 claimed falsely, 0 missed" in scores[1].report


def test_a_mask_leaves_out_what_is_0_in_it(evaluate, save, truth):
    prediction, mask = truth.copy(), np.ones(truth.shape, np.uint8)
    prediction[7, 2:6, 2:6] = 1
    mask[6:] = 0
    mask[:, :6] = 0
    record = evaluate("cleft", save(prediction), save(truth), f"mask={save(mask)}")
    assert record.value("cremi2016/cleft_score") == 0
    assert record.metric("cremi2016/cleft_score")["counts"] == {
        "truth_voxels": 48,
        "prediction_voxels": 48,
    }


@pytest.mark.parametrize("empty", ["prediction", "truth"])
def test_no_cleft_on_one_side_is_infinitely_far(evaluate, save, truth, empty):
    layers = {"prediction": truth, "truth": truth} | {empty: 0 * truth}
    record = evaluate("cleft", save(layers["prediction"]), save(layers["truth"]))
    score = record.metric("cremi2016/cleft_score")
    assert score["value"] == "inf"
    assert score["note"] == f"no cleft in the {empty}: infinitely far from any voxel"
    assert record.value("one_to_one/synapse_f1") == 0
    assert "inf nm" in record.report


def test_no_cleft_at_all_has_no_objects_to_score(evaluate, save, truth):
    record = evaluate("cleft", save(0 * truth), save(0 * truth))
    assert record.value("cremi2016/cleft_score") == 0
    assert record.metric("one_to_one/synapse_f1")["value"] is None
    assert "nothing to find" in record.metric("one_to_one/synapse_f1")["note"]


def test_a_mask_that_is_all_0_leaves_no_cleft(evaluate, save, truth):
    record = evaluate("cleft", save(truth), save(truth), f"mask={save(0 * truth)}")
    assert record.metric("one_to_one/synapse_f1")["value"] is None
    assert record.metric("cremi2016/cleft_score")["note"].startswith("no cleft in truth or")


def test_reserved_ids_of_cremi_are_background_or_not_scored(evaluate, save, truth):
    """Background is 2^64 - 1; where the truth is 2^64 - 2 nothing is scored."""
    background, invalid = np.uint64(2**64 - 1), np.uint64(2**64 - 2)
    clefts = np.where(truth != 0, truth, background).astype(np.uint64)
    prediction = clefts.copy()
    prediction[7, 4:8, 4:8] = 3
    unsure = clefts.copy()
    unsure[6:] = invalid
    unsure[:, :6] = invalid
    record = evaluate("cleft", save(prediction), save(unsure))
    assert record.value("cremi2016/cleft_score") == 0
    assert record.metric("cremi2016/cleft_score")["counts"] == {
        "truth_voxels": 48,
        "prediction_voxels": 48,
    }


def test_touching_synapses_are_told_apart_by_their_ids(evaluate, save, truth):
    """As components they are one, by ids two, of which the prediction has one wrong."""
    truth[2, 8:] = np.where(truth[2, 8:], 8, 0)
    truth[5, 14:18, 14:18] = 9
    prediction = np.where(truth == 8, 0, truth).astype(np.uint32)
    record = evaluate("cleft", save(prediction), save(truth))
    assert record.value("vesicle2015/synapse_recall") == 1
    assert record.metric("one_to_one/synapse_recall")["counts"] == {
        "true_positives": 2,
        "false_positives": 0,
        "false_negatives": 1,
    }
    assert record.metric("one_to_one/synapse_recall")["settings"]["objects"] == "ids"
