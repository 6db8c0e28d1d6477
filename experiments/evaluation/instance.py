"""Scores separate objects, such as vesicles or mitochondria: by overlap, and by their centres."""

import functools
from collections.abc import Mapping
from typing import cast

import numpy as np
from jaxtyping import Integer, Shaped
from scipy import ndimage

from configs.schema import EvaluationRun, InstanceTask
from data.mapped import map_voxels
from data.side_by_side import read_side_by_side
from data.volume import Volume, from_array
from experiments.evaluation.curves import curve_parts, curve_rows
from experiments.evaluation.inputs import (
    as_labels,
    check_no_baseline,
    open_inputs,
    open_labels,
)
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.section_errors import section_errors
from experiments.evaluation.voxels import (
    VoxelRules,
    at_least,
    check_no_mask_as_probability,
    greatest_8_bit,
    is_not_zero,
    score_voxels,
)
from ops.metrics.contingency import Contingency, count_pairs, merge
from ops.metrics.instances import instance_metrics
from ops.metrics.matches import with_wilson_intervals
from ops.metrics.metric import Metric
from ops.metrics.points import CentreSums, centre_sums, merge_centres, point_metrics


def score(config: EvaluationRun) -> Outcome:
    """F1 and segmentation accuracy at every overlap asked for, and F1 of the objects' centres; of
    probabilities voxel by voxel, too."""
    task = cast(InstanceTask, config.task)
    check_no_baseline(config)
    if task.threshold is not None:
        return _score_probability(config, task, task.threshold)
    volumes = open_labels(config, "truth", "prediction", "mask")
    return Outcome(_object_metrics(volumes, task))


def _score_probability(config: EvaluationRun, task: InstanceTask, threshold: float) -> Outcome:
    """Objects are components of what reaches the threshold. Labels of the volume are in memory."""
    volumes = open_inputs(config, "truth", "prediction", "mask", "image")
    image = {"image": volumes.pop("image")} if "image" in volumes else {}
    truth = as_labels(volumes["truth"])
    masks = volumes | {"truth": map_voxels(truth, is_not_zero, np.uint8)}
    rules = VoxelRules("voxel_", threshold)
    voxels, whole = score_voxels(masks, config, rules)
    if config.checkpoint is None:
        check_no_mask_as_probability(volumes["prediction"], greatest_8_bit(whole))
    claimed = map_voxels(
        volumes["prediction"], functools.partial(at_least, threshold=threshold), np.uint8
    )
    labels = volumes | {"truth": _apart(truth), "prediction": _apart(claimed)}
    parts = curve_parts(whole, rules.bins) + section_errors(masks | image, claimed)
    tables = curve_rows(whole, rules.bins)
    return Outcome(_object_metrics(labels, task) + voxels, tables, parts)


def _apart(volume: Volume) -> Volume:
    """Ids as they are; a mask as ids of its components, whose voxels meet face to face."""
    labels = volume.read()
    if len(np.unique(labels[labels != 0])) <= 1:
        labels = _components(labels)
    return from_array(labels, volume.voxel_size_nm, volume.offset, volume.name)


def _components(mask: Shaped[np.ndarray, "z y x"]) -> Integer[np.ndarray, "z y x"]:
    return ndimage.label(mask)[0].astype(np.uint32)


def _object_metrics(volumes: Mapping[str, Volume], task: InstanceTask) -> tuple[Metric, ...]:
    table, sums = count_objects(volumes)
    size = volumes["truth"].voxel_size_nm
    centres = [sums[name].positions_nm(size) for name in ("truth", "prediction")]
    metrics = (
        *instance_metrics(table, tuple(task.ious)),
        *point_metrics(centres[0], centres[1], task.distance_nm),
    )
    return with_wilson_intervals(metrics)


def count_objects(
    volumes: Mapping[str, Volume],
) -> tuple[Contingency, dict[str, CentreSums]]:
    """The table of both label volumes, and what the centres of their objects are made of."""
    tables: list[Contingency] = []
    sums: dict[str, list[CentreSums]] = {"truth": [], "prediction": []}
    for place, layers in read_side_by_side(volumes, "counting"):
        scored = layers["mask"] != 0 if "mask" in layers else None
        tables.append(count_pairs(layers["truth"], layers["prediction"], scored))
        for name, parts in sums.items():
            inside = layers[name] if scored is None else np.where(scored, layers[name], 0)
            parts.append(centre_sums(inside, [s.start for s in place]))
    return merge(tables), {name: merge_centres(parts) for name, parts in sums.items()}
