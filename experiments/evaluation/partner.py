"""Scores synaptic partners by the places of both, as CREMI does."""

from typing import cast

import numpy as np
from jaxtyping import Float64, Integer

from configs.schema import EvaluationRun, PartnerTask
from data.opening import open_volume
from experiments.evaluation.inputs import check_labels_volume, check_no_baseline
from experiments.evaluation.lookup import labels_at
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.synapse_tables import read_ids, read_sites
from ops.metrics.bootstrap import attach_to_matches
from ops.metrics.partners import Partners, partner_metrics


def score(config: EvaluationRun) -> Outcome:
    """Precision, recall and F1 of partners, and how often their direction is right."""
    task = cast(PartnerTask, config.task)
    check_no_baseline(config)
    prediction, truth = (
        _read(path, task.segmentation, config) for path in (config.prediction, config.truth)
    )
    metrics = partner_metrics(prediction, truth, task.distance_nm)
    return Outcome(attach_to_matches(metrics, config.resampling.draws, config.seed))


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
    labels = open_volume(segmentation, voxel_size_nm=config.voxel_size_nm)
    check_labels_volume(labels)
    return labels_at(labels, np.concatenate([pre, post])).reshape(2, -1).T
