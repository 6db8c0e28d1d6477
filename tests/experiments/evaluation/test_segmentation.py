"""`task=segmentation` against counting the whole volume at once, and errors planted by hand."""

import numpy as np
import pytest
import tifffile

from data.opening import open_volume
from ops.metrics.border import border_mask
from ops.metrics.contingency import count_pairs
from ops.metrics.instances import instance_metrics
from ops.metrics.isbi import isbi_metrics, label_sections
from ops.metrics.segmentation import CONVENTIONS, segmentation_values

VOXEL_SIZE_NM = (30.0, 6.0, 6.0)


@pytest.fixture
def flawed(cubes):
    """1 and 2 merged; a quarter of 5 split off as 50; part of 8 left out."""
    prediction = cubes.copy()
    prediction[cubes == 2] = 1
    prediction[:, 12:15][cubes[:, 12:15] == 5] = 50
    prediction[3:, :3][cubes[3:, :3] == 5] = 50
    prediction[5][cubes[5] == 8] = 0
    return prediction


def whole_volume(truth, prediction, mask=None) -> dict[str, dict]:
    table = count_pairs(truth, prediction, mask)
    values = {name: segmentation_values(table, name) for name in CONVENTIONS}
    objects = instance_metrics(table, (0.5, 0.75))
    return values | {"one_to_one_iou": {metric.name: metric.value for metric in objects}}


def by_convention(record) -> dict[str, dict]:
    names = dict.fromkeys(metric["convention"] for metric in record.figures["metrics"])
    return {name: record.values(name) for name in names}


def test_a_perfect_prediction_scores_perfectly(evaluate, phantom):
    neurites = phantom / "neurites.zarr"
    record = evaluate("segmentation", neurites, neurites)
    for metric in record.figures["metrics"]:
        assert metric["value"] == (1 if metric["better"] == "higher" else 0)
    assert record.metric("cremi2016/vi")["interval"]["high"] == 0
    assert record.rows("worst_splits") == record.rows("worst_merges") == []
    assert "No split errors" in record.report


def test_other_ids_are_as_good(evaluate, save, cubes):
    record = evaluate("segmentation", save(cubes.astype(np.uint64) + 2**40), save(cubes))
    assert record.value("cremi2016/vi") == 0
    assert record.value("one_to_one_iou/iou0.75_f1") == 1


def test_a_planted_split_and_merge_cost_the_bits_worked_out_by_hand(evaluate, save, cubes):
    """1 of 8 objects cut in halves: 1/8 bit; 2 of 8 merged: 2/8 bit."""
    prediction = cubes.copy()
    prediction[cubes == 2] = 1
    prediction[:, :6][cubes[:, :6] == 5] = 50
    record = evaluate("segmentation", save(prediction), save(cubes))
    assert record.value("cremi2016/vi_split") == pytest.approx(1 / 8)
    assert record.value("cremi2016/vi_merge") == pytest.approx(2 / 8)
    assert record.value("one_to_one_iou/iou0.5_f1") == pytest.approx(2 * 7 / (8 + 8))
    assert record.value("one_to_one_iou/iou0.75_f1") == pytest.approx(2 * 5 / (8 + 8))


def test_all_conventions_equal_those_of_the_whole_volume(evaluate, save, cubes, flawed):
    record = evaluate("segmentation", save(flawed), save(cubes))
    assert by_convention(record) == whole_volume(cubes, flawed)


def test_a_mask_leaves_out_what_is_0_in_it(evaluate, save, cubes, flawed):
    mask = (np.random.default_rng(1).random(cubes.shape) < 0.7).astype(np.uint8) * 255
    record = evaluate("segmentation", save(flawed), save(cubes), f"mask={save(mask)}")
    assert by_convention(record) == whole_volume(cubes, flawed, mask != 0)
    right = (cubes == flawed).astype(np.uint8)
    record = evaluate("segmentation", save(flawed), save(cubes), f"mask={save(right)}")
    assert record.value("cremi2016/vi") == 0
    assert record.rows("worst_merges") == []


@pytest.mark.parametrize("border_nm", [0.0, 13.0, 30.0])
def test_the_border_block_by_block_is_that_of_the_whole(
    evaluate, save, phantom, monkeypatch, border_nm
):
    truth = open_volume(str(phantom / "neurites.zarr")).read()[:3]
    prediction = np.where(np.arange(160) % 40 < 37, truth, 9)
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 4000)
    paths = (save(layer, chunk_shape=(2, 31, 29)) for layer in (prediction, truth))
    record = evaluate("segmentation", *paths, f"task.border_nm={border_nm}")
    inside = ~border_mask(truth, border_nm, VOXEL_SIZE_NM)
    assert 0 < inside.mean() < 0.99
    assert by_convention(record) == whole_volume(truth, prediction, inside)
    assert {m["settings"]["border_nm"] for m in record.figures["metrics"]} == {border_nm}


def test_border_and_mask_are_both_left_out(evaluate, save, cubes, flawed):
    mask = np.ones(cubes.shape, np.uint8)
    mask[2:4] = 0
    overrides = (f"mask={save(mask)}", "task.border_nm=6")
    record = evaluate("segmentation", save(flawed), save(cubes), *overrides)
    scored = (mask != 0) & ~border_mask(cubes, 6, VOXEL_SIZE_NM)
    assert by_convention(record) == whole_volume(cubes, flawed, scored)


