"""Rates over arithmetic intensity, under the limits of the machine (Williams et al., CACM 2009)."""

import math
from collections.abc import Mapping, Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.benchmarks.conv.limits import L3, PEAK
from experiments.benchmarks.conv.points import Point
from experiments.benchmarks.conv.suite import TORCH, XLA
from experiments.benchmarks.result import OURS

PANELS = {"forward": "Forward", "step": "Training step (forward, dX, dW)"}
COLOURS = {OURS: "#0072b2", XLA: "#d55e00", TORCH: "#009e73"}  # Okabe and Ito's, for all eyes
MARKERS = {OURS: "o", XLA: "v", TORCH: "s"}
GREY = "#6b7280"
AWAY = 9.0  # points from a mark to its number


def draw_roofline(points: Sequence[Point], bandwidths: Mapping[str, float]) -> Figure:
    """Forward and training step side by side; layers are numbered, and named below.

    Args:
        points: of all passes.
        bandwidths: GB/s by name.
    """
    layers = list(dict.fromkeys(point.layer for point in points))
    figure = Figure(figsize=(11, 5), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (what, title) in zip(panels, PANELS.items(), strict=True):
        _draw_limits(axes, points, bandwidths)
        _draw_points(axes, [point for point in points if point.what == what])
        axes.set(title=title, xlabel="FLOP per byte of images, kernels and results")
    panels[0].set_ylabel("GFLOP/s of the direct algorithm")
    panels[0].legend(frameon=False, loc="lower right")
    for axes, what in zip(panels, PANELS, strict=True):  # once no limit moves any more
        _number_layers(figure, axes, [point for point in points if point.what == what], layers)
    _write_key(figure, layers)
    return figure


def _draw_limits(axes: Axes, points: Sequence[Point], bandwidths: Mapping[str, float]) -> None:
    """The peak of the run, and what each bandwidth allows below it."""
    peak = max((point.peak for point in points if point.peak is not None), default=None)
    if peak is None:
        return
    reached = [point.intensity for point in points] + [peak / rate for rate in bandwidths.values()]
    left, right = min(reached) / 5, max(reached) * 1.5
    axes.plot([left, right], [peak, peak], color=GREY, lw=1.5)
    axes.text(left, peak, f"{PEAK} {peak:.0f} GFLOP/s", va="bottom", color=GREY, fontsize=8)
    for name, rate in bandwidths.items():
        ends = [left, peak / rate]
        axes.plot(ends, [rate * x for x in ends], color=GREY, lw=1, ls="-" if name == L3 else "--")
        axes.text(
            left,
            rate * left,
            f" {name} {rate:.0f} GB/s",
            color=GREY,
            fontsize=8,
            va="bottom",
            rotation=math.degrees(math.atan(rate)),
            rotation_mode="anchor",
            transform_rotates_text=True,
        )


def _draw_points(axes: Axes, points: Sequence[Point]) -> None:
    """A mark for each contender."""
    for who in dict.fromkeys(point.contender for point in points):
        own = [point for point in points if point.contender == who]
        x, y = [point.intensity for point in own], [point.rate for point in own]
        above = 3 if who == OURS else 2
        axes.plot(x, y, MARKERS[who], color=COLOURS[who], label=who, alpha=0.9, zorder=above)
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")
    axes.spines[["top", "right"]].set_visible(False)


def _number_layers(
    figure: Figure, axes: Axes, points: Sequence[Point], layers: Sequence[str]
) -> None:
    """Numbers at the highest mark of each layer, on the side where most room is left."""
    tops = [
        max((point.rate, point.intensity) for point in points if point.layer == layer)[::-1]
        for layer in layers
    ]
    taken = list(axes.transData.transform(tops) * 72 / figure.dpi)  # in points
    angles = np.arange(8) * math.pi / 4
    sides = np.stack([np.cos(angles), np.sin(angles)], axis=1) * AWAY
    for number, (top, mark) in enumerate(zip(tops, taken.copy(), strict=True), start=1):
        others = [place for place in taken if place is not mark]
        room = np.linalg.norm((mark + sides)[:, None] - others, axis=2).min(1, initial=math.inf)
        side = sides[room.argmax()]
        taken.append(mark + side)
        label = axes.annotate(str(number), top, tuple(side), textcoords="offset points")
        label.set(ha="center", va="center", fontsize=8)


def _write_key(figure: Figure, layers: Sequence[str]) -> None:
    """Numbers and names of layers below the panels, in three columns."""
    lines = -(-len(layers) // 3)
    names = [f"{number}  {layer}" for number, layer in enumerate(layers, start=1)]
    for column in range(3):
        words = "\n".join(names[column * lines : (column + 1) * lines])
        figure.text(0.03 + column / 3, -0.02, words, va="top", fontsize=8)
