"""Objects of a truth matched one to one with those of a prediction, by intersection over union.

Source: StarDist (Weigert et al., Star-convex polyhedra for 3D object detection and segmentation in
microscopy, WACV 2020; github.com/stardist/stardist, stardist/matching.py) and elf
(github.com/constantinpape/elf, elf/evaluation/matching.py), which fill a matrix of all truths by
all predictions. Here only objects that overlap are looked at, with the same optimum.
"""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, UInt64

from ops.metrics.assignment import heaviest_matching
from ops.metrics.contingency import Contingency
from ops.metrics.matches import NOTHING, Matches, match_metrics
from ops.metrics.metric import Metric

CONVENTION = "one_to_one_iou"
MEAN_THRESHOLDS = tuple(k / 20 for k in range(10, 20))  # 0.50, 0.55 ... 0.95


@dataclasses.dataclass(frozen=True)
class InstanceMatch:
    """What was found, and by what.

    Attributes:
        matches: objects matched, predicted objects left over, and true ones missed.
        pairs: ids (in the truth, in the prediction) of the objects matched, sorted.
        ious: intersection over union of each pair, at or above the threshold.
    """

    matches: Matches
    pairs: UInt64[np.ndarray, "k 2"]
    ious: Float64[np.ndarray, " k"]


@dataclasses.dataclass(frozen=True)
class _Overlaps:
    """Pairs of objects with a voxel in common, and how many objects there are in all."""

    truth: UInt64[np.ndarray, " pairs"]
    prediction: UInt64[np.ndarray, " pairs"]
    ious: Float64[np.ndarray, " pairs"]
    truths: int
    predictions: int


def match_instances(table: Contingency, iou: int | float = 0.5) -> InstanceMatch:
    """The one-to-one assignment of least cost, where a pair costs -[IoU >= t] - IoU / (2 n).

    n is the lesser number of objects, so that more pairs at or above the threshold t come first,
    and a larger sum of IoU second; only those pairs are returned. Background (0) is no object on
    either side, but an object's voxels over it count in the union.

    Args:
        table: of truth and prediction over the whole volume, background included.
        iou: the threshold t, in (0, 1]. At more than 0.5 an object has one possible partner.

    Raises:
        ValueError: a threshold out of range.
    """
    return _match(_overlaps(table), _check_threshold(iou))


def instance_metrics(
    table: Contingency, thresholds: Sequence[int | float] = (0.5, 0.75)
) -> tuple[Metric, ...]:
    """Precision, recall, F1 and segmentation accuracy at each threshold, and the mean of the last.

    Names begin with the threshold, as in "iou0.5_f1"; the convention is "one_to_one_iou". The
    segmentation accuracy is TP / (TP + FP + FN); `mean_segmentation_accuracy` is its mean over
    the thresholds 0.50, 0.55 ... 0.95 (Caicedo et al., Nature Methods 16, 2019,
    doi:10.1038/s41592-019-0612-7). elf takes them from `arange`, a rounding error higher, so that
    an IoU of exactly 0.6 fails its 0.6. Without any object all scores are 1, as `Matches` says;
    elf's are 0.

    Args:
        table: of truth and prediction over the whole volume, background included.
        thresholds: lowest IoU of a match, each in (0, 1].

    Raises:
        ValueError: a threshold out of range.
    """
    overlaps = _overlaps(table)
    limits = [_check_threshold(threshold) for threshold in thresholds]
    at_each = [metric for limit in limits for metric in _metrics_at(overlaps, limit)]
    return (*at_each, _mean_accuracy(overlaps))


