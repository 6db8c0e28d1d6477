"""A second prediction on the same blocks: differences, and which of both they favour."""

import numpy as np
import pytest

PARTITION = ("cremi2016", "snemi3d_shipped", "snemi3d_fixed", "gala", "skimage", "funlib", "elf")


@pytest.fixture
def split(cubes):
    """5 cut in halves."""
    prediction = cubes.copy()
    prediction[:, :6][cubes[:, :6] == 5] = 50
    return prediction


@pytest.fixture
def walls() -> np.ndarray:
    truth = np.zeros((2, 24, 24), np.uint8)
    truth[:, 12] = truth[..., 12] = 1
    return truth


def differences(record) -> list[dict]:
    return [m for m in record.figures["metrics"] if m["name"].endswith("_difference")]


def check_differences(record, baseline) -> None:
    for found in differences(record):
        key = f"{found['convention']}/{found['name'].removesuffix('_difference')}"
        expected = record.value(key) - baseline.value(key)
        assert found["value"] == pytest.approx(expected, abs=1e-12)
        assert found["interval"]["low"] <= found["value"] <= found["interval"]["high"]


def check_equal(record) -> None:
    for found in differences(record):
        assert found["value"] == 0
        assert (found["interval"]["low"], found["interval"]["high"]) == (0, 0)
        assert found["note"] == "greater than the baseline's in 0.0 % of the draws"


def test_differences_are_those_of_two_runs(evaluate, save, cubes, split):
    merged = np.where(cubes == 2, 1, cubes).astype(np.uint32)
    truth = save(cubes)
    record = evaluate("segmentation", save(split), truth, f"baseline={save(merged)}")
    alone = evaluate("segmentation", save(split), truth)
    check_differences(record, evaluate("segmentation", save(merged), truth))
    assert {m["convention"] for m in differences(record)} == set(PARTITION)
    assert record.value("cremi2016/vi_split_difference") == pytest.approx(1 / 8)
    assert record.value("cremi2016/vi_merge_difference") == pytest.approx(-2 / 8)
    kept = [m for m in record.figures["metrics"] if m not in differences(record)]
    assert kept == alone.figures["metrics"]
    assert record.rows("worst_splits") == alone.rows("worst_splits")


def test_a_prediction_does_not_differ_from_itself(evaluate, save, cubes, split):
    record = evaluate("segmentation", save(split), save(cubes), f"baseline={save(split)}")
    assert len(differences(record)) == 6 * len(PARTITION) + 1
    check_equal(record)


def test_the_better_one_is_better_in_nearly_all_draws(evaluate, save, cubes):
    """One voxel in ten is wrong everywhere in the baseline."""
    wrong = np.random.default_rng(0).random(cubes.shape) < 0.1
    worse = np.where(wrong, 9, cubes).astype(np.uint32)
    record = evaluate("segmentation", save(cubes), save(cubes), f"baseline={save(worse)}")
    vi = record.metric("cremi2016/vi_difference")
    assert vi["interval"]["high"] < 0
    assert vi["note"].startswith("greater than the baseline's in 0.0 %")
    recall = record.metric("cremi2016/rand_recall_difference")
    assert recall["note"].startswith("greater than the baseline's in 100.0 %")


def test_both_are_scored_within_mask_and_border(evaluate, save, cubes, split):
    mask = (cubes != 5).astype(np.uint8)
    overrides = (f"mask={save(mask)}", "task.border_nm=6", f"baseline={save(split)}")
    record = evaluate("segmentation", save(cubes), save(cubes), *overrides)
    assert record.value("cremi2016/vi_difference") == 0


def test_where_nothing_is_scored_the_difference_is_missing(evaluate, save, cubes):
    paths = save(cubes), save(0 * cubes)
    record = evaluate("segmentation", *paths, f"baseline={save(cubes)}")
    vi = record.metric("cremi2016/vi_difference")
    assert vi["value"] is None
    assert vi["note"] == "one of both scores is missing"


def test_membranes_are_compared_voxel_by_voxel(evaluate, save, walls):
    noise = np.random.default_rng(3).random((2, *walls.shape))
    better, worse = (abs(walls - s * n) for s, n in zip((0.4, 0.8), noise, strict=True))
    truth, baseline = save(walls), save(worse)
    record = evaluate("membrane", save(better), truth, f"baseline={baseline}")
    check_differences(record, evaluate("membrane", baseline, truth))
    assert len(differences(record)) == 8
    assert record.metric("positive_class/brier_score_difference")["interval"]["high"] < 0
    same = evaluate("membrane", baseline, truth, f"baseline={baseline}")
    check_equal(same)


@pytest.mark.parametrize("task", ["cleft", "instance", "skeleton", "partner", "connectome"])
def test_other_tasks_say_that_they_compare_none(refused, task):
    words = refused(task, "a", "b", "baseline=c.zarr")
    assert f"got baseline=c.zarr for task={task}" in words
    assert "score the baseline in a run of its own" in words


def test_a_baseline_on_another_grid_is_refused(refused, save, cubes):
    paths = save(cubes), save(cubes)
    other = save(cubes[:, :, 1:])
    words = refused("segmentation", *paths, f"baseline={other}")
    assert f"{other}: got shape (6, 24, 23)" in words
