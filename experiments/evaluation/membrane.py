"""Scores probabilities of membrane: voxel by voxel, and by the regions that they enclose."""

import logging
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from jaxtyping import Int64, Shaped, UInt8

from configs.schema import EvaluationRun, MembraneTask
from data.checks import are_labels
from data.mapped import map_voxels
from data.side_by_side import read_side_by_side
from data.volume import Volume
from experiments.evaluation.cells import Cells, cut
from experiments.evaluation.curves import curve_parts, curve_rows
from experiments.evaluation.inputs import open_inputs
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.sections import score_membranes
from ops.metrics.bootstrap import Bootstrap, bootstrap_sums, with_intervals
from ops.metrics.calibration import calibration_metrics
from ops.metrics.metric import Metric
from ops.metrics.pixels import LEVELS, Histogram, count_levels, pixel_metrics

log = logging.getLogger(__name__)
GROUPS = 1024  # of probabilities in the draws


def score(config: EvaluationRun) -> Outcome:
    """Precision, recall, curves and calibration of voxels; V_Rand and V_Info of sections."""
    task = cast(MembraneTask, config.task)
    volumes = open_inputs(config, "truth", "prediction", "baseline", "mask")
    check_mask_volume(volumes["truth"])
    if task.invert_truth:
        volumes["truth"] = map_voxels(volumes["truth"], _is_zero, np.uint8)
    cells = cut(volumes["truth"].shape, config.resampling.blocks)
    counted = count_by_cell(volumes, cells)
    metrics = _voxel_metrics(counted, config)
    parts: tuple[str, ...] = ()
    if task.sections:
        found, parts = score_membranes(volumes, config)
        metrics = found + metrics
    whole = total(counted["prediction"])
    occupied = np.flatnonzero(whole.positives + whole.negatives)
    check_no_mask_as_probability(volumes["prediction"], int(occupied.max(initial=0)) // 257)
    if 2 * whole.positive_voxels > whole.voxels:
        log.warning(
            "membrane is %.0f %% of the truth: is it inverted? task.invert_truth tells whether 0 "
            "is the membrane, as in the files of ISBI 2012",
            100 * whole.positive_voxels / whole.voxels,
        )
    tables = curve_rows(whole, task.calibration_bins)
    return Outcome(metrics, tables, parts + curve_parts(whole, task.calibration_bins))


def check_mask_volume(volume: Volume) -> None:
    """Raises ValueError where the truth looks like ids, or is no integer."""
    if volume.dtype.kind not in "ui" or are_labels(volume.dtype):
        raise ValueError(
            f"{volume.name}: got a truth of dtype {volume.dtype}; needs a mask of small integers, "
            "0 = no membrane, another value = membrane: make it from ids with "
            "data.targets.membrane_target"
        )


def nonzero_range(truth: Shaped[np.ndarray, "z y x"]) -> tuple[int, ...]:
    """The lowest and highest value besides 0; nothing where there is none."""
    marked = truth[truth != 0]
    return (int(marked.min()), int(marked.max())) if marked.size else ()


def check_one_value(marked: set[int], name: str) -> None:
    """Raises ValueError where a mask has more than one value besides 0."""
    if len(marked) > 1:
        raise ValueError(
            f"{name}: got a truth with values {min(marked)} to {max(marked)}; needs a mask of one "
            "value besides 0: make it from ids with data.targets.membrane_target"
        )


def check_no_mask_as_probability(volume: Volume, greatest: int) -> None:
    """Raises ValueError where a prediction in 8 bits has no value above 1.

    Args:
        volume: the prediction.
        greatest: its greatest value.
    """
    if volume.dtype == np.uint8 and greatest == 1:
        raise ValueError(
            f"{volume.name}: got a prediction whose greatest value is 1 of 255, as of a mask; "
            "needs probabilities, as uint8 from 0 to 255 or floats from 0 to 1"
        )


def _is_zero(voxels: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    return (voxels == 0).astype(np.uint8)


def count_by_cell(volumes: Mapping[str, Volume], cells: Cells) -> dict[str, list[Histogram]]:
    """How many voxels have which probability, for each cell."""
    compared = [name for name in ("prediction", "baseline") if name in volumes]
    nothing = Histogram(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64))
    marked: set[int] = set()
    counted = {name: [nothing] * cells.count for name in compared}
    for place, layers in read_side_by_side(volumes, "counting"):
        marked |= set(nonzero_range(layers["truth"]))
        check_one_value(marked, volumes["truth"].name)
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
    return with_intervals(found, drawn)


def _score(histogram: Histogram, config: EvaluationRun) -> tuple[Metric, ...]:
    task = cast(MembraneTask, config.task)
    return (
        *pixel_metrics(histogram, task.threshold, "membrane_"),
        *calibration_metrics(histogram, task.calibration_bins),
    )


def _draw(histograms: Sequence[Histogram], config: EvaluationRun) -> Bootstrap:
    """Of probabilities that occur, neighbours are drawn as one: GROUPS of about equal weight."""
    task = cast(MembraneTask, config.task)
    parts = np.stack([np.stack([h.positives, h.negatives]) for h in histograms])
    level, first = _groups(parts.sum(axis=(0, 1)), round(task.threshold * (LEVELS - 1)))
    blocks = np.add.reduceat(parts, first, axis=2)[parts.any(axis=(1, 2))]

    def score_draw(counts: np.ndarray) -> dict[str, float | None]:
        every = np.zeros((2, LEVELS), np.int64)
        every[:, level] = counts
        return {metric.key: metric.value for metric in _score(Histogram(*every), config)}

    draws, seed = config.resampling.draws, config.seed
    return bootstrap_sums(blocks, score_draw, "blocks", draws, seed)


def _groups(
    voxels: Int64[np.ndarray, " levels"], threshold: int
) -> tuple[Int64[np.ndarray, " groups"], Int64[np.ndarray, " groups"]]:
    """The level that stands for each group, and its first level; none spans the threshold."""
    below = np.cumsum(voxels) - voxels
    share = below * GROUPS // max(1, int(voxels.sum()))
    starts = np.diff(share, prepend=-1) > 0
    starts[threshold] = True
    first = np.flatnonzero(starts)
    moments = np.add.reduceat(voxels * np.arange(LEVELS), first)
    weight = np.add.reduceat(voxels, first)
    mean = np.where(weight > 0, moments // np.maximum(weight, 1), first)
    return mean, first
