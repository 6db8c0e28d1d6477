"""`task=membrane` against scoring the whole arrays at once."""

import numpy as np
import pytest

from data.opening import open_volume
from ops.metrics.bootstrap import Bootstrap, draw_weights
from ops.metrics.calibration import calibration_metrics
from ops.metrics.isbi import isbi_metrics, score_sections
from ops.metrics.pixels import count_levels, pixel_metrics


@pytest.fixture
def truth() -> np.ndarray:
    """Four cells in each of four sections."""
    walls = np.zeros((4, 24, 24), np.uint8)
    walls[:, 12] = walls[..., 12] = 1
    return walls


@pytest.fixture
def probability(truth) -> np.ndarray:
    """Noisy, with a gap in a wall that merges two cells."""
    noise = np.random.default_rng(5).random(truth.shape) * 0.45
    found = np.where(truth, 1 - noise, noise).astype(np.float32)
    found[1:, 12, 4:8] = 0
    return found


def whole_volume(truth, probability, mask=None) -> dict[str, float | None]:
    histogram = count_levels(probability, truth, mask)
    metrics = (*pixel_metrics(histogram, 0.5, "membrane_"), *calibration_metrics(histogram, 15))
    return {metric.key: metric.value for metric in metrics}


def voxel_values(record) -> dict[str, float]:
    found = record.figures["metrics"]
    return {
        f"{m['convention']}/{m['name']}": m["value"] for m in found if m["convention"] != "isbi2012"
    }


def test_a_perfect_prediction_scores_perfectly(evaluate, save, phantom):
    truth = open_volume(str(phantom / "membrane.zarr")).read()
    record = evaluate("membrane", save(truth * np.uint8(255)), phantom / "membrane.zarr")
    for metric in record.figures["metrics"]:
        assert metric["value"] == (1 if metric["better"] == "higher" else 0)


def test_voxels_are_scored_as_in_the_whole_volume(evaluate, save, truth, probability):
    record = evaluate("membrane", save(probability), save(truth))
    assert voxel_values(record) == whole_volume(truth, probability)
    assert record.metric("pixel/membrane_f1")["settings"] == {"threshold": 0.5}


def test_the_interval_is_that_of_the_voxels_though_draws_take_near_probabilities_together(
    evaluate, save
):
    rng = np.random.default_rng(8)
    probability = rng.random((4, 48, 48)).astype(np.float32)
    truth = (rng.random(probability.shape) < probability).astype(np.uint8)
    settings = ("resampling.blocks=[4,1,1]", "resampling.draws=50", "task.sections=false")
    record = evaluate("membrane", save(probability), save(truth), *settings)
    found = np.rint(probability * 65535) >= np.rint(0.5 * 65535)
    right = (found & (truth != 0)).sum(axis=(1, 2))
    recalls = [w @ right / (w @ truth.sum(axis=(1, 2))) for w in draw_weights(4, 50, 0)]
    value = record.value("pixel/membrane_recall")
    expected = Bootstrap({"recall": np.array(recalls)}, 4, "blocks").interval("recall", value)
    assert expected is not None
    interval = record.metric("pixel/membrane_recall")["interval"]
    assert (interval["low"], interval["high"]) == pytest.approx((expected.low, expected.high))


def test_sections_are_scored_as_isbi_2012_does(evaluate, save, truth, probability):
    record = evaluate("membrane", save(probability), save(truth))
    scores = score_sections(truth != 0, probability)
    expected = {metric.name: metric.value for metric in isbi_metrics(scores)}
    assert record.values("isbi2012") == pytest.approx(expected)
    assert 0.5 < record.value("isbi2012/v_rand") < 1
    interval = record.metric("isbi2012/v_rand")["interval"]
    assert interval["low"] < record.value("isbi2012/v_rand") < interval["high"]


def test_a_mask_leaves_out_what_is_0_in_it(evaluate, save, truth, probability):
    mask = (np.random.default_rng(2).random(truth.shape) < 0.8).astype(np.uint8)
    mask[0] = 0
    record = evaluate("membrane", save(probability), save(truth), f"mask={save(mask)}")
    assert voxel_values(record) == whole_volume(truth, probability, mask != 0)
    scores = score_sections((truth | (1 - mask))[1:] != 0, probability[1:])
    expected = {metric.name: metric.value for metric in isbi_metrics(scores)}
    assert record.values("isbi2012") == pytest.approx(expected)
    assert record.metric("isbi2012/v_rand")["counts"]["sections"] == 3


def test_regions_are_scored_only_if_asked_for(evaluate, save, truth, probability):
    record = evaluate("membrane", save(probability), save(truth), "task.sections=false")
    assert record.values("isbi2012") == {}
    assert "ISBI 2012" not in record.report


