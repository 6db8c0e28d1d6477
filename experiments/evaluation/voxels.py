"""Scores probabilities voxel by voxel, with intervals over blocks of the volume."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Int64, Shaped, UInt8

from configs.schema import EvaluationRun
from data.side_by_side import read_side_by_side
from data.volume import Volume
from experiments.evaluation.cells import Cells, cut
from ops.metrics.bootstrap import Bootstrap, bootstrap_sums, with_intervals
from ops.metrics.calibration import calibration_metrics
from ops.metrics.metric import Metric
from ops.metrics.pixels import LEVELS, Histogram, count_levels, pixel_metrics

GROUPS = 1024  # of probabilities in the draws
THRESHOLD = 0.5  # where none was chosen
BINS = 15  # of the reliability curve, where the task does not say


@dataclasses.dataclass(frozen=True)
class VoxelRules:
    """How probabilities are scored.

    Attributes:
        prefix: of the metrics' names.
        threshold: from which on a probability is taken for the structure.
        bins: of the calibration.
    """

    prefix: str
    threshold: float = THRESHOLD
    bins: int = BINS


def score_voxels(
    volumes: Mapping[str, Volume], config: EvaluationRun, rules: VoxelRules
) -> tuple[tuple[Metric, ...], Histogram]:
    """Precision, recall, curves and calibration, and the histogram that they are made of.

    Args:
        volumes: "truth" (a mask) and "prediction"; "baseline" and "mask" where there are some.
        config: of the run, for blocks, draws and seed.
        rules: of the scores.

    Raises:
        ValueError: a truth with several values besides 0, or voxels that are no probabilities.
    """
    cells = cut(volumes["truth"].shape, config.resampling.blocks)
    counted = _count_by_cell(volumes, cells)
    found = {name: _score(total(cells), rules) for name, cells in counted.items()}
    drawn = {name: _draw(cells, rules, config) for name, cells in counted.items()}
    return with_intervals(found, drawn), total(counted["prediction"])


def total(histograms: Sequence[Histogram]) -> Histogram:
    """The histogram of all parts together."""
    return Histogram(
        positives=sum((h.positives for h in histograms), np.zeros(LEVELS, np.int64)),
        negatives=sum((h.negatives for h in histograms), np.zeros(LEVELS, np.int64)),
    )


def greatest_8_bit(histogram: Histogram) -> int:
    """The greatest value of a prediction in 8 bits, from its histogram; 0 where it is empty."""
    occupied = np.flatnonzero(histogram.positives + histogram.negatives)
    return int(occupied.max(initial=0)) // 257


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


def at_least(probability: Shaped[np.ndarray, "..."], threshold: float) -> UInt8[np.ndarray, "..."]:
    """1 where a probability is at or above the threshold; integers stand for shares of their
    greatest value."""
    scale = np.iinfo(probability.dtype).max if probability.dtype.kind == "u" else 1
    return (probability >= threshold * scale).astype(np.uint8)


def is_zero(voxels: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """1 where a voxel is 0."""
    return (voxels == 0).astype(np.uint8)


def is_not_zero(voxels: Shaped[np.ndarray, "..."]) -> UInt8[np.ndarray, "..."]:
    """1 where a voxel is not 0."""
    return (voxels != 0).astype(np.uint8)


def _count_by_cell(volumes: Mapping[str, Volume], cells: Cells) -> dict[str, list[Histogram]]:
    """How many voxels have which probability, for each cell."""
    compared = [name for name in ("prediction", "baseline") if name in volumes]
    nothing = Histogram(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64))
    marked: set[int] = set()
    counted = {name: [nothing] * cells.count for name in compared}
    for place, layers in read_side_by_side(volumes, "counting"):
        marked |= set(_nonzero_range(layers["truth"]))
        check_one_value(marked, volumes["truth"].name)
        for number, part in cells.within(place):
            mask = layers["mask"][part] != 0 if "mask" in layers else None
            for name in compared:
                found = count_levels(layers[name][part], layers["truth"][part], mask)
                counted[name][number] = counted[name][number] + found
    return counted


def _nonzero_range(truth: Shaped[np.ndarray, "z y x"]) -> tuple[int, ...]:
    """The lowest and highest value besides 0; nothing where there is none."""
    marked = truth[truth != 0]
    return (int(marked.min()), int(marked.max())) if marked.size else ()


def _score(histogram: Histogram, rules: VoxelRules) -> tuple[Metric, ...]:
    return (
        *pixel_metrics(histogram, rules.threshold, rules.prefix),
        *calibration_metrics(histogram, rules.bins),
    )


def _draw(histograms: Sequence[Histogram], rules: VoxelRules, config: EvaluationRun) -> Bootstrap:
    """Of probabilities that occur, neighbours are drawn as one: GROUPS of about equal weight."""
    parts = np.stack([np.stack([h.positives, h.negatives]) for h in histograms])
    level, first = _groups(parts.sum(axis=(0, 1)), round(rules.threshold * (LEVELS - 1)))
    blocks = np.add.reduceat(parts, first, axis=2)[parts.any(axis=(1, 2))]

    def score_draw(counts: np.ndarray) -> dict[str, float | None]:
        every = np.zeros((2, LEVELS), np.int64)
        every[:, level] = counts
        return {metric.key: metric.value for metric in _score(Histogram(*every), rules)}

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
