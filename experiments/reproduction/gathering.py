"""Rows of a result from what a step has left in its folder."""

import csv
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from experiments.reproduction.steps import Gather, Labels
from experiments.stored_results import Row

POINTS = 128  # of a curve, at most
SCORES = ("vi", "vi_split", "vi_merge", "adapted_rand_error")


def rows_of(name: str) -> Gather:
    """Gathers the rows that a suite of experiments.benchmark has written as a file."""

    def gather(folder: Path, labels: Labels) -> list[Row]:
        return [{**labels, **row} for row in _json(folder / name)["rows"]]

    return gather


def throughput(folder: Path, labels: Labels) -> list[Row]:
    """Of suite `pipeline`: a row for each dataset, weights, stage and contender."""
    rows = []
    for result in _json(folder / "benchmark.json")["results"]:
        what, _, stage = result["name"].partition(": ")
        data, _, weights = what.partition(", ")
        named = {**labels, "data": data, "weights": weights, "stage": stage}
        rows += [
            {**named, "contender": who, "mb_per_s": rates}
            for who, rates in result["figures"].items()
        ]
    return rows


def segmentation(folder: Path, labels: Labels) -> list[Row]:
    """Of a reconstruction: its scores, in bits or as a share, with their intervals."""
    found = _json(folder / "metrics.json")["scores"]
    row: dict[str, Any] = dict(labels)
    for name in SCORES:
        row |= _with_ends(name, found[name]["value"], found[name]["interval"])
    return [row]


def membranes(folder: Path, labels: Labels) -> list[Row]:
    """Of an evaluation: both curves, thinned."""
    return [
        {"experiment": experiment, **labels, **{name: round(row[name], 5) for name in names}}
        for experiment, table, names in (
            ("voxels", "threshold_curve", ("threshold", "precision", "recall")),
            ("sections", "section_curve", ("threshold", "v_rand", "v_rand_low", "v_rand_high")),
        )
        for row in _curve(folder / f"{table}.csv")
    ]


def merge_matrix(folder: Path, labels: Labels) -> list[Row]:
    """Of an evaluation of a MergeNet: its ROC-AUC, and its curve where it learnt there."""
    (found,) = (row for row in _areas(folder) if row["method"] == "MergeNet")
    area = {name: found[name] for name in ("auc", "auc_low", "auc_high")}
    rows: list[Row] = [{"experiment": "matrix", **labels, **area}]
    if labels["trained"] == labels["tested"]:
        curve = _curve(folder / "threshold_curve.csv")
        sides = {"fpr": "false_positive_rate", "tpr": "recall"}
        points = {side: [round(row[name], 5) for row in curve] for side, name in sides.items()}
        rows.append({"experiment": "roc", **labels, **points})
    return rows


def merge_baselines(folder: Path, labels: Labels) -> list[Row]:
    """Of an evaluation of a MergeNet: its ROC-AUC, and those of rules of thumb."""
    return [{"experiment": "baseline", **labels, **row} for row in _areas(folder)]


def _areas(folder: Path) -> list[Row]:
    return [
        {
            "method": {"mergenet": "MergeNet"}.get(name, name.replace("_", " ")),
            **_with_ends("auc", metric["value"], _ends(metric["interval"])),
        }
        for metric in _json(folder / "metrics.json")["metrics"]
        if metric["name"] == "roc_auc" and (name := metric["convention"])
    ]


def _ends(interval: Mapping[str, Any] | None) -> tuple[float, float] | None:
    return None if interval is None else (interval["low"], interval["high"])


def _with_ends(name: str, value: float | None, ends) -> dict[str, Any]:
    low, high = ends or (None, None)
    return {name: value, f"{name}_low": low, f"{name}_high": high}


def _curve(path: Path) -> list[dict[str, float]]:
    """A table of numbers, of which at most POINTS rows are kept, evenly."""
    with path.open(newline="") as stream:
        rows = [
            {name: float(value) for name, value in row.items()} for row in csv.DictReader(stream)
        ]
    kept = np.unique(np.linspace(0, len(rows) - 1, min(len(rows), POINTS)).round().astype(int))
    return [rows[place] for place in kept]


def _json(path: Path) -> Any:
    return json.loads(path.read_text())
