"""Scores probabilities of membrane: voxel by voxel, and by the regions that they enclose."""

import functools
import logging
from typing import cast

import numpy as np

from configs.schema import EvaluationRun, MembraneTask
from data.checks import are_labels
from data.mapped import map_voxels
from data.volume import Volume
from experiments.evaluation.curves import curve_parts, curve_rows
from experiments.evaluation.inputs import open_inputs
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.section_errors import section_errors
from experiments.evaluation.sections import score_membranes
from experiments.evaluation.voxels import (
    THRESHOLD,
    VoxelRules,
    at_least,
    check_no_mask_as_probability,
    greatest_8_bit,
    is_zero,
    score_voxels,
)

log = logging.getLogger(__name__)


def score(config: EvaluationRun) -> Outcome:
    """Precision, recall, curves and calibration of voxels; V_Rand and V_Info of sections."""
    task = cast(MembraneTask, config.task)
    volumes = open_inputs(config, "truth", "prediction", "baseline", "mask", "image")
    image = {"image": volumes.pop("image")} if "image" in volumes else {}
    check_mask_volume(volumes["truth"])
    if task.invert_truth:
        volumes["truth"] = map_voxels(volumes["truth"], is_zero, np.uint8)
    threshold = THRESHOLD if task.threshold is None else task.threshold
    rules = VoxelRules("membrane_", threshold, task.calibration_bins)
    metrics, whole = score_voxels(volumes, config, rules)
    parts: tuple[str, ...] = ()
    tables = curve_rows(whole, task.calibration_bins)
    if task.sections:
        found, curve, parts = score_membranes(volumes, config)
        tables |= curve
        metrics = found + metrics
    if config.checkpoint is None:
        check_no_mask_as_probability(volumes["prediction"], greatest_8_bit(whole))
    if 2 * whole.positive_voxels > whole.voxels:
        log.warning(
            "membrane is %.0f %% of the truth: is it inverted? task.invert_truth tells whether 0 "
            "is the membrane, as in the files of ISBI 2012",
            100 * whole.positive_voxels / whole.voxels,
        )
    claimed = map_voxels(
        volumes["prediction"], functools.partial(at_least, threshold=threshold), np.uint8
    )
    parts += curve_parts(whole, task.calibration_bins)
    return Outcome(metrics, tables, parts + section_errors(volumes | image, claimed))


def check_mask_volume(volume: Volume) -> None:
    """Raises ValueError where the truth looks like ids, or is no integer."""
    if volume.dtype.kind not in "ui" or are_labels(volume.dtype):
        raise ValueError(
            f"{volume.name}: got a truth of dtype {volume.dtype}; needs a mask of small integers, "
            "0 = no membrane, another value = membrane: make it from ids with "
            "data.targets.membrane_target"
        )
