"""Rates over arithmetic intensity, under the limits of the machine (Williams et al., CACM 2009)."""

import math
from collections.abc import Sequence

import numpy as np
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.benchmarks.conv.limits import L3, PEAK
from experiments.benchmarks.result import OURS
from experiments.drawings.convolution import LOOKS, MACHINE
from experiments.drawings.rows import distinct, where
from experiments.drawings.style import GREY, PAGE, Drawn
from experiments.stored_results import Row

PANELS = {"forward": "forward", "step": "training step (forward, dX, dW)"}
AWAY = 7.0  # points from a mark to its number
SMALL = 6.0
KEY_COLUMNS = 2


def draw_roofline(rows: Sequence[Row]) -> Drawn:
    """Forward and training step side by side; layers are numbered, and named below.

    Rows: layer, pass, contender, flop_per_byte (operations of the direct algorithm per byte of
    images, kernels and results) and `rounds`, of which the fastest is drawn; those of layer
    `machine` are its limits.
    """
    limits = [row for row in rows if row["layer"] == MACHINE]
    points = [row for row in rows if row["layer"] != MACHINE and row["contender"] != PEAK]
    layers = distinct(points, "layer")
    lines = -(-len(layers) // KEY_COLUMNS)
    figure = Figure(figsize=(PAGE, 3.6 + 0.13 * lines), layout="constrained")
    *axes, key = _axes(figure, lines)
    for panel, (what, title) in zip(axes, PANELS.items(), strict=True):
        _draw_limits(panel, limits, points)
        _draw_points(panel, where(points, **{"pass": what}))
        panel.set(title=title, xlabel="FLOP per byte")
    axes[0].set_ylabel("GFLOP/s of the direct algorithm")
    axes[0].legend(loc="lower right")
    _write_key(key, layers, lines)
    figure.canvas.draw()  # once nothing moves any more, numbers find their places
    for panel, what in zip(axes, PANELS, strict=True):
        _number_layers(figure, panel, where(points, **{"pass": what}), layers)
    return Drawn(figure, [_plain(row) for row in (*points, *limits)])


def _axes(figure: Figure, lines: int) -> list[Axes]:
    grid = figure.add_gridspec(2, len(PANELS), height_ratios=(3.2, 0.13 * lines))
    first = figure.add_subplot(grid[0, 0])
    second = figure.add_subplot(grid[0, 1], sharex=first, sharey=first)
    second.tick_params(labelleft=False)
    key = figure.add_subplot(grid[1, :])
    key.set_axis_off()
    return [first, second, key]


def _plain(row: Row) -> Row:
    return {name: value for name, value in row.items() if name != "rounds"} | {
        "highest": max(row["rounds"])
    }


def _draw_limits(axes: Axes, limits: Sequence[Row], points: Sequence[Row]) -> None:
    """The peak of the run, and what each bandwidth allows below it."""
    best = {row["contender"]: max(row["rounds"]) for row in limits}
    if PEAK not in best:
        return
    peak = best.pop(PEAK)
    reached = [p["flop_per_byte"] for p in points] + [peak / rate for rate in best.values()]
    left, right = min(reached) / 5, max(reached) * 1.5
    axes.plot([left, right], [peak, peak], color=GREY, lw=1.2)
    axes.text(left, peak, f"{PEAK} {peak:.0f} GFLOP/s", va="bottom", color=GREY, fontsize=SMALL)
    for name, rate in best.items():
        ends = [left, peak / rate]
        axes.plot(ends, [rate * x for x in ends], color=GREY, lw=1, ls="-" if name == L3 else "--")
        slope = rate if name == L3 else 0.8 * rate  # the words above the line, or below
        axes.text(
            left,
            slope * left,
            f" {name} {rate:.0f} GB/s",
            color=GREY,
            fontsize=SMALL,
            va="bottom" if name == L3 else "top",
            rotation=math.degrees(math.atan(slope)),
            rotation_mode="anchor",
            transform_rotates_text=True,
        )


def _draw_points(axes: Axes, points: Sequence[Row]) -> None:
    """A mark for each contender."""
    for who in distinct(points, "contender"):
        own = where(points, contender=who)
        x, y = [row["flop_per_byte"] for row in own], [max(row["rounds"]) for row in own]
        colour, mark = LOOKS[who]
        axes.plot(x, y, mark, color=colour, label=who, alpha=0.9, zorder=3 if who == OURS else 2)
    axes.set(xscale="log", yscale="log")
    for axis in (axes.xaxis, axes.yaxis):
        axis.set_major_formatter("{x:g}")


def _number_layers(
    figure: Figure, axes: Axes, points: Sequence[Row], layers: Sequence[str]
) -> None:
    """Numbers at the highest mark of each layer, on the side where most room is left."""
    tops = []
    for layer in layers:
        row = max(where(points, layer=layer), key=lambda row: max(row["rounds"]))
        tops.append((row["flop_per_byte"], max(row["rounds"])))
    taken = list(axes.transData.transform(tops) * 72 / figure.dpi)  # in points
    angles = np.arange(8) * math.pi / 4
    sides = np.stack([np.cos(angles), np.sin(angles)], axis=1) * AWAY
    for number, (top, mark) in enumerate(zip(tops, taken.copy(), strict=True), start=1):
        others = [place for place in taken if place is not mark]
        room = np.linalg.norm((mark + sides)[:, None] - others, axis=2).min(1, initial=math.inf)
        side = sides[room.argmax()]
        taken.append(mark + side)
        label = axes.annotate(str(number), top, tuple(side), textcoords="offset points")
        label.set(ha="center", va="center", fontsize=SMALL)
        label.set_bbox({"fc": "white", "ec": "none", "pad": 0.2})


def _write_key(axes: Axes, layers: Sequence[str], lines: int) -> None:
    """Numbers and names of layers, in columns."""
    names = [f"{number}  {layer}" for number, layer in enumerate(layers, start=1)]
    for column in range(KEY_COLUMNS):
        words = "\n".join(names[column * lines : (column + 1) * lines])
        axes.text(column / KEY_COLUMNS, 1, words, va="top", fontsize=SMALL)
