"""Networks that learn with our convolution and with XLA's; rounding errors and their bounds."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes

from experiments.benchmarks.accuracy.curves import (
    XLA,
    Curves,
    difference,
    pass_length,
    smoothed,
    spread,
)
from experiments.drawings.rows import distinct, where
from experiments.drawings.style import COLOURS, COLUMN, GREY, Drawn, panels
from experiments.stored_results import Row

STYLES = (  # colour, width, dashes: wide under narrow, so that curves that agree all show
    (GREY, 5.0, "solid"),
    (COLOURS[5], 2.2, "solid"),
    (COLOURS[1], 1.2, (0, (3, 2))),
)
Places = Float64[np.ndarray, " place"]


def draw_training(rows: Sequence[Row]) -> Drawn:
    """Above, the mean of each contender with the band of its seeds; below, what is between them.

    Rows with experiment "losses": contender, seed and `losses`, one for each step.
    """
    own = where(rows, experiment="losses")
    curves = {
        name: np.array([row["losses"] for row in where(own, contender=name)])
        for name in sorted(distinct(own, "contender"), key=lambda name: name != XLA)
    }
    figure, (above, below) = panels(COLUMN, 3.8, rows=2, sharex=True, height_ratios=(3, 2))
    steps = curves[XLA].shape[1]
    length = pass_length(steps)
    places = np.arange(steps - length + 1) + (length + 1) / 2  # the middle of each pass
    _draw_means(above, curves, places)
    _draw_differences(below, curves, places)
    above.set(ylabel=f"loss (nat), mean of {length} steps")
    above.legend()
    below.set(xlabel="step", ylabel="difference (nat)", yscale="log")
    below.legend(loc="lower center", bbox_to_anchor=(0.45, 1), ncols=2, fontsize=6)
    return Drawn(figure, [row for name in curves for row in _plain(curves, name, places)])


def _draw_means(axes: Axes, curves: Curves, places: Places) -> None:
    for (name, losses), (colour, width, dashes) in zip(curves.items(), STYLES, strict=True):
        found = smoothed(losses)
        axes.fill_between(places, found.min(0), found.max(0), color=colour, alpha=0.12, lw=0)
        axes.plot(places, found.mean(0), color=colour, lw=width, ls=dashes, label=name)


def _draw_differences(axes: Axes, curves: Curves, places: Places) -> None:
    axes.plot(places, spread(curves), color=GREY, lw=1.2, ls="dotted", label="XLA, between seeds")
    for name, (colour, _, dashes) in zip(curves, STYLES, strict=True):
        if name != XLA:
            apart = difference(curves, name)
            axes.plot(places, apart, color=colour, lw=1.4, ls=dashes, label=f"{name} to {XLA}")


def _plain(curves: Curves, name: str, places: Places) -> list[Row]:
    found, apart = smoothed(curves[name]), difference(curves, name)
    columns = (places, found.mean(0), found.min(0), found.max(0), apart)
    names = ("step", "loss_mean", "loss_least", "loss_greatest", f"difference_to_{XLA}")
    return [
        {"contender": name, **dict(zip(names, map(float, values), strict=True))}
        for values in zip(*columns, strict=True)
    ]


def draw_errors(rows: Sequence[Row]) -> Drawn:
    """Relative rms errors of the result against float64, and the bound of each class (lines).

    Rows with experiment "errors": rank, channels, images, convolution, bound and y_rms.
    """
    own = where(rows, experiment="errors", images="normal")
    ranks = distinct(own, "rank")
    figure, axes = panels(COLUMN, 2.6, len(ranks), sharey=True)
    for panel, rank in zip(axes, ranks, strict=True):
        for number, name in enumerate(distinct(own, "convolution")):
            few = where(own, rank=rank, convolution=name)
            channels, colour = [row["channels"] for row in few], COLOURS[number]
            panel.plot(channels, [row["y_rms"] for row in few], "o", color=colour, label=name)
            if few[0]["bound"] is not None:
                panel.plot(channels, [row["bound"] for row in few], "--", color=colour, lw=1)
        panel.set(title=f"{rank}-D", xlabel="channels", xscale="log", yscale="log")
        panel.set_xticks(channels, channels, minor=False)
        panel.minorticks_off()
    axes[0].set_ylabel("relative rms error of the result")
    marks, names = axes[0].get_legend_handles_labels()
    figure.legend(marks, names, loc="outside upper center", ncols=4, columnspacing=1)
    return Drawn(figure, own)
