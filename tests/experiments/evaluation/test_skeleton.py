"""`task=skeleton` on two straight lines, with run lengths worked out by hand."""

import numpy as np
import pytest

# Ten nodes each along x, 12 nm apart, in the middle of every other voxel.
LINES = [[(15, y, 6 + 12 * n) for n in range(10)] for y in (20, 100)]
LENGTH_NM = 9 * 12


@pytest.fixture
def labels() -> np.ndarray:
    """Line 0 lies in 1, line 1 in 2."""
    return np.repeat([1, 2], 12).astype(np.uint32)[None, :, None] * np.ones((4, 1, 24), np.uint32)


def row_of(record, name: str) -> dict[str, float]:
    (row,) = (row for row in record.rows("skeletons") if row["skeleton"] == name)
    return {column: float(value) for column, value in row.items()}


def test_a_perfect_prediction_scores_perfectly(evaluate, phantom):
    record = evaluate("skeleton", phantom / "neurites.zarr", phantom / "skeletons")
    assert record.value("funlib_erl/nerl") == 1
    assert record.value("funlib_erl/erl") == record.value("funlib_erl/truth_erl") > 500
    assert record.value("xpress2023/rand_split") == record.value("xpress2023/rand_merge") == 1
    wrong = [m for m in record.values("funlib_erl") if "errors" in m or "edges" in m]
    assert len(wrong) == 10
    assert all(record.value(f"funlib_erl/{name}") == 0 for name in wrong)


def test_a_planted_split_shortens_the_run(evaluate, save, swc, labels):
    """Six nodes in one part and four in the other: 5 and 3 edges, and one between."""
    labels[:, :12, 12:] = 9
    record = evaluate("skeleton", save(labels), swc(*LINES))
    split = (60**2 + 36**2) / LENGTH_NM
    row = row_of(record, "0")
    assert row["erl_nm"] == pytest.approx(split)
    assert (row["segments"], row["split_edges"], row["merging_segments"]) == (2, 1, 0)
    assert row_of(record, "1")["erl_nm"] == LENGTH_NM
    assert record.value("funlib_erl/erl") == pytest.approx((split + LENGTH_NM) / 2)
    assert record.value("funlib_erl/split_errors") == 1
    assert record.value("funlib_erl/merge_errors") == 0


def test_a_planted_merge_takes_the_run(evaluate, save, swc, labels):
    record = evaluate("skeleton", save(np.minimum(labels, 1)), swc(*LINES))
    assert record.value("funlib_erl/erl") == record.value("funlib_erl/nerl") == 0
    assert record.value("funlib_erl/merge_errors") == 1
    assert record.value("funlib_erl/merged_edges") == 18
    assert row_of(record, "1")["merging_segments"] == 1


def test_few_nodes_are_no_merge_below_the_threshold(evaluate, save, swc, labels):
    labels[:, 12:, :4] = 1  # two nodes of line 1
    paths = save(labels), swc(*LINES)
    assert evaluate("skeleton", *paths).value("funlib_erl/merge_errors") == 1
    record = evaluate("skeleton", *paths, "task.merge_threshold=3")
    assert record.value("funlib_erl/merge_errors") == 0
    assert record.metric("funlib_erl/erl")["settings"]["merge_threshold"] == 3


def test_nodes_in_the_background_are_omitted(evaluate, save, swc, labels):
    """Six of ten nodes, and so their five edges and that to the seventh."""
    labels[:, 12:, :12] = 0
    record = evaluate("skeleton", save(labels), swc(*LINES))
    assert row_of(record, "0")["omitted_edges"] == 0
    assert row_of(record, "1")["omitted_edges"] == 6
    assert row_of(record, "1")["erl_nm"] == pytest.approx(36**2 / LENGTH_NM)


def test_nodes_outside_the_volume_are_not_scored(evaluate, save, swc, labels, caplog):
    record = evaluate("skeleton", save(labels[..., :19]), swc(*LINES))
    assert row_of(record, "0")["length_nm"] == LENGTH_NM - 12
    assert record.value("funlib_erl/nerl") == 1
    assert record.value("funlib_erl/omitted_edges") == 0
    assert "2 of 20 places lie outside" in caplog.text


def test_places_are_in_the_frame_of_the_dataset(evaluate, save, swc, labels):
    shift = np.array([3, 70, 50]) * [30, 6, 6]
    moved = [[tuple((node + shift).tolist()) for node in np.array(line)] for line in LINES]
    record = evaluate("skeleton", save(labels, offset=(3, 70, 50)), swc(*moved))
    assert record.value("funlib_erl/nerl") == 1
    assert record.value("funlib_erl/erl") == LENGTH_NM


def test_labels_are_looked_up_in_whatever_block_they_lie(evaluate, save, swc, labels, monkeypatch):
    labels[:, :12, 12:] = 9
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 100)
    record = evaluate("skeleton", save(labels, chunk_shape=(2, 5, 3)), swc(*LINES))
    assert record.value("funlib_erl/split_edges") == 1
    assert record.value("funlib_erl/omitted_edges") == 0


def test_intervals_are_over_skeletons_that_have_a_length(evaluate, save, swc, labels):
    labels[:, :12, 12:] = 9
    record = evaluate("skeleton", save(labels), swc(*LINES, LINES[0][:1]))
    interval = record.metric("funlib_erl/erl")["interval"]
    assert interval["method"].endswith("10 draws of 2 skeletons")
    assert interval["low"] < record.value("funlib_erl/erl") < interval["high"]
    assert record.metric("funlib_erl/erl")["counts"] == {"skeletons": 3, "edges": 18}
    assert row_of(record, "2")["length_nm"] == 0


def test_one_skeleton_has_no_interval(evaluate, save, swc, labels):
    record = evaluate("skeleton", save(labels), swc(LINES[0]))
    assert record.metric("funlib_erl/erl")["interval"] is None


def test_a_prediction_that_is_all_background_has_no_run(evaluate, save, swc, labels):
    record = evaluate("skeleton", save(0 * labels), swc(*LINES))
    assert record.value("funlib_erl/erl") == 0
    assert record.value("funlib_erl/omitted_edges") == 18
    assert record.value("funlib_erl/merge_errors") == 0
