"""What loss curves of several seeds have in common, and how far two convolutions part."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Float64
from numpy.lib.stride_tricks import sliding_window_view

XLA = "XLA"
PASSES = 10  # over the crops
Curves = Mapping[str, Float64[np.ndarray, "_ _"]]  # by contender: (seed, step)


def pass_length(steps: int) -> int:
    """Steps of a pass over the crops."""
    return max(1, steps // PASSES)


def smoothed(losses: Float64[np.ndarray, "seed step"]) -> Float64[np.ndarray, "seed place"]:
    """The running mean of each curve over a pass, as losses jump from crop to crop."""
    return sliding_window_view(losses, pass_length(losses.shape[1]), axis=1).mean(-1)


def difference(curves: Curves, contender: str) -> Float64[np.ndarray, " place"]:
    """Between the mean curve of a contender and that of XLA, without sign."""
    ours, theirs = (smoothed(curves[name]).mean(0) for name in (contender, XLA))
    return np.abs(ours - theirs)


def spread(curves: Curves) -> Float64[np.ndarray, " place"]:
    """Standard deviation between the curves of XLA's seeds."""
    return smoothed(curves[XLA]).std(0, ddof=1)
