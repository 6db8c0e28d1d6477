"""Scores labels that fill space, block by block, and finds their worst errors."""

import dataclasses
import logging
import math
from collections.abc import Mapping, Sequence
from typing import cast

import numpy as np
from jaxtyping import Bool

from configs.schema import EvaluationRun, SegmentationTask
from data.blocks import Block
from data.side_by_side import Layers, read_side_by_side
from data.volume import Volume
from experiments.evaluation.cells import Cells, cut
from experiments.evaluation.inputs import open_labels
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.sections import score_labels
from experiments.evaluation.worst import describe_errors
from ops.metrics.bootstrap import Bootstrap, bootstrap_tables, with_intervals
from ops.metrics.border import border_mask
from ops.metrics.contingency import Contingency, check_labels, count_pairs, merge
from ops.metrics.instances import instance_metrics
from ops.metrics.matches import with_wilson_intervals
from ops.metrics.metric import Metric
from ops.metrics.segmentation import (
    CONVENTIONS,
    segmentation_metrics,
    values_by_convention,
)

log = logging.getLogger(__name__)
SECTIONS = "isbi2012"  # the one convention that looks at sections, not at the volume


def score(config: EvaluationRun) -> Outcome:
    """Partition scores under every convention asked for, object scores, and the worst errors."""
    task = cast(SegmentationTask, config.task)
    conventions = list(dict.fromkeys(task.conventions))
    volumes_only = [name for name in conventions if name != SECTIONS]
    for name in volumes_only:
        if name not in CONVENTIONS:
            raise ValueError(
                f"got convention {name!r}; needs some of {', '.join(CONVENTIONS)}, {SECTIONS}"
            )
    _check_ranges(task)
    volumes = open_labels(config, "truth", "prediction", "baseline", "mask", "image")
    cells = cut(volumes["truth"].shape, config.resampling.blocks)
    counted = count_by_cell(volumes, cells, task.border_nm)
    table = merge(counted["prediction"])
    objects = with_wilson_intervals(instance_metrics(table, tuple(task.ious)))
    metrics = _partition_metrics(counted, volumes_only, config) + objects
    metrics = _state_border(metrics, task.border_nm)
    if SECTIONS in conventions:
        metrics += score_labels(volumes, config)
    if "baseline" in volumes:
        log.info("compared with the baseline are VI and Rand scores, not isbi2012 nor objects")
    tables, parts = describe_errors(volumes, cells, counted["prediction"], task.worst)
    return Outcome(metrics, tables, parts)


def _check_ranges(task: SegmentationTask) -> None:
    if task.worst < 0:
        raise ValueError(f"got task.worst={task.worst}; needs a number of errors >= 0")
    if task.border_nm is not None and not 0 <= task.border_nm < math.inf:
        raise ValueError(f"got task.border_nm={task.border_nm}; needs a distance >= 0 in nm")


def count_by_cell(
    volumes: Mapping[str, Volume], cells: Cells, border_nm: float | None
) -> dict[str, list[Contingency]]:
    """Contingency tables of prediction and baseline with the truth, one for each cell."""
    read = {name: volume for name, volume in volumes.items() if name != "image"}
    compared = [name for name in ("prediction", "baseline") if name in volumes]
    tables = {name: [merge([])] * cells.count for name in compared}
    for place, layers in read_side_by_side(read, "counting"):
        scored = _scored(volumes["truth"], place, layers, border_nm)
        for number, part in cells.within(place):
            mask = None if scored is None else scored[part]
            for name in compared:
                check_labels(layers[name], volumes[name].name)
                counted = count_pairs(layers["truth"][part], layers[name][part], mask)
                tables[name][number] = merge([tables[name][number], counted])
    return tables


def _scored(
    truth: Volume, place: Block, layers: Layers, border_nm: float | None
) -> Bool[np.ndarray, "z y x"] | None:
    """Where to count; None for everywhere."""
    mask = layers["mask"] != 0 if "mask" in layers else None
    if border_nm is None:
        return mask
    inside = ~_border(truth, place, border_nm)
    return inside if mask is None else mask & inside


def _border(truth: Volume, place: Block, border_nm: float) -> Bool[np.ndarray, "z y x"]:
    """Whether a voxel is close to a border: its surroundings are read along with it."""
    halo = [0] + [math.ceil(border_nm / size) + 1 for size in truth.voxel_size_nm[1:]]
    wide = tuple(slice(max(0, p.start - h), p.stop + h) for p, h in zip(place, halo, strict=True))
    mask = border_mask(truth[wide].read(), border_nm, truth.voxel_size_nm)
    return mask[
        tuple(slice(p.start - w.start, p.stop - w.start) for p, w in zip(place, wide, strict=True))
    ]


def _partition_metrics(
    counted: Mapping[str, Sequence[Contingency]], conventions: Sequence[str], config: EvaluationRun
) -> tuple[Metric, ...]:
    """Every convention's values with their intervals, and the differences from the baseline."""
    found = {name: _all_metrics(merge(cells), conventions) for name, cells in counted.items()}
    drawn = {name: _draw(cells, conventions, config) for name, cells in counted.items()}
    return with_intervals(found, drawn)


def _all_metrics(table: Contingency, conventions: Sequence[str]) -> tuple[Metric, ...]:
    return tuple(m for name in conventions for m in segmentation_metrics(table, name))


def _draw(
    cells: Sequence[Contingency], conventions: Sequence[str], config: EvaluationRun
) -> Bootstrap:
    """All conventions in each draw; blocks that the mask leaves empty are none."""

    def score_all(table: Contingency) -> dict[str, float | None]:
        return {
            f"{convention}/{name}": value
            for convention, values in values_by_convention(table, conventions).items()
            for name, value in values.items()
        }

    blocks = [cell for cell in cells if cell.total]
    return bootstrap_tables(blocks, score_all, config.resampling.draws, config.seed)


def _state_border(metrics: Sequence[Metric], border_nm: float | None) -> tuple[Metric, ...]:
    return tuple(
        dataclasses.replace(metric, settings={**metric.settings, "border_nm": border_nm})
        for metric in metrics
    )