def _overlaps(table: Contingency) -> _Overlaps:
    truths, truth_sizes = table.truth_sizes()
    predictions, prediction_sizes = table.prediction_sizes()
    pairs = table.where((table.truth != 0) & (table.prediction != 0))
    of_truth = truth_sizes[np.searchsorted(truths, pairs.truth)]
    of_prediction = prediction_sizes[np.searchsorted(predictions, pairs.prediction)]
    return _Overlaps(
        truth=pairs.truth,
        prediction=pairs.prediction,
        ious=pairs.counts / (of_truth + of_prediction - pairs.counts),
        truths=int(np.count_nonzero(truths)),
        predictions=int(np.count_nonzero(predictions)),
    )


def _match(overlaps: _Overlaps, threshold: float) -> InstanceMatch:
    chosen = _assign(overlaps, overlaps.ious >= threshold, threshold)
    found = int(np.count_nonzero(chosen))
    pairs = np.stack([overlaps.truth[chosen], overlaps.prediction[chosen]], axis=1)
    matches = Matches(found, overlaps.predictions - found, overlaps.truths - found)
    return InstanceMatch(matches, pairs, overlaps.ious[chosen])


def _assign(overlaps: _Overlaps, hits, threshold: float) -> Bool[np.ndarray, " pairs"]:
    """Which pairs at or above the threshold the assignment of least cost holds.

    Pairs without overlap cost nothing, and no pair costs more: an assignment of all objects is a
    matching of those that overlap, filled up with such pairs, and the least cost is minus the
    greatest weight of a matching.
    """
    chosen = _certain(overlaps, threshold)
    taken = np.isin(overlaps.truth, overlaps.truth[chosen])
    taken |= np.isin(overlaps.prediction, overlaps.prediction[chosen])
    rest = np.flatnonzero(~taken)
    if hits[rest].any():
        fewer = min(overlaps.truths, overlaps.predictions)
        weights = hits[rest] + overlaps.ious[rest] / (2 * fewer)
        parts = heaviest_matching(overlaps.truth[rest], overlaps.prediction[rest], weights)
        chosen[rest[parts]] = True
    return chosen & hits


def _certain(overlaps: _Overlaps, threshold: float) -> Bool[np.ndarray, " pairs"]:
    """Pairs that every best assignment holds; there are some at thresholds of 0.5 and above.

    Of two objects with an IoU above 0.5, more than half of each lies in the other, so that their
    IoU with any third is below 0.5: no hit. Instead of their own pair, an assignment can hold
    two such pairs at best, which weigh less than 2 * 0.5 / (2 n) <= 0.5 against more than 1.
    """
    if threshold < 0.5:
        return np.zeros(len(overlaps.ious), bool)
    return (overlaps.ious > 0.5) & (overlaps.ious >= threshold)


def _metrics_at(overlaps: _Overlaps, threshold: float) -> tuple[Metric, ...]:
    matches = _match(overlaps, threshold).matches
    prefix, counts = f"iou{threshold:g}_", dataclasses.asdict(matches)
    accuracy = Metric(
        name=f"{prefix}segmentation_accuracy",
        value=matches.accuracy if any(counts.values()) else None,
        convention=CONVENTION,
        better="higher",
        counts=counts,
        settings={"iou": threshold},
        note="" if any(counts.values()) else NOTHING,
    )
    return (*match_metrics(matches, CONVENTION, prefix, {"iou": threshold}), accuracy)


def _mean_accuracy(overlaps: _Overlaps) -> Metric:
    values = [_match(overlaps, threshold).matches.accuracy for threshold in MEAN_THRESHOLDS]
    return Metric(
        name="mean_segmentation_accuracy",
        value=sum(values) / len(values) if overlaps.truths + overlaps.predictions else None,
        convention=CONVENTION,
        better="higher",
        counts={"truth_objects": overlaps.truths, "prediction_objects": overlaps.predictions},
        settings={"iou": "0.50 to 0.95 in steps of 0.05"},
        note="" if overlaps.truths + overlaps.predictions else NOTHING,
    )


def _check_threshold(iou) -> float:
    if not 0 < iou <= 1:
        raise ValueError(f"got an IoU threshold of {iou}; needs a share above 0, and at most 1")
    return float(iou)
