"""Voxelwise scores of probabilities against a mask of the structure.

All are functions of one histogram: how many true and false voxels lie at each probability.
Histograms of parts add up to that of the whole, with integer counts, so that a volume of any size
is scored exactly, block by block.
"""

import dataclasses
from collections.abc import Callable, Iterator

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from ops.metrics.contingency import SLAB_VOXELS
from ops.metrics.matches import Matches, match_metrics
from ops.metrics.metric import Metric

LEVELS = 65536  # probabilities k / 65535: uint8 and uint16 lie on this grid exactly
PROBABILITY_DTYPES = (bool, np.uint8, np.uint16, np.float16, np.float32, np.float64)

OPTIMISTIC = (
    "the threshold is the best on this very data, so the value is optimistic; "
    "for a fair one choose the threshold on validation data"
)


@dataclasses.dataclass(frozen=True)
class Histogram:
    """Voxels at each of the LEVELS probabilities k / 65535; histograms of parts add up.

    Attributes:
        positives: voxels of the structure, by k.
        negatives: all other voxels, by k.
    """

    positives: Int64[np.ndarray, " levels"]
    negatives: Int64[np.ndarray, " levels"]

    def __add__(self, other: "Histogram") -> "Histogram":
        """The histogram of both parts together."""
        return Histogram(self.positives + other.positives, self.negatives + other.negatives)

    @property
    def positive_voxels(self) -> int:
        """Voxels of the structure."""
        return int(self.positives.sum())

    @property
    def negative_voxels(self) -> int:
        """Voxels outside the structure."""
        return int(self.negatives.sum())

    @property
    def voxels(self) -> int:
        """All voxels counted."""
        return self.positive_voxels + self.negative_voxels


@dataclasses.dataclass(frozen=True)
class Curve:
    """What is found at each threshold; a voxel is positive where its probability >= threshold.

    Attributes:
        thresholds: the probabilities that occur, ascending.
        true_positives: voxels of the structure at or above the threshold.
        false_positives: other voxels at or above the threshold.
        positive_voxels: voxels of the structure.
        negative_voxels: voxels outside the structure.
    """

    thresholds: Float64[np.ndarray, " points"]
    true_positives: Int64[np.ndarray, " points"]
    false_positives: Int64[np.ndarray, " points"]
    positive_voxels: int
    negative_voxels: int

    @property
    def precision(self) -> Float64[np.ndarray, " points"]:
        """TP / (TP + FP); every threshold has a voxel at or above it."""
        return self.true_positives / (self.true_positives + self.false_positives)

    @property
    def recall(self) -> Float64[np.ndarray, " points"]:
        """TP / (TP + FN). Raises ValueError where the truth has no voxel of the structure."""
        _check_some(self.positive_voxels, "no voxel of the structure")
        return self.true_positives / self.positive_voxels

    @property
    def false_positive_rate(self) -> Float64[np.ndarray, " points"]:
        """FP / (FP + TN). Raises ValueError where the truth has no voxel outside the structure."""
        _check_some(self.negative_voxels, "no voxel outside the structure")
        return self.false_positives / self.negative_voxels


def count_levels(
    probability: Shaped[np.ndarray, "*shape"],
    truth: Shaped[np.ndarray, "*shape"],
    mask: Bool[np.ndarray, "*shape"] | None = None,
) -> Histogram:
    """The histogram of a probability map and a mask of the structure.

    Args:
        probability: of the structure: uint8 (255 means 1), uint16 (65535 means 1), bool, or
            float16, float32 or float64 in [0, 1]. Floats are rounded to the nearest k / 65535,
            at most 7.7e-6 away; the others are exact.
        truth: bool, or integers, where all but 0 is the structure.
        mask: where to count; everywhere by default.

    Raises:
        ValueError: shapes that differ, another dtype, a NaN, or a probability outside [0, 1].
    """
    _check_mask(truth)
    if truth.shape != probability.shape or (mask is not None and mask.shape != truth.shape):
        raise ValueError(
            f"got probability of shape {probability.shape}, truth of {truth.shape}"
            + (f" and a mask of {mask.shape}" if mask is not None else "")
            + "; needs one shape: crop or resample one of them first"
        )
    counts = np.zeros(2 * LEVELS, np.int64)
    for values, true in _slabs(probability, truth, mask):
        index = _levels(values)
        np.add(index, LEVELS, out=index, where=true != 0)
        counts += np.bincount(index, minlength=2 * LEVELS)
    return Histogram(negatives=counts[:LEVELS], positives=counts[LEVELS:])


