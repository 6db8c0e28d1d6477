"""Scores synaptic partners by the places of both, as CREMI does."""

import dataclasses
import logging
from typing import cast

import numpy as np
from jaxtyping import Float64, Integer

from configs.schema import EvaluationRun, PartnerTask
from data.opening import open_volume
from experiments.evaluation.inputs import as_labels, check_no_baseline, check_no_mask, paths_of
from experiments.evaluation.lookup import labels_at
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.synapse_tables import read_ids, read_sites
from ops.metrics.matches import with_wilson_intervals
from ops.metrics.partners import Partners, partner_metrics

log = logging.getLogger(__name__)


def score(config: EvaluationRun) -> Outcome:
    """Precision, recall and F1 of partners, and how often their direction is right."""
    task = cast(PartnerTask, config.task)
    check_no_baseline(config)
    check_no_mask(config)
    prediction, truth = (_read(path, task.segmentation, config) for path in paths_of(config))
    shared = np.isin(prediction.ids, truth.ids)
    if len(prediction) and len(truth) and not shared.any():
        log.warning(
            "no id of the prediction is one of the truth: if it has ids of its own, give "
            "task.segmentation, the labels of the truth"
        )
    ids = "columns pre and post" if task.segmentation is None else "labels of the truth there"
    metrics = with_wilson_intervals(partner_metrics(prediction, truth, task.distance_nm))
    return Outcome(
        tuple(dataclasses.replace(m, settings={**m.settings, "ids": ids}) for m in metrics)
    )


def _read(path: str, segmentation: str | None, config: EvaluationRun) -> Partners:
    pre, post = read_sites(path)
    if segmentation is None:
        return Partners(pre, post, read_ids(path, ("pre", "post")))
    return Partners(pre, post, _labels_at(segmentation, pre, post, config))


def _labels_at(
    segmentation: str,
    pre: Float64[np.ndarray, "n 3"],
    post: Float64[np.ndarray, "n 3"],
    config: EvaluationRun,
) -> Integer[np.ndarray, "n 2"]:
    """Labels of the true segmentation at both sites."""
    labels = as_labels(open_volume(segmentation, voxel_size_nm=config.voxel_size_nm))
    return labels_at(labels, np.concatenate([pre, post])).reshape(2, -1).T
