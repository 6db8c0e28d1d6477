"""Scores a MergeNet: on merges made by program, or on the real ones of a segmentation."""

import dataclasses
import logging
import time
from collections.abc import Mapping
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Bool, Float64

from configs.schema import EvaluationRun, MergeErrorsTask
from configs.training import MergeNetConfig
from data.merging.shapes import Shapes, read_shapes
from data.opening import open_volume
from data.volume import Volume, check_same_grid
from experiments.evaluation.checkpoint import at_split
from experiments.evaluation.curves import curve_parts, curve_rows
from experiments.evaluation.inputs import check_no_baseline, check_no_mask, check_resampling
from experiments.evaluation.merge_baselines import crossings, thickest_of, window_baselines
from experiments.evaluation.merge_heat import HeatMap, heat_map, places_nm
from experiments.evaluation.outcome import Outcome, Rows
from experiments.evaluation.real_merges import Contacts, true_merges
from experiments.source import open_source
from experiments.training.merge_data import load_merge_data
from experiments.training.merge_validation import all_windows, localisation
from models.merge_scan import probabilities
from models.merge_weights import KIND, load_mergenet
from models.mergenet import MergeNet
from models.pretrained_weights import find_weights
from ops.metrics.calibration import brier_score, expected_calibration_error
from ops.metrics.metric import Metric
from ops.metrics.pixels import Histogram, count_levels
from ops.metrics.ranking import median_metric, ranking_metrics
from ops.shape_windows import inner

TASK = "merge_errors"
BINS = 15  # of the calibration error
NETWORK = "mergenet"  # how it is called beside the baselines
LABEL_BYTES = 4  # by which the speed of scanning is told

log = logging.getLogger(__name__)


def score(config: EvaluationRun) -> Outcome:
    """Values of the network and of the baselines, and a table of objects where merges are real.

    With `task.layer` (or a prediction and its truth) the objects are those of an automatic
    segmentation; without, merges are made of the true neurites, or of digits.

    Raises:
        ValueError, FileNotFoundError: no weights, data or layers, or such that do not fit.
    """
    task = cast(MergeErrorsTask, config.task)
    check_no_baseline(config)
    check_no_mask(config)
    check_resampling(config)
    if config.checkpoint is None:
        raise ValueError(
            f"got task={TASK} without a checkpoint; needs checkpoint=NAME: a run directory of "
            "`experiments.train model=mergenet`, a file of weights, or the name of shipped ones"
        )
    network = load_mergenet(_weights_of(config.checkpoint))
    if config.prediction is None and task.layer is None:
        return _score_made(config, task, network)
    found, truth, name = _volumes(config, task)
    check_same_grid(truth, found)
    return dataclasses.replace(_score_real(config, task, network, found, truth), notes=(name,))


def _weights_of(name: str) -> Path:
    """The file that is meant; of shipped weights by a name alone, the MergeNet."""
    whole = "/" in name or Path(name).exists()
    return find_weights(name if whole else f"{name}/{KIND}")


def _volumes(config: EvaluationRun, task: MergeErrorsTask) -> tuple[Volume, Volume, str]:
    """The segmentation, the truth, and what to say of them."""
    if config.prediction is not None:
        if config.truth is None:
            raise ValueError("got no truth; needs prediction=PATH truth=PATH, or data=NAME")
        size = config.voxel_size_nm
        found, truth = (
            open_volume(p, voxel_size_nm=size) for p in (config.prediction, config.truth)
        )
        return found, truth, f"Objects of {config.prediction}, true by {config.truth}."
    data = at_split(_data_of(config), config.split)
    layers = open_source(data, config.seed).volumes[0]
    for layer in (task.layer, task.truth_layer):
        if layer not in layers:
            raise ValueError(f"{data.name}: got layer {layer}; needs one of {', '.join(layers)}")
    words = f"Objects of {task.layer}, true by {task.truth_layer}, of {data.name}, {config.split}."
    return layers[str(task.layer)], layers[task.truth_layer], words


def _data_of(config: EvaluationRun):
    if config.data is None:
        raise ValueError(
            f"got task={TASK} without data; needs data=NAME, or prediction=PATH truth=PATH"
        )
    return config.data


def _score_made(config: EvaluationRun, task: MergeErrorsTask, network: MergeNet) -> Outcome:
    """On merges made by program and single objects matched with them."""
    data, a = at_split(_data_of(config), config.split), network.architecture
    model = MergeNetConfig(
        layer=task.truth_layer,
        window=list(a.window),
        voxel_nm=a.voxel_nm,
        least_voxels=a.least_voxels,
    )
    loaded = load_merge_data(data, model, task.pairs, config.seed)
    windows, merged = all_windows(loaded)
    scores = {NETWORK: probabilities(network, windows, mirrored=True).astype(np.float64)}
    scores |= window_baselines(windows, loaded.features, a.voxel_nm)
    histogram = count_levels(scores[NETWORK], merged)
    metrics = _rankings(scores, merged, "windows", config) + _calibration(histogram)
    if loaded.volumes:
        away = localisation(network, loaded)
        metrics += (_distance(away, "merged_objects", config),)
    words = f"Merges made of {task.truth_layer} of {data.name}, {config.split}, matched one to one."
    tables, parts = curve_rows(histogram, BINS, "windows"), curve_parts(histogram, BINS, "windows")
    return Outcome(metrics, tables, parts, notes=(words, NO_IMAGE))


