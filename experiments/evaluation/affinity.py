"""Scores affinities by the boundaries that they show: 1 - affinity, channel by channel."""

import dataclasses
from collections.abc import Mapping
from typing import cast

import numpy as np
from jaxtyping import Shaped

from configs.schema import AffinityTask, EvaluationRun
from data.mapped import map_voxels
from data.opening import open_volume
from data.volume import Volume, check_same_grid
from experiments.evaluation.curves import curve_parts, curve_rows
from experiments.evaluation.inputs import check_no_baseline, check_resampling
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.voxels import THRESHOLD, VoxelRules, is_zero, score_voxels
from experiments.report.page import section
from ops.metrics.metric import Metric


def score(config: EvaluationRun) -> Outcome:
    """Precision, recall, curves and calibration of the boundaries of each channel."""
    task = cast(AffinityTask, config.task)
    check_no_baseline(config)
    volumes = _open(config)
    names, thresholds = _check_channels(task, _channels(volumes["truth"]))
    outcomes = [
        _score_channel({key: _channel(v, c) for key, v in volumes.items()}, config, name, threshold)
        for c, (name, threshold) in enumerate(zip(names, thresholds, strict=True))
    ]
    metrics = [metric for outcome in outcomes for metric in outcome.metrics]
    return Outcome(
        tuple(sorted(metrics, key=lambda metric: not metric.name.endswith("_f1"))),
        {name: rows for outcome in outcomes for name, rows in outcome.tables.items()},
        tuple(part for outcome in outcomes for part in outcome.parts),
    )


def _score_channel(
    volumes: Mapping[str, Volume], config: EvaluationRun, name: str, threshold: float
) -> Outcome:
    task = cast(AffinityTask, config.task)
    boundaries = {
        "truth": map_voxels(volumes["truth"], is_zero, np.uint8),
        "prediction": map_voxels(volumes["prediction"], _other, volumes["prediction"].dtype.type),
        **{key: volume for key, volume in volumes.items() if key == "mask"},
    }
    rules = VoxelRules(f"boundary_{name}_", threshold, task.calibration_bins)
    metrics, whole = score_voxels(boundaries, config, rules)
    tables = {f"{key}_{name}": t for key, t in curve_rows(whole, task.calibration_bins).items()}
    parts = section(f"Boundaries of channel {name}"), *curve_parts(whole, task.calibration_bins)
    return Outcome(tuple(_prefixed(metric, rules.prefix) for metric in metrics), tables, parts)


def _prefixed(metric: Metric, prefix: str) -> Metric:
    """Names of calibration, too, tell the channels apart."""
    named = metric.name if metric.name.startswith(prefix) else prefix + metric.name
    return dataclasses.replace(metric, name=named)


def _other(probability: Shaped[np.ndarray, "..."]) -> Shaped[np.ndarray, "..."]:
    """1 - p."""
    whole = np.iinfo(probability.dtype).max if probability.dtype.kind == "u" else 1
    return np.asarray(whole - probability, probability.dtype)


def _open(config: EvaluationRun) -> dict[str, Volume]:
    check_resampling(config)
    volumes = {
        name: open_volume(str(path), voxel_size_nm=config.voxel_size_nm)
        for name in ("truth", "prediction", "mask")
        if (path := getattr(config, name)) is not None
    }
    truth = volumes["truth"]
    for volume in volumes.values():
        check_same_grid(truth, volume)
        if _channels(volume) != _channels(truth):
            raise ValueError(
                f"{volume.name}: got {_channels(volume)} channels; needs {_channels(truth)}, as "
                f"{truth.name} has"
            )
    return volumes


def _channels(volume: Volume) -> int:
    return volume.shape[3] if len(volume.shape) == 4 else 1


def _channel(volume: Volume, channel: int) -> Volume:
    if len(volume.shape) == 3:
        return volume
    return dataclasses.replace(volume, store=volume.store[..., channel])


def _check_channels(task: AffinityTask, count: int) -> tuple[list[str], list[float]]:
    """Names and thresholds of the channels."""
    names = task.channels or [str(channel) for channel in range(count)]
    thresholds = task.thresholds or [THRESHOLD] * count
    if len(names) != count or len(thresholds) != count or len(set(names)) < count:
        raise ValueError(
            f"got task.channels={task.channels}, task.thresholds={task.thresholds} for {count} "
            "channels; needs one of each for every channel, no name twice"
        )
    return names, thresholds
