"""Scores separate objects, such as vesicles or mitochondria: by overlap, and by their centres."""

from typing import cast

import numpy as np

from configs.schema import EvaluationRun, InstanceTask
from data.side_by_side import read_side_by_side
from experiments.evaluation.inputs import check_no_baseline, open_labels
from experiments.evaluation.outcome import Outcome
from ops.metrics.contingency import Contingency, count_pairs, merge
from ops.metrics.instances import instance_metrics
from ops.metrics.matches import with_wilson_intervals
from ops.metrics.points import CentreSums, centre_sums, merge_centres, point_metrics


def score(config: EvaluationRun) -> Outcome:
    """F1 and segmentation accuracy at every overlap asked for, and F1 of the objects' centres."""
    task = cast(InstanceTask, config.task)
    check_no_baseline(config)
    volumes = open_labels(config, "truth", "prediction", "mask")
    table, sums = count_objects(volumes)
    size = volumes["truth"].voxel_size_nm
    centres = [sums[name].positions_nm(size) for name in ("truth", "prediction")]
    metrics = (
        *instance_metrics(table, tuple(task.ious)),
        *point_metrics(centres[0], centres[1], task.distance_nm),
    )
    return Outcome(with_wilson_intervals(metrics))


def count_objects(volumes) -> tuple[Contingency, dict[str, CentreSums]]:
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
