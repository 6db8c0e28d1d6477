"""Scores probabilities of membrane: voxel by voxel, and by the regions that they enclose."""

from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from jaxtyping import Int64

from configs.schema import EvaluationRun, MembraneTask
from data.checks import are_labels
from data.side_by_side import read_side_by_side
from data.volume import Volume
from experiments.evaluation.cells import Cells, cut
from experiments.evaluation.curves import curve_parts, curve_rows
from experiments.evaluation.inputs import open_inputs
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.sections import membrane_sections
from ops.metrics.bootstrap import Bootstrap, bootstrap_sums
from ops.metrics.calibration import calibration_metrics
from ops.metrics.metric import Metric
from ops.metrics.pixels import LEVELS, Histogram, count_levels, pixel_metrics

STEP = (LEVELS - 1) // 255  # between the levels of 8 bits


def score(config: EvaluationRun) -> Outcome:
    """Precision, recall, curves and calibration of voxels; V_Rand and V_Info of sections."""
    task = cast(MembraneTask, config.task)
    volumes = open_inputs(config, "truth", "prediction", "baseline", "mask")
    check_mask_volume(volumes["truth"])
    cells = cut(volumes["truth"].shape, config.resampling.blocks)
    counted = count_by_cell(volumes, cells)
    metrics = _voxel_metrics(counted, config)
    parts: tuple[str, ...] = ()
    if task.sections:
        found, parts = membrane_sections(volumes, config)
        metrics = found + metrics
    whole = total(counted["prediction"])
    tables = curve_rows(whole, task.calibration_bins)
    return Outcome(metrics, tables, parts + curve_parts(whole, task.calibration_bins))


def check_mask_volume(volume: Volume) -> None:
    """Raises ValueError where the truth looks like ids, or is no integer."""
    if volume.dtype.kind not in "ui" or are_labels(volume.dtype):
        raise ValueError(
            f"{volume.name}: got a truth of dtype {volume.dtype}; needs a mask of small integers, "
            "0 = no membrane, anything else = membrane: make it from ids with "
            "data.targets.membrane_mask"
        )


def count_by_cell(volumes: Mapping[str, Volume], cells: Cells) -> dict[str, list[Histogram]]:
    """How many voxels have which probability, for each cell."""
    compared = [name for name in ("prediction", "baseline") if name in volumes]
    nothing = Histogram(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64))
    counted = {name: [nothing] * cells.count for name in compared}
    for place, layers in read_side_by_side(volumes, "counting"):
        for number, part in cells.within(place):
            mask = layers["mask"][part] != 0 if "mask" in layers else None
            for name in compared:
                found = count_levels(layers[name][part], layers["truth"][part], mask)
                counted[name][number] = counted[name][number] + found
    return counted


def total(histograms: Sequence[Histogram]) -> Histogram:
    """The histogram of all blocks together."""
    return Histogram(
        positives=sum((h.positives for h in histograms), np.zeros(LEVELS, np.int64)),
        negatives=sum((h.negatives for h in histograms), np.zeros(LEVELS, np.int64)),
    )


def _voxel_metrics(
    counted: Mapping[str, Sequence[Histogram]], config: EvaluationRun
) -> tuple[Metric, ...]:
    found = {name: _score(total(cells), config) for name, cells in counted.items()}
    drawn = {name: _draw(cells, config) for name, cells in counted.items()}
    metrics = drawn["prediction"].attach(found["prediction"])
    if "baseline" not in counted:
        return metrics
    pairs = zip(found["prediction"], found["baseline"], strict=True)
    ours, theirs = drawn["prediction"], drawn["baseline"]
    return metrics + tuple(ours.difference(theirs, *pair) for pair in pairs)


def _score(histogram: Histogram, config: EvaluationRun) -> tuple[Metric, ...]:
    task = cast(MembraneTask, config.task)
    return (
        *pixel_metrics(histogram, task.threshold, "membrane_"),
        *calibration_metrics(histogram, task.calibration_bins),
    )


def _draw(histograms: Sequence[Histogram], config: EvaluationRun) -> Bootstrap:
    """Draws see probabilities in 8 bits: that is much quicker, and only their spread is used."""
    blocks = [h for h in histograms if h.voxels]
    parts = np.stack([_in_8_bits(np.stack([h.positives, h.negatives])) for h in blocks])

    def score_draw(counts: np.ndarray) -> dict[str, float | None]:
        every = np.zeros((2, LEVELS), np.int64)
        every[:, ::STEP] = counts
        return {metric.key: metric.value for metric in _score(Histogram(*every), config)}

    draws, seed = config.resampling.draws, config.seed
    return bootstrap_sums(parts, score_draw, "blocks", draws, seed)


def _in_8_bits(counts: Int64[np.ndarray, "2 levels"]) -> Int64[np.ndarray, "2 256"]:
    """Every level goes to the nearest of k / 255."""
    nearest = (np.arange(LEVELS) + STEP // 2) // STEP
    return np.stack([np.bincount(nearest, row, minlength=256) for row in counts]).astype(np.int64)
