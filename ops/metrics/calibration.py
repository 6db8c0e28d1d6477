"""Do probabilities mean what they say: of the voxels given 0.8, are 80 % the structure?

All are functions of the histogram of `ops.metrics.pixels`, and so exact for a volume of any size.
"""

import dataclasses

import numpy as np
from jaxtyping import Float64, Int64

from ops.metrics.metric import Metric
from ops.metrics.pixels import LEVELS, Histogram


@dataclasses.dataclass(frozen=True)
class Reliability:
    """What was said and what was true, in bins of equal width; bins without a voxel are left out.

    Attributes:
        edges: of all bins, from 0 to 1; bin k holds edges[k] < p <= edges[k + 1], and the first
            one 0 as well.
        bin: k of each bin that holds a voxel, ascending.
        voxels: in the bin, >= 1.
        mean_probability: of the voxels in the bin.
        true_share: share of the voxels in the bin that are of the structure, in [0, 1].
    """

    edges: Float64[np.ndarray, " edges"]
    bin: Int64[np.ndarray, " occupied"]
    voxels: Int64[np.ndarray, " occupied"]
    mean_probability: Float64[np.ndarray, " occupied"]
    true_share: Float64[np.ndarray, " occupied"]


def reliability(histogram: Histogram, bins: int = 15) -> Reliability:
    """The reliability diagram: true share over mean probability in bins of equal width.

    Raises:
        ValueError: less than one bin, or a histogram of no voxel.
    """
    _check_bins(bins)
    _check_voxels(histogram)
    voxels = _bin_sums(histogram.positives + histogram.negatives, bins)
    positives = _bin_sums(histogram.positives, bins)
    levels = np.arange(LEVELS) * (histogram.positives + histogram.negatives)
    occupied = np.flatnonzero(voxels)
    return Reliability(
        edges=np.arange(bins + 1) / bins,
        bin=occupied,
        voxels=voxels[occupied],
        mean_probability=_bin_sums(levels, bins)[occupied] / voxels[occupied] / (LEVELS - 1),
        true_share=positives[occupied] / voxels[occupied],
    )


def expected_calibration_error(histogram: Histogram, bins: int = 15) -> float:
    """Mean over voxels of |true share - mean probability| of their bin, in [0, 1].

    Bins are over the probability of the structure, in [0, 1], not over that of the likelier
    class, in [0.5, 1] (Guo et al., On calibration of modern neural networks, ICML 2017, eq. 3).

    Raises:
        ValueError: less than one bin, or a histogram of no voxel.
    """
    diagram = reliability(histogram, bins)
    gap = np.abs(diagram.true_share - diagram.mean_probability)
    return float(np.sum(diagram.voxels * gap) / histogram.voxels)


def brier_score(histogram: Histogram) -> float:
    """Mean over voxels of (probability - truth)^2, in [0, 1].

    Brier, 1950, doi:10.1175/1520-0493(1950)078<0001:VOFEIT>2.0.CO;2, sums over both classes,
    which is twice this value.

    Raises:
        ValueError: a histogram of no voxel.
    """
    _check_voxels(histogram)
    p = np.arange(LEVELS) / (LEVELS - 1)
    squares = histogram.positives * np.square(1 - p) + histogram.negatives * np.square(p)
    return float(squares.sum() / histogram.voxels)


def calibration_metrics(histogram: Histogram, bins: int = 15) -> tuple[Metric, ...]:
    """Expected calibration error and Brier score; missing where no voxel was counted.

    Conventions are "equal_width_15" (with the number of bins) and "positive_class".

    Raises:
        ValueError: less than one bin.
    """
    _check_bins(bins)
    name, convention, settings = "expected_calibration_error", f"equal_width_{bins}", {"bins": bins}
    counts = {"voxels": histogram.voxels, "positives": histogram.positive_voxels}
    error = brier = None
    note = "no voxel was counted: check the mask"
    if histogram.voxels:
        error, brier = expected_calibration_error(histogram, bins), brier_score(histogram)
        note = ""
    return (
        Metric(
            name, error, convention, better="lower", counts=counts, settings=settings, note=note
        ),
        Metric("brier_score", brier, "positive_class", better="lower", counts=counts, note=note),
    )


def _bin_sums(counts: Int64[np.ndarray, " levels"], bins: int) -> Int64[np.ndarray, " bins"]:
    """Sums over the levels of each bin; whole numbers throughout, so that no edge is rounded."""
    last = np.arange(bins + 1) * (LEVELS - 1) // bins  # the highest level <= the edge
    last[0] = -1
    return np.diff(np.concatenate([[0], np.cumsum(counts)])[last + 1])


def _check_bins(bins: int) -> None:
    if bins < 1:
        raise ValueError(f"got {bins} bins; needs at least 1, such as 15")


def _check_voxels(histogram: Histogram) -> None:
    if not histogram.voxels:
        raise ValueError("got a histogram of no voxel; needs at least one: check the mask")
