"""Scores a directed graph of neurons, given as tables of synapses."""

import logging
from typing import cast

from configs.schema import ConnectomeTask, EvaluationRun
from data.opening import open_volume
from data.side_by_side import read_side_by_side
from experiments.evaluation.inputs import (
    as_labels,
    check_no_baseline,
    check_no_mask,
    check_same_place,
    paths_of,
)
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.synapse_tables import read_ids
from ops.metrics.connectome import (
    HUNGARIAN_OVERLAP,
    Edges,
    connectome_metrics,
    count_edges,
    in_truth_ids,
    match_neurons,
)
from ops.metrics.contingency import Contingency, count_pairs, merge
from ops.metrics.matches import with_wilson_intervals

log = logging.getLogger(__name__)


def score(config: EvaluationRun) -> Outcome:
    """Edges found, weights and polarity; neurons correspond by overlap, or by equal ids."""
    task = cast(ConnectomeTask, config.task)
    check_no_baseline(config)
    check_no_mask(config)
    prediction, truth = (_read(path) for path in paths_of(config))
    correspondence = "equal ids"
    if task.prediction_segmentation or task.truth_segmentation:
        match = match_neurons(_overlap(task, config))
        prediction = in_truth_ids(prediction, match, truth)
        correspondence = HUNGARIAN_OVERLAP
    metrics = connectome_metrics(truth, prediction, correspondence, tuple(task.min_synapses))
    return Outcome(with_wilson_intervals(metrics))


def _read(path: str) -> Edges:
    ids = read_ids(path, ("pre", "post"))
    if len(ids) and not ids.all():
        log.warning("%s: synapses with an id of 0 are left out", path)
    return count_edges(ids[:, 0], ids[:, 1])


def _overlap(task: ConnectomeTask, config: EvaluationRun) -> Contingency:
    """Voxels that both segmentations share."""
    paths = {"truth": task.truth_segmentation, "prediction": task.prediction_segmentation}
    if None in paths.values():
        raise ValueError(
            f"got task.truth_segmentation={paths['truth']} and "
            f"task.prediction_segmentation={paths['prediction']}; needs both, or neither where "
            "equal ids are the same neuron"
        )
    volumes = {
        name: as_labels(open_volume(str(path), voxel_size_nm=config.voxel_size_nm))
        for name, path in paths.items()
    }
    check_same_place(volumes["truth"], volumes["prediction"])
    return merge(
        count_pairs(layers["truth"], layers["prediction"])
        for _, layers in read_side_by_side(volumes, "counting")
    )