def threshold_curve(histogram: Histogram) -> Curve:
    """True and false positives at every threshold at which they change, ascending."""
    levels = np.flatnonzero(histogram.positives + histogram.negatives)
    return Curve(
        thresholds=levels / (LEVELS - 1),
        true_positives=_at_or_above(histogram.positives)[levels],
        false_positives=_at_or_above(histogram.negatives)[levels],
        positive_voxels=histogram.positive_voxels,
        negative_voxels=histogram.negative_voxels,
    )


def at_threshold(histogram: Histogram, threshold: int | float) -> Matches:
    """Voxels found, claimed falsely and missed; positive is probability >= threshold.

    The threshold, in (0, 1], is rounded to the nearest k / 65535, as probabilities are, but not
    to 0, at which all is positive.

    Raises:
        ValueError: a threshold outside (0, 1].
    """
    if not 0 < threshold <= 1:
        raise ValueError(f"got a threshold of {threshold}; needs one in (0, 1], such as 0.5")
    level = max(1, int(np.rint(threshold * (LEVELS - 1))))
    found = int(histogram.positives[level:].sum())
    claimed_falsely = int(histogram.negatives[level:].sum())
    return Matches(found, claimed_falsely, histogram.positive_voxels - found)


def average_precision(histogram: Histogram) -> float:
    """Area under precision over recall, in [0, 1]: the sum of (R_n - R_{n-1}) P_n.

    Recall steps from one threshold to the next lower one, without interpolation, as in
    scikit-learn's average_precision_score.

    Raises:
        ValueError: a truth that has no voxel of the structure, or no other (any prediction would
            score 1).
    """
    curve = threshold_curve(histogram)
    _check_both_kinds(curve)
    return float(np.sum(-np.diff(curve.recall, append=0.0) * curve.precision))


def roc_auc(histogram: Histogram) -> float:
    """Area under the true over the false positive rate, in [0, 1].

    It is the chance that a voxel of the structure has a higher probability than another voxel;
    ties count half (Hanley and McNeil, 1982, doi:10.1148/radiology.143.1.7063747).

    Raises:
        ValueError: a truth that has no voxel of the structure, or no other.
    """
    curve = threshold_curve(histogram)
    _check_both_kinds(curve)
    recall, false_rate = (np.append(r, 0.0) for r in (curve.recall, curve.false_positive_rate))
    return float(np.trapezoid(recall[::-1], false_rate[::-1]))


def best_f1(histogram: Histogram) -> tuple[float, Matches]:
    """The threshold in (0, 1] with the highest F1, and what is found there.

    Of thresholds that are equally good it is the highest.
    """
    found = _at_or_above(histogram.positives)[1:]
    claimed = found + _at_or_above(histogram.negatives)[1:]
    either = claimed + histogram.positive_voxels
    f1 = np.divide(2 * found, either, out=np.ones(len(found)), where=either > 0)
    threshold = float((LEVELS - 1 - np.argmax(f1[::-1])) / (LEVELS - 1))
    return threshold, at_threshold(histogram, threshold)


def pixel_metrics(
    histogram: Histogram, threshold: int | float, prefix: str = ""
) -> tuple[Metric, ...]:
    """Precision, recall and F1 at the threshold; best F1, average precision and ROC AUC over all.

    Names begin with the prefix, as in "membrane_f1"; the convention is "pixel". A value that the
    truth does not allow is missing, with the reason; all are where no voxel was counted.

    Args:
        histogram: of the voxels to score.
        threshold: in (0, 1]; a voxel is positive where its probability >= threshold.
        prefix: of the names.

    Raises:
        ValueError: a threshold outside (0, 1].
    """
    found = at_threshold(histogram, threshold)
    best_threshold, best = best_f1(histogram)
    metrics = (
        *match_metrics(found, "pixel", prefix, {"threshold": threshold}),
        Metric(
            f"{prefix}f1_best_threshold",
            best.f1,
            "pixel",
            better="higher",
            counts=dataclasses.asdict(best),
            settings={"threshold": best_threshold},
            note=OPTIMISTIC,
        ),
        _area(f"{prefix}average_precision", average_precision, histogram),
        _area(f"{prefix}roc_auc", roc_auc, histogram),
    )
    return tuple(_taken_over(metric, histogram) for metric in metrics)


