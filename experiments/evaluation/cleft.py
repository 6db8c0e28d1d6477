"""Scores synaptic clefts: by distances, as CREMI does, and by objects, as VESICLE does."""

from collections.abc import Mapping
from typing import cast

import numpy as np
from jaxtyping import Bool, Shaped
from scipy import ndimage

from configs.schema import CleftTask, EvaluationRun
from data.side_by_side import read_side_by_side
from data.volume import Volume
from experiments.evaluation.inputs import check_no_baseline, open_inputs
from experiments.evaluation.outcome import Outcome
from ops.metrics.bootstrap import attach_to_matches
from ops.metrics.clefts import cleft_metrics, score_clefts
from ops.metrics.contingency import count_pairs
from ops.metrics.matches import Matches, match_metrics
from ops.metrics.metric import Metric
from ops.metrics.synapse_objects import CONNECTED_18, synapse_object_metrics, truth_components


def score(config: EvaluationRun) -> Outcome:
    """Cleft distances, synapses found, and voxels found. Masks of the volume are in memory."""
    task = cast(CleftTask, config.task)
    check_no_baseline(config)
    volumes = open_inputs(config, "truth", "prediction", "mask")
    truth, prediction = read_masks(volumes, task.threshold)
    distances = score_clefts(truth, prediction, volumes["truth"].voxel_size_nm, task.distance_nm)
    return Outcome(
        (
            *cleft_metrics(distances),
            *_object_metrics(truth, prediction, config),
            *match_metrics(_voxel_matches(truth, prediction), "pixel", "cleft_voxel_"),
        )
    )


def read_masks(
    volumes: Mapping[str, Volume], threshold: float | None
) -> tuple[Bool[np.ndarray, "z y x"], Bool[np.ndarray, "z y x"]]:
    """Where truth and prediction are cleft; nowhere outside the mask."""
    _check_kinds(volumes, threshold)
    shape = volumes["truth"].shape
    truth, prediction = np.zeros(shape, bool), np.zeros(shape, bool)
    for place, layers in read_side_by_side(volumes, "reading"):
        scored = layers["mask"] != 0 if "mask" in layers else True
        truth[place] = (layers["truth"] != 0) & scored
        prediction[place] = _is_cleft(layers["prediction"], threshold) & scored
    return truth, prediction


def _is_cleft(
    voxels: Shaped[np.ndarray, "z y x"], threshold: float | None
) -> Bool[np.ndarray, "z y x"]:
    if threshold is None:
        return voxels != 0
    scale = np.iinfo(voxels.dtype).max if voxels.dtype.kind == "u" else 1
    return voxels >= threshold * scale


def _check_kinds(volumes: Mapping[str, Volume], threshold: float | None) -> None:
    truth, prediction = volumes["truth"], volumes["prediction"]
    if truth.dtype.kind == "f":
        raise ValueError(f"{truth.name}: got a truth of {truth.dtype}; needs a mask or ids")
    if threshold is None and prediction.dtype.kind == "f":
        raise ValueError(
            f"{prediction.name}: got {prediction.dtype}; needs task.threshold=0.5 or the like to "
            "tell from which probability on a voxel is cleft (choose it on validation data)"
        )
    if threshold is not None and prediction.dtype.name not in ("uint8", "float32", "float64"):
        raise ValueError(
            f"{prediction.name}: got {prediction.dtype} and task.threshold={threshold}; needs "
            "probabilities as uint8 (255 = 1) or floats in [0, 1]; ids need no threshold"
        )


def _object_metrics(truth, prediction, config: EvaluationRun) -> tuple[Metric, ...]:
    task = cast(CleftTask, config.task)
    detections, _ = ndimage.label(prediction, CONNECTED_18)
    table = count_pairs(truth_components(truth), detections)
    metrics = synapse_object_metrics(table, task.min_overlap)
    return attach_to_matches(metrics, config.resampling.draws, config.seed)


def _voxel_matches(truth, prediction) -> Matches:
    return Matches(
        true_positives=int(np.count_nonzero(truth & prediction)),
        false_positives=int(np.count_nonzero(prediction & ~truth)),
        false_negatives=int(np.count_nonzero(truth & ~prediction)),
    )
