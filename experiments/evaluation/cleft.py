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
from data.volume import Volume, from_array
from experiments.evaluation.curves import curve_parts, curve_rows
from experiments.evaluation.inputs import check_no_baseline, open_inputs
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.section_errors import section_errors
from experiments.evaluation.voxels import (
    BINS,
    at_least,
    check_no_mask_as_probability,
    greatest_8_bit,
    total,
)
from ops.metrics.clefts import cleft_metrics, score_clefts
from ops.metrics.contingency import Contingency, count_pairs, merge
from ops.metrics.matches import Matches, match_metrics, with_wilson_intervals
from ops.metrics.metric import Metric
from ops.metrics.pixels import Histogram, check_probability, count_levels, pixel_metrics
from ops.metrics.synapse_objects import CONNECTED_18, synapse_object_metrics, truth_components

VESICLE = "vesicle2015"
NO_FILTER = "none filtered by size"


@dataclasses.dataclass(frozen=True)
class Clefts:
    """Both volumes as masks, and their ids where they have some.

    Attributes:
        truth: whether a voxel is cleft.
        prediction: likewise.
        ids: voxels of each pair of labels.
        probabilities: of the prediction, at voxels of the truth and at others; None where it is a
            mask or ids.
    """

    truth: Bool[np.ndarray, "z y x"]
    prediction: Bool[np.ndarray, "z y x"]
    ids: Contingency
    probabilities: Histogram | None


def score(config: EvaluationRun) -> Outcome:
    """Cleft distances, synapses found, and voxels found. Masks of the volume are in memory."""
    task = cast(CleftTask, config.task)
    check_no_baseline(config)
    volumes = open_inputs(config, "truth", "prediction", "mask", "image")
    image = {"image": volumes.pop("image")} if "image" in volumes else {}
    clefts = read_clefts(volumes, task.threshold, task.least_voxels or 0)
    if clefts.probabilities is not None and config.checkpoint is None:
        greatest = greatest_8_bit(clefts.probabilities)
        check_no_mask_as_probability(volumes["prediction"], greatest)
    size = volumes["truth"].voxel_size_nm
    distances = score_clefts(clefts.truth, clefts.prediction, size, task.distance_nm)
    objects = _object_metrics(clefts, task.min_overlap, task.least_voxels or 0)
    metrics = (
        *cleft_metrics(distances),
        *with_wilson_intervals(objects),
        *_voxel_metrics(clefts, task.threshold),
    )
    tables = curve_rows(clefts.probabilities, BINS) if clefts.probabilities else {}
    return Outcome(metrics, tables, _parts(clefts, volumes, image))


def read_clefts(
    volumes: Mapping[str, Volume], threshold: float | None, least_voxels: int = 0
) -> Clefts:
    """Where truth and prediction are cleft; nowhere outside the mask, or where CREMI's truth is
    invalid.

    Args:
        volumes: "truth" and "prediction", and "mask" where there is one.
        threshold: of the prediction, if it is probabilities.
        least_voxels: of an 18-connected component of what reaches the threshold.
    """
    _check_kinds(volumes, threshold, least_voxels)
    shape = volumes["truth"].shape
    truth, prediction = np.zeros(shape, bool), np.zeros(shape, bool)
    ids: list[Contingency] = []
    levels: list[Histogram] = []
    for place, layers in read_side_by_side(volumes, "reading"):
        scored = layers["mask"] != 0 if "mask" in layers else np.ones(layers["truth"].shape, bool)
        if layers["truth"].dtype == np.uint64:
            scored &= layers["truth"] != INVALID_ID
        true, found = _labels(layers["truth"], None), _labels(layers["prediction"], threshold)
        truth[place], prediction[place] = (true != 0) & scored, (found != 0) & scored
        ids.append(count_pairs(true, found, scored))
        if threshold is not None:
            levels.append(count_levels(layers["prediction"], true, scored))
    if least_voxels:
        prediction = _large(prediction, least_voxels)
    return Clefts(truth, prediction, merge(ids), total(levels) if levels else None)


