"""Scores synaptic clefts: by distances, as CREMI does, and by objects, as VESICLE does."""

import dataclasses
from collections.abc import Mapping
from typing import cast

import numpy as np
from jaxtyping import Bool, Shaped, UInt64
from scipy import ndimage

from configs.schema import CleftTask, EvaluationRun
from data.cremi import INVALID_ID, clear_reserved
from data.side_by_side import read_side_by_side
from data.volume import Volume
from experiments.evaluation.inputs import check_no_baseline, open_inputs
from experiments.evaluation.membrane import check_no_mask_as_probability
from experiments.evaluation.outcome import Outcome
from ops.metrics.clefts import cleft_metrics, score_clefts
from ops.metrics.contingency import Contingency, count_pairs, merge
from ops.metrics.matches import Matches, match_metrics, with_wilson_intervals
from ops.metrics.metric import Metric
from ops.metrics.pixels import check_probability
from ops.metrics.synapse_objects import CONNECTED_18, synapse_object_metrics, truth_components

VESICLE = "vesicle2015"


@dataclasses.dataclass(frozen=True)
class Clefts:
    """Both volumes as masks, and their ids where they have some.

    Attributes:
        truth: whether a voxel is cleft.
        prediction: likewise.
        ids: voxels of each pair of labels.
    """

    truth: Bool[np.ndarray, "z y x"]
    prediction: Bool[np.ndarray, "z y x"]
    ids: Contingency


def score(config: EvaluationRun) -> Outcome:
    """Cleft distances, synapses found, and voxels found. Masks of the volume are in memory."""
    task = cast(CleftTask, config.task)
    check_no_baseline(config)
    volumes = open_inputs(config, "truth", "prediction", "mask")
    clefts = read_clefts(volumes, task.threshold)
    size = volumes["truth"].voxel_size_nm
    distances = score_clefts(clefts.truth, clefts.prediction, size, task.distance_nm)
    objects = _object_metrics(clefts, task.min_overlap)
    voxels = match_metrics(_voxel_matches(clefts), "pixel", "cleft_voxel_")
    return Outcome((*cleft_metrics(distances), *with_wilson_intervals(objects), *voxels))


def read_clefts(volumes: Mapping[str, Volume], threshold: float | None) -> Clefts:
    """Where truth and prediction are cleft; nowhere outside the mask, or where CREMI's truth is
    invalid."""
    _check_kinds(volumes, threshold)
    shape = volumes["truth"].shape
    truth, prediction = np.zeros(shape, bool), np.zeros(shape, bool)
    ids: list[Contingency] = []
    greatest = 0
    for place, layers in read_side_by_side(volumes, "reading"):
        scored = layers["mask"] != 0 if "mask" in layers else np.ones(layers["truth"].shape, bool)
        if layers["truth"].dtype == np.uint64:
            scored &= layers["truth"] != INVALID_ID
        true, found = _labels(layers["truth"], None), _labels(layers["prediction"], threshold)
        truth[place], prediction[place] = (true != 0) & scored, (found != 0) & scored
        ids.append(count_pairs(true, found, scored))
        greatest = max(greatest, int(layers["prediction"].max(initial=0)))
    if threshold is not None:
        check_no_mask_as_probability(volumes["prediction"], greatest)
    return Clefts(truth, prediction, merge(ids))


def _labels(
    voxels: Shaped[np.ndarray, "z y x"], threshold: float | None
) -> Shaped[np.ndarray, "z y x"]:
    """Ids as they are, CREMI's reserved ones as 0; probabilities as 0 and 1."""
    if threshold is None:
        return clear_reserved(voxels) if voxels.dtype == np.uint64 else voxels
    check_probability(voxels, "prediction")
    scale = np.iinfo(voxels.dtype).max if voxels.dtype.kind == "u" else 1
    return (voxels >= threshold * scale).astype(np.uint8)


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
    if threshold is not None and not 0 < threshold <= 1:
        raise ValueError(f"got task.threshold={threshold}; needs a probability in (0, 1]")


def _object_metrics(clefts: Clefts, min_overlap: int) -> tuple[Metric, ...]:
    """By the rule of VESICLE on connected components; one to one on ids where there are any."""
    detections, _ = ndimage.label(clefts.prediction, CONNECTED_18)
    table = count_pairs(truth_components(clefts.truth), detections)
    vesicle = [m for m in synapse_object_metrics(table, min_overlap) if m.convention == VESICLE]
    have_ids = _several(clefts.ids.truth) and _several(clefts.ids.prediction)
    own = clefts.ids if have_ids else table
    single = [m for m in synapse_object_metrics(own, min_overlap) if m.convention != VESICLE]
    components = {"objects": "18-connected components, none filtered by size"}
    ids = {"objects": "ids"} if have_ids else components
    return tuple(
        dataclasses.replace(metric, settings={**metric.settings, **objects})
        for found, objects in ((vesicle, components), (single, ids))
        for metric in found
    )


def _several(labels: UInt64[np.ndarray, " pairs"]) -> bool:
    return len(np.unique(labels[labels != 0])) > 1


def _voxel_matches(clefts: Clefts) -> Matches:
    truth, prediction = clefts.truth, clefts.prediction
    return Matches(
        true_positives=int(np.count_nonzero(truth & prediction)),
        false_positives=int(np.count_nonzero(prediction & ~truth)),
        false_negatives=int(np.count_nonzero(truth & ~prediction)),
    )