@pytest.mark.parametrize("conventions", ["[isbi2012]", "[gala,isbi2012]"])
def test_sections_are_scored_as_isbi_2012_does(evaluate, save, cubes, flawed, conventions):
    overrides = (f"task.conventions={conventions}",)
    record = evaluate("segmentation", save(flawed), save(cubes), *overrides)
    expected = {m.name: m.value for m in isbi_metrics(label_sections(cubes, flawed))}
    assert record.values("isbi2012") == pytest.approx(expected)
    assert ("gala" in by_convention(record)) == ("gala" in conventions)
    assert record.metric("isbi2012/v_rand")["counts"]["sections"] == 6
    assert "draws of 6 sections" in record.metric("isbi2012/v_rand")["interval"]["method"]


def test_sections_that_the_mask_empties_are_left_out(evaluate, save, cubes, flawed):
    mask = np.ones(cubes.shape, np.uint8)
    mask[:2] = 0
    overrides = ("task.conventions=[isbi2012]", f"mask={save(mask)}")
    record = evaluate("segmentation", save(flawed), save(cubes), *overrides)
    expected = {m.name: m.value for m in isbi_metrics(label_sections(cubes[2:], flawed[2:]))}
    assert record.values("isbi2012") == pytest.approx(expected)


def test_intervals_hold_their_values_and_say_what_was_drawn(evaluate, save, cubes, flawed):
    settings = ("resampling.blocks=[2,3,1]", "resampling.draws=50", "seed=7")
    record = evaluate("segmentation", save(flawed), save(cubes), *settings)
    vi = record.metric("cremi2016/vi")
    assert vi["interval"]["low"] < vi["value"] < vi["interval"]["high"]
    assert vi["interval"]["method"].endswith("50 draws of 6 blocks")
    assert (
        evaluate("segmentation", save(flawed), save(cubes), *settings).figures["metrics"]
        == (record.figures["metrics"])
    )
    other = evaluate("segmentation", save(flawed), save(cubes), *settings[:2], "seed=8")
    assert other.value("cremi2016/vi") == vi["value"]
    assert other.metric("cremi2016/vi")["interval"] != vi["interval"]


def test_one_block_has_no_interval(evaluate, save, cubes, flawed):
    record = evaluate("segmentation", save(flawed), save(cubes), "resampling.blocks=[1,1,1]")
    assert record.metric("cremi2016/vi")["interval"] is None


def test_a_truth_that_is_all_background_has_no_partition_scores(evaluate, save, cubes):
    record = evaluate("segmentation", save(cubes), save(np.zeros_like(cubes)))
    vi = record.metric("cremi2016/vi")
    assert vi["value"] is None
    assert "one side is all background" in vi["note"]
    assert record.value("one_to_one_iou/iou0.5_precision") == 0
    assert record.value("elf/adapted_rand_error") == pytest.approx(1 - 2 * 8 / (64 + 8))


def test_a_prediction_that_is_all_background_loses_everything(evaluate, save, cubes):
    record = evaluate("segmentation", save(np.zeros_like(cubes)), save(cubes))
    assert record.value("cremi2016/vi_merge") == pytest.approx(3)
    assert record.value("snemi3d_fixed/adapted_rand_error") == pytest.approx(1, abs=0.01)
    assert record.value("one_to_one_iou/iou0.5_f1") == 0
    assert "No errors are listed" in record.report


def test_files_without_a_voxel_size_take_that_of_the_config(evaluate, tmp_path, cubes):
    path = f"{tmp_path}/labels.tif"
    tifffile.imwrite(path, cubes.astype(np.uint16), photometric="minisblack")
    record = evaluate("segmentation", path, path, "voxel_size_nm=[30,6,6]")
    assert record.value("cremi2016/vi") == 0


@pytest.mark.parametrize("nothing", ["mask", "border"])
def test_where_nothing_is_scored_values_are_missing(evaluate, save, cubes, nothing):
    override = f"mask={save(0 * cubes)}" if nothing == "mask" else "task.border_nm=1000"
    record = evaluate("segmentation", save(cubes), save(cubes), override)
    partition = [m for m in record.figures["metrics"] if m["convention"] != "one_to_one_iou"]
    assert len(partition) == 43
    assert {metric["value"] for metric in partition} == {None}
    assert {metric["note"] for metric in partition} == {
        "no voxel is scored: one side is all background there, or the mask is empty"
    }
    assert record.metric("one_to_one_iou/iou0.5_f1")["value"] is None
    assert "No errors are listed" in record.report


def test_reserved_ids_of_cremi_are_background(evaluate, save, cubes):
    truth = np.where(cubes == 8, np.uint64(2**64 - 2), cubes.astype(np.uint64))
    record = evaluate("segmentation", save(cubes), save(truth))
    assert record.value("cremi2016/vi") == 0
    assert record.metric("cremi2016/vi")["counts"]["truth_labels"] == 7