def _large(mask: Bool[np.ndarray, "z y x"], least_voxels: int) -> Bool[np.ndarray, "z y x"]:
    labels, _ = ndimage.label(mask, CONNECTED_18)
    kept = np.bincount(labels.ravel()) >= least_voxels
    kept[0] = False
    return kept[labels]


def _labels(
    voxels: Shaped[np.ndarray, "z y x"], threshold: float | None
) -> Shaped[np.ndarray, "z y x"]:
    """Ids as they are, CREMI's reserved ones as 0; probabilities as 0 and 1."""
    if threshold is None:
        return clear_reserved(voxels) if voxels.dtype == np.uint64 else voxels
    check_probability(voxels, "prediction")
    return at_least(voxels, threshold)


def _check_kinds(volumes: Mapping[str, Volume], threshold: float | None, least_voxels: int) -> None:
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
    if least_voxels < 0 or (least_voxels and threshold is None):
        raise ValueError(
            f"got task.least_voxels={least_voxels}, task.threshold={threshold}; needs a number "
            ">= 0, of probabilities with a threshold: leave small objects out of ids beforehand"
        )


def _parts(
    clefts: Clefts, volumes: Mapping[str, Volume], image: Mapping[str, Volume]
) -> tuple[str, ...]:
    """Curves of probabilities, and sections with their errors."""
    place = volumes["truth"].voxel_size_nm, volumes["truth"].offset
    truth, claimed = (
        from_array(mask.astype(np.uint8), *place) for mask in (clefts.truth, clefts.prediction)
    )
    shown = {name: volumes[name] for name in ("mask",) if name in volumes}
    if clefts.probabilities is None:
        return section_errors({"truth": truth, **shown, **image}, claimed)
    shown |= {"prediction": volumes["prediction"]}
    errors = section_errors({"truth": truth, **shown, **image}, claimed)
    return curve_parts(clefts.probabilities, BINS) + errors


def _object_metrics(clefts: Clefts, min_overlap: int, least_voxels: int) -> tuple[Metric, ...]:
    """By the rule of VESICLE on connected components; one to one on ids where there are any."""
    detections, _ = ndimage.label(clefts.prediction, CONNECTED_18)
    table = count_pairs(truth_components(clefts.truth), detections)
    vesicle = [m for m in synapse_object_metrics(table, min_overlap) if m.convention == VESICLE]
    have_ids = _several(clefts.ids.truth) and _several(clefts.ids.prediction)
    own = clefts.ids if have_ids else table
    single = [m for m in synapse_object_metrics(own, min_overlap) if m.convention != VESICLE]
    filtered = f"predicted ones of at least {least_voxels} voxels" if least_voxels else NO_FILTER
    components = {"objects": f"18-connected components, {filtered}"}
    ids = {"objects": "ids"} if have_ids else components
    return tuple(
        dataclasses.replace(metric, settings={**metric.settings, **objects})
        for found, objects in ((vesicle, components), (single, ids))
        for metric in found
    )


def _several(labels: UInt64[np.ndarray, " pairs"]) -> bool:
    return len(np.unique(labels[labels != 0])) > 1


def _voxel_metrics(clefts: Clefts, threshold: float | None) -> tuple[Metric, ...]:
    """What is found at the threshold, and of probabilities their scores over all thresholds."""
    found = match_metrics(_voxel_matches(clefts), "pixel", "cleft_voxel_")
    if clefts.probabilities is None or threshold is None:
        return found
    names = {metric.name for metric in found}
    over_all = pixel_metrics(clefts.probabilities, threshold, "cleft_voxel_")
    return (*found, *(metric for metric in over_all if metric.name not in names))


def _voxel_matches(clefts: Clefts) -> Matches:
    truth, prediction = clefts.truth, clefts.prediction
    return Matches(
        true_positives=int(np.count_nonzero(truth & prediction)),
        false_positives=int(np.count_nonzero(prediction & ~truth)),
        false_negatives=int(np.count_nonzero(truth & ~prediction)),
    )
