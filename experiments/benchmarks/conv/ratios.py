"""Rates as multiples of the machine's peak, layer by layer."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.benchmarks.conv.limits import PEAK
from experiments.benchmarks.conv.points import Point
from experiments.benchmarks.conv.roofline import COLOURS, GREY, PANELS


def draw_ratios(points: Sequence[Point]) -> Figure:
    """Bars for each layer and contender, forward and in a training step.

    Args:
        points: of all passes, each with the peak of the machine.
    """
    layers = list(dict.fromkeys(point.layer for point in points))
    figure = Figure(figsize=(11, 1.4 + 0.42 * len(layers)), layout="constrained")
    panels = figure.subplots(1, len(PANELS), sharex=True, sharey=True)
    for axes, (what, title) in zip(panels, PANELS.items(), strict=True):
        _draw_bars(axes, [point for point in points if point.what == what], layers)
        axes.set_title(title)
    panels[0].set_yticks(range(len(layers)), layers, fontsize=8)
    panels[0].invert_yaxis()
    panels[1].legend(frameon=False, loc="lower right")
    return figure


def _draw_bars(axes: Axes, points: Sequence[Point], layers: Sequence[str]) -> None:
    contenders = list(dict.fromkeys(point.contender for point in points))
    height = 0.8 / len(contenders)
    for place, who in enumerate(contenders):
        own = [point for point in points if point.contender == who]
        ratios = [point.rate / point.peak for point in own if point.peak]
        y = [layers.index(point.layer) - 0.4 + (place + 0.5) * height for point in own]
        axes.barh(y, ratios, height, color=COLOURS[who], label=who)
        for ratio, at in zip(ratios, y, strict=True):
            axes.text(ratio, at, f" {ratio:.2g}", va="center", fontsize=6.5, color=GREY)
    axes.axvline(1, color=GREY, lw=1)
    axes.margins(y=0.01)
    axes.set_xlabel(f"rate of the direct algorithm, multiples of the {PEAK}")
    axes.spines[["top", "right"]].set_visible(False)
