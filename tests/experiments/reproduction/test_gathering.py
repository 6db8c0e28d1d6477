"""Rows are gathered from files as the entry points write them."""

import csv
import json
from pathlib import Path

import numpy as np
import pytest

from experiments.reproduction import gathering


def save(folder: Path, name: str, values) -> None:
    (folder / name).write_text(json.dumps(values))


def save_table(folder: Path, name: str, columns: dict) -> None:
    with (folder / name).open("w", newline="") as stream:
        table = csv.writer(stream)
        table.writerows([list(columns), *zip(*columns.values(), strict=True)])


def test_rows_of_a_suite_are_told_apart_by_labels(tmp_path):
    save(tmp_path, "tracking.json", {"rows": [{"vi": 1}, {"vi": 2}]})
    found = gathering.rows_of("tracking.json")(tmp_path, {"size": "small"})
    assert found == [{"size": "small", "vi": 1}, {"size": "small", "vi": 2}]


def test_rates_by_data_weights_and_stage(tmp_path):
    name = "phantom, phantom_fast: whole"
    result = {"name": name, "figures": {"neuropil": [2.0, 3.0], "PyTorch": [1.0, 1.5]}}
    save(tmp_path, "benchmark.json", {"results": [result]})
    ours, theirs = gathering.throughput(tmp_path, {})
    named = {"data": "phantom", "weights": "phantom_fast", "stage": "whole"}
    assert ours == {**named, "contender": "neuropil", "mb_per_s": [2.0, 3.0]}
    assert theirs == {**named, "contender": "PyTorch", "mb_per_s": [1.0, 1.5]}


def test_scores_of_a_segmentation_with_intervals(tmp_path):
    scores = {name: {"value": 0.5, "interval": [0.4, 0.6]} for name in gathering.SCORES}
    none = {"value": 0.5, "interval": None}
    save(tmp_path, "metrics.json", {"scores": {**scores, "vi": none}})
    (row,) = gathering.segmentation(tmp_path, {"method": "3c"})
    assert row["method"] == "3c"
    assert (row["vi"], row["vi_low"], row["vi_high"]) == (0.5, None, None)
    assert (row["vi_split"], row["vi_split_low"], row["vi_split_high"]) == (0.5, 0.4, 0.6)


def test_curves_of_membranes_are_thinned_and_keep_their_ends(tmp_path):
    steps = np.linspace(0, 1, 1001)
    names = ("threshold", "precision", "recall", "false_positive_rate")
    save_table(tmp_path, "threshold_curve.csv", dict.fromkeys(names, steps))
    names = ("threshold", "v_rand", "v_rand_low", "v_rand_high", "v_info")
    save_table(tmp_path, "section_curve.csv", dict.fromkeys(names, steps[:9]))
    rows = gathering.membranes(tmp_path, {"data": "snemi3d"})
    voxels = [row for row in rows if row["experiment"] == "voxels"]
    assert len(voxels) == gathering.POINTS
    assert (voxels[0]["recall"], voxels[-1]["recall"]) == (0, 1)
    assert len([row for row in rows if row["experiment"] == "sections"]) == 9


@pytest.fixture
def scored(tmp_path) -> Path:
    """An evaluation of a MergeNet, beside one rule of thumb."""
    metrics = [
        {
            "name": "roc_auc",
            "convention": "mergenet",
            "value": 0.9,
            "interval": {"low": 0.8, "high": 1.0},
        },
        {"name": "average_precision", "convention": "mergenet", "value": 0.5, "interval": None},
        {"name": "roc_auc", "convention": "object_size", "value": 0.5, "interval": None},
    ]
    save(tmp_path, "metrics.json", {"metrics": metrics})
    columns = {"threshold": [0, 1], "recall": [1, 0], "false_positive_rate": [1, 0]}
    save_table(tmp_path, "threshold_curve.csv", columns)
    return tmp_path


def test_the_matrix_has_every_pair_and_curves_of_its_diagonal(scored):
    pair = {"trained": "AC4", "tested": "phantom"}
    (cell,) = gathering.merge_matrix(scored, pair)
    assert cell == {"experiment": "matrix", **pair, "auc": 0.9, "auc_low": 0.8, "auc_high": 1}
    _, curve = gathering.merge_matrix(scored, {"trained": "AC4", "tested": "AC4"})
    assert (curve["experiment"], curve["fpr"], curve["tpr"]) == ("roc", [1, 0], [1, 0])


def test_rules_of_thumb_stand_beside_the_network(scored):
    network, size = gathering.merge_baselines(scored, {"tested": "AC4"})
    assert (network["method"], network["auc_low"]) == ("MergeNet", 0.8)
    assert (size["method"], size["auc"], size["auc_low"]) == ("object size", 0.5, None)
    assert {row["experiment"] for row in (network, size)} == {"baseline"}