@pytest.mark.parametrize("dtype", [np.uint8, np.float16, np.float64])
def test_probabilities_are_the_same_in_every_dtype(evaluate, save, truth, dtype):
    """All of them halves or eighths, as far as 8 bits can tell."""
    probability = np.where(truth, 0.75, 0.125)
    scaled = np.round(probability * 255) if dtype == np.uint8 else probability
    record = evaluate("membrane", save(scaled.astype(dtype)), save(truth))
    assert record.value("isbi2012/v_rand") == 1
    assert record.value("pixel/membrane_f1") == 1
    assert record.value("positive_class/brier_score") == pytest.approx(
        np.mean((probability - truth) ** 2), rel=0.02
    )


def test_the_threshold_and_the_bins_are_those_of_the_task(evaluate, save, truth, probability):
    settings = ("task.threshold=0.8", "task.calibration_bins=4", "task.sections=false")
    record = evaluate("membrane", save(probability), save(truth), *settings)
    found = (probability >= 0.8) & (truth != 0)
    assert record.value("pixel/membrane_recall") == pytest.approx(found.sum() / truth.sum())
    assert record.metric("equal_width_4/expected_calibration_error")["settings"] == {"bins": 4}
    assert 2 <= len(record.rows("reliability")) <= 4


def test_tables_hold_the_curves(evaluate, save, truth, probability):
    record = evaluate("membrane", save(probability), save(truth))
    curve, bins = record.rows("threshold_curve"), record.rows("reliability")
    columns = {name: np.array([float(row[name]) for row in curve]) for name in curve[0]}
    assert list(columns) == ["threshold", "precision", "recall", "false_positive_rate"]
    assert len(curve) == 512  # the probabilities that occur are more
    assert (np.diff(columns["threshold"]) > 0).all()
    assert (np.diff(columns["recall"]) <= 0).all()
    row = len(curve) // 2
    above = probability >= columns["threshold"][row] - 1e-5
    assert columns["precision"][row] == pytest.approx(truth[above].mean())
    assert sum(int(row["voxels"]) for row in bins) == truth.size
    sections = [{name: float(row[name]) for name in row} for row in record.rows("section_curve")]
    best = max(row["v_rand"] for row in sections)
    assert best == pytest.approx(record.value("isbi2012/v_rand"))
    assert all(row["v_rand_low"] <= row["v_rand_high"] for row in sections)
    assert record.report.count("data:image/png") == 5


def test_a_truth_without_membrane_is_said_not_to_have_any(evaluate, save, truth, probability):
    record = evaluate("membrane", save(probability), save(0 * truth))
    assert record.value("pixel/membrane_precision") == 0
    area = record.metric("pixel/membrane_roc_auc")
    assert area["value"] is None
    assert "no voxel of the structure" in area["note"]
    assert "No curves: the truth has voxels of one kind only." in record.report
    assert not (record.folder / "threshold_curve.csv").exists()


def test_a_truth_of_nothing_but_membrane_has_no_cell_to_score(evaluate, save, truth, probability):
    record = evaluate("membrane", save(probability), save(truth | 1))
    metrics = [m for m in record.figures["metrics"] if m["convention"] == "isbi2012"]
    assert [metric["value"] for metric in metrics] == [None] * 6
    assert all("no section of the truth has a cell" in metric["note"] for metric in metrics)


def test_a_prediction_without_membrane_finds_none(evaluate, save, truth):
    record = evaluate("membrane", save(np.zeros(truth.shape, np.float32)), save(truth))
    assert record.value("pixel/membrane_recall") == 0
    assert record.value("pixel/membrane_f1") == 0
    assert record.value("pixel/membrane_roc_auc") == 0.5
    assert record.value("isbi2012/v_info") == 0
    assert record.value("isbi2012/v_rand_recall") == 1


def test_a_truth_that_is_0_at_membranes_can_be_inverted(evaluate, save, truth, probability):
    expected = evaluate("membrane", save(probability), save(truth)).figures["metrics"]
    cells = save(np.where(truth, 0, 255).astype(np.uint8))
    found = evaluate("membrane", save(probability), cells, "task.invert_truth=true")
    assert found.figures["metrics"] == expected


def test_a_truth_that_is_mostly_membrane_is_doubted(evaluate, save, truth, probability, caplog):
    evaluate("membrane", save(probability), save(truth))
    assert "invert_truth" not in caplog.text
    evaluate("membrane", save(probability), save(1 - truth))
    assert "task.invert_truth tells whether 0 is the membrane" in caplog.text


def test_a_mask_that_is_all_0_leaves_nothing_to_score(evaluate, save, truth, probability):
    record = evaluate("membrane", save(probability), save(truth), f"mask={save(0 * truth)}")
    for metric in record.figures["metrics"]:
        assert metric["value"] is None
        assert metric["note"]
    assert record.metric("pixel/membrane_f1")["note"] == "no voxel was counted: check the mask"
