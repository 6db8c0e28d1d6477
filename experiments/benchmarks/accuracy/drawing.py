"""Loss curves as a picture."""

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.benchmarks.accuracy.curves import Curves, difference, smoothed, spread
from experiments.benchmarks.accuracy.training import XLA, pass_length

GREY = "#6b7683"
STYLES = (  # colour, width, dashes: wide under narrow, so that curves that agree all show
    (GREY, 6.0, "solid"),
    ("#4895ef", 2.4, "solid"),
    ("#f4a261", 1.6, (0, (3, 2))),
)


def draw_losses(curves: Curves) -> Figure:
    """Above, the mean of each contender with the band of its seeds; below, what is between them."""
    figure = Figure(figsize=(7, 5.6), layout="constrained")
    above, below = figure.subplots(2, 1, sharex=True, height_ratios=(3, 2))
    names = [XLA, *(name for name in curves if name != XLA)]
    styles = dict(zip(names, STYLES, strict=True))
    seeds, steps = curves[XLA].shape
    length = pass_length(steps)
    place = np.arange(steps - length + 1) + (length + 1) / 2  # the middle of each pass
    _draw_means(above, curves, styles, place)
    _draw_differences(below, curves, styles, place)
    above.set(ylabel="loss (nat per voxel)")
    above.set_title(f"Mean and range of {seeds} seeds; running mean of a pass of {length} crops")
    below.set(xlabel="step", ylabel="difference of the means (nat)", yscale="log")
    for axes in (above, below):
        axes.spines[["top", "right"]].set_visible(False)
    above.legend(frameon=False)
    below.legend(frameon=False, loc="lower center", bbox_to_anchor=(0.5, 1), ncols=3)
    return figure


def _draw_means(axes: Axes, curves: Curves, styles, place) -> None:
    for name, (colour, width, dashes) in styles.items():
        found = smoothed(curves[name])
        axes.fill_between(place, found.min(0), found.max(0), color=colour, alpha=0.12, lw=0)
        axes.plot(place, found.mean(0), color=colour, lw=width, ls=dashes, label=name)


def _draw_differences(axes: Axes, curves: Curves, styles, place) -> None:
    axes.plot(place, spread(curves), color=GREY, lw=1.2, ls="dotted", label="XLA, between seeds")
    for name, (colour, _, dashes) in styles.items():
        if name != XLA:
            apart = difference(curves, name)
            axes.plot(place, apart, color=colour, lw=1.6, ls=dashes, label=f"{name} to {XLA}")