def check_probability(probability: Shaped[np.ndarray, "..."], name: str) -> None:
    """Raises ValueError unless it is bool, uint8, uint16, or floats in [0, 1] without NaN."""
    if probability.dtype.newbyteorder("=") not in PROBABILITY_DTYPES:
        raise ValueError(
            f"{name}: got probabilities of dtype {probability.dtype}; needs floats in [0, 1], "
            "uint8 (255 means 1), uint16 (65535 means 1) or bool: convert them first"
        )
    if probability.dtype.kind != "f" or not probability.size:
        return
    low, high = probability.min(), probability.max()
    if np.isnan(low):
        raise ValueError(
            f"{name}: got NaN in {np.isnan(probability).sum()} of {probability.size} voxels; "
            "needs probabilities in [0, 1]: leave out by a mask what was not predicted"
        )
    if low < 0 or high > 1:
        raise ValueError(
            f"{name}: got probabilities from {low} to {high}; needs [0, 1]: "
            "apply a sigmoid to logits, or divide by the largest possible value, first"
        )


def _check_mask(truth) -> None:
    if truth.dtype.kind not in "bui":
        raise ValueError(
            f"truth: got dtype {truth.dtype}; needs bool, or integers where all but 0 is the "
            "structure: threshold it first"
        )


def _slabs(probability, truth, mask) -> Iterator[tuple[np.ndarray, np.ndarray]]:
    """Flat parts of bounded size; views where the arrays lie in memory as they are."""
    if mask is None and probability.flags.c_contiguous and truth.flags.c_contiguous:
        probability, truth = probability.reshape(-1), truth.reshape(-1)
    probability, truth = np.atleast_1d(probability, truth)
    step = max(1, SLAB_VOXELS * len(truth) // max(1, truth.size))
    for start in range(0, len(truth), step):
        slab = slice(start, start + step)
        kept = slice(None) if mask is None else np.atleast_1d(mask)[slab].ravel()
        yield probability[slab].ravel()[kept], truth[slab].ravel()[kept]


def _levels(values: Shaped[np.ndarray, " voxels"]) -> Int64[np.ndarray, " voxels"]:
    """The nearest k of k / 65535."""
    check_probability(values, "probability")
    if values.dtype.kind == "f":
        # In float64: a product in float32 can be rounded over the middle between two levels,
        # and one in float16 overflows.
        scaled = np.multiply(values, LEVELS - 1, dtype=np.float64)
        return np.rint(scaled, out=scaled).astype(np.int64)
    largest = 1 if values.dtype == bool else np.iinfo(values.dtype).max
    return np.multiply(values, (LEVELS - 1) // largest, dtype=np.int64)


def _at_or_above(counts: Int64[np.ndarray, " levels"]) -> Int64[np.ndarray, " levels"]:
    return np.cumsum(counts[::-1])[::-1]


def _check_some(voxels: int, lacking: str) -> None:
    if not voxels:
        raise ValueError(
            f"got a truth with {lacking}; needs at least one: score a larger or another region"
        )


def _check_both_kinds(curve: Curve) -> None:
    _check_some(curve.positive_voxels, "no voxel of the structure")
    _check_some(curve.negative_voxels, "no voxel outside the structure")


def _area(name: str, area: Callable[[Histogram], float], histogram: Histogram) -> Metric:
    value, note = None, ""
    try:
        value = area(histogram)
    except ValueError as reason:
        note = str(reason)
    return Metric(name, value, "pixel", better="higher", note=note)


def _taken_over(metric: Metric, histogram: Histogram) -> Metric:
    """The metric with the voxels that it was taken over, and without a value if over none."""
    counts = {"voxels": histogram.voxels, "positives": histogram.positive_voxels}
    metric = dataclasses.replace(metric, counts={**counts, **metric.counts})
    if histogram.voxels:
        return metric
    return dataclasses.replace(metric, value=None, note="no voxel was counted: check the mask")
