"""Which synapses were found, with intervals over objects."""

import dataclasses

import numpy as np
from jaxtyping import Float64, Integer

from ops.metrics.bootstrap import bootstrap_sums
from ops.metrics.contingency import count_pairs
from ops.metrics.matches import COUNTS, Matches, with_wilson_intervals
from ops.metrics.metric import Metric
from ops.metrics.synapse_objects import (
    one_to_one_from_table,
    synapse_object_metrics,
    vesicle_rule_from_table,
)

Labels = Integer[np.ndarray, "z y x"]


def f1_of(truth: Labels, found: Labels) -> tuple[float, float]:
    """F1 by the rule of VESICLE and one to one, by which constants are chosen.

    Args:
        truth: of `truth_components`.
        found: labels.
    """
    table = count_pairs(truth, found)
    return vesicle_rule_from_table(table).f1, one_to_one_from_table(table).f1


def scores_of(truth: Labels, found: Labels, draws: int, seed: int) -> tuple[Metric, ...]:
    """Precision, recall and F1 under both rules, with 95 % intervals.

    The objects found, missed and claimed falsely are drawn again with replacement. Where that
    gives no interval, or one without width, as no draw differs, it is Wilson's.
    """
    metrics = synapse_object_metrics(count_pairs(truth, found))
    return tuple(_with_interval(metric, draws, seed) for metric in metrics)


def _with_interval(metric: Metric, draws: int, seed: int) -> Metric:
    if metric.value is None:
        return metric
    outcomes = _outcomes(metric)

    def score(sums: Float64[np.ndarray, " 3"] | Integer[np.ndarray, " 3"]):
        counts = Matches(*(int(count) for count in sums))
        return {metric.key: getattr(counts, metric.name.rsplit("_", 1)[-1])}

    drawn = bootstrap_sums(outcomes, score, "objects", draws, seed)
    (found,) = drawn.attach([metric])
    if found.interval is not None and found.interval.low < found.interval.high:
        return found
    (found,) = with_wilson_intervals([dataclasses.replace(metric, interval=None)])
    return found


def _outcomes(metric: Metric) -> Integer[np.ndarray, "objects 3"]:
    """One row for each object: found, claimed falsely, or missed."""
    fields = [field.name for field in dataclasses.fields(Matches)]
    assert set(fields) == COUNTS
    return np.repeat(np.eye(3, dtype=np.int64), [metric.counts[name] for name in fields], axis=0)