NO_IMAGE = "Affinities at boundaries are no baseline here, as no image is looked at."


def _score_real(
    config: EvaluationRun,
    task: MergeErrorsTask,
    network: MergeNet,
    prediction: Volume,
    neurites: Volume,
) -> Outcome:
    """On the objects of an automatic segmentation, by the maximum of each one's heat map."""
    voxel_nm = network.architecture.voxel_nm
    start = time.process_time()
    found = read_shapes(prediction, voxel_nm)
    heat = heat_map(network, found, task.spacing_nm, network.architecture.least_voxels)
    _tell_speed(prediction, time.process_time() - start)
    least = max(1, round(task.least_nm3 / voxel_nm**3))
    contacts = true_merges(found, read_shapes(neurites, voxel_nm), least)
    best = heat.likeliest()
    ids = heat.objects[best].astype(np.int64)
    merged = np.isin(ids, list(contacts))
    scores = {NETWORK: heat.probability[best].astype(np.float64), **_baselines(found, ids)}
    away = _distances(found, heat, best, contacts)
    histogram = count_levels(scores[NETWORK], merged)
    metrics = _rankings(scores, merged, "objects", config) + _calibration(histogram)
    metrics += (_distance(away[np.isfinite(away)], "merged_objects", config),)
    corner = np.array(prediction.offset) * np.array(prediction.voxel_size_nm)
    rows = _rows(found, heat, best, merged, away, corner)
    tables, parts = curve_rows(histogram, BINS, "objects"), curve_parts(histogram, BINS, "objects")
    return Outcome(metrics, {"merge_errors": rows, **tables}, parts)


def _baselines(shapes: Shapes, ids) -> Mapping[str, Float64[np.ndarray, " n"]]:
    """Scores of whole objects by rules of thumb."""
    thickest = thickest_of(shapes.labels, inner(shapes.labels), ids)
    return {
        "object_size": shapes.sizes[ids].astype(np.float64),
        "thickness": thickest,
        "skeleton": crossings(shapes.labels, ids.tolist(), shapes.voxel_nm),
    }


def _rankings(scores, merged: Bool[np.ndarray, " n"], unit: str, config) -> tuple[Metric, ...]:
    draws, seed = config.resampling.draws, config.seed
    return tuple(
        metric
        for method, values in scores.items()
        for metric in ranking_metrics(values, merged, method, unit, draws, seed)
    )


def _calibration(histogram: Histogram) -> tuple[Metric, ...]:
    values = {
        "calibration_error": expected_calibration_error(histogram, BINS),
        "brier_score": brier_score(histogram),
    }
    return tuple(Metric(n, v, NETWORK, better="lower") for n, v in values.items())


def _distance(away, unit: str, config: EvaluationRun) -> Metric:
    draws, seed = config.resampling.draws, config.seed
    return median_metric(np.asarray(away), "localisation", NETWORK, unit, draws, seed)


def _distances(
    shapes: Shapes, heat: HeatMap, best, contacts: Contacts
) -> Float64[np.ndarray, " n"]:
    """From the likeliest place of each object to its nearest true contact, nm; inf without one."""
    away = np.full(len(best), np.inf)
    for row, place in enumerate(best):
        voxels = contacts.get(int(heat.objects[place]))
        if voxels is not None:
            steps = np.linalg.norm(voxels - heat.centres[place], axis=1)
            away[row] = steps.min() * shapes.voxel_nm
    return away


def _rows(shapes: Shapes, heat: HeatMap, best, merged, away, corner) -> Rows:
    """Objects as a proofreader takes them up: the likeliest errors first."""
    places = places_nm(shapes, heat.centres[best], corner)
    order = np.argsort(-heat.probability[best], kind="stable")
    return [
        {
            "object": int(shapes.ids[heat.objects[best[row]]]),
            "probability": float(heat.probability[best[row]]),
            **dict(zip(("z_nm", "y_nm", "x_nm"), places[row].tolist(), strict=True)),
            "voxels": int(shapes.sizes[heat.objects[best[row]]]),
            "merged": bool(merged[row]),
            "distance_nm": float(away[row]) if np.isfinite(away[row]) else None,
        }
        for row in order.tolist()
    ]


def _tell_speed(volume: Volume, seconds: float) -> None:
    megabytes = np.prod(volume.shape) * LABEL_BYTES / 1e6
    log.info(
        "scanned %.0f MB of labels (%d bytes a voxel) in %.1f s of a core: %.1f MB/s",
        *(megabytes, LABEL_BYTES, seconds, megabytes / seconds),
    )
