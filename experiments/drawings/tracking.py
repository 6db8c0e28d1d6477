"""3C beside following objects one by one, and what its parts are worth."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes

from experiments.drawings.rows import distinct, where
from experiments.drawings.style import COLOURS, COLUMN, GREY, PAGE, Drawn, panels, title_of
from experiments.stored_results import Row

LINES = ("o-", "s-", "d--")  # so that methods of the same cost all show
COSTS = {"passes": "network passes per section", "seconds": "seconds per section"}


def draw_scaling(rows: Sequence[Row]) -> Drawn:
    """Passes, time and VI against the objects in a section, with the powers that fit."""
    rows = where(rows, experiment="scaling")
    figure, (*costs, accuracy) = panels(PAGE, 2.8, 3)
    for number, method in enumerate(distinct(rows, "method")):
        own = where(rows, method=method)
        counts, colour = np.array([row["objects"] for row in own]), COLOURS[number]
        look: dict[str, Any] = {"color": colour, "mfc": "white", "label": method}
        for axes, name in zip(costs, COSTS, strict=True):
            values = np.array([row[name] for row in own])
            power = np.polyfit(np.log(counts), np.log(values), 1)[0]
            axes.loglog(counts, values, LINES[number], **look)
            end, words = (counts[-1], values[-1]), f"$N^{{{power:.2f}}}$"
            axes.annotate(words, end, (3, 3), textcoords="offset points", color=colour)
        accuracy.semilogx(counts, [row["vi"] for row in own], LINES[number], **look)
    for axes, words in zip(costs, COSTS.values(), strict=True):
        axes.set(xlabel="objects in a section (N)", ylabel=words)
        axes.margins(x=0.15)
    _draw_logarithm(costs[0], rows)
    accuracy.set(xlabel="objects in a section (N)", ylabel="VI (bits)", ylim=(0, None))
    marks, names = accuracy.get_legend_handles_labels()
    figure.legend(marks, names, loc="outside upper center", ncols=3)
    return Drawn(figure, [_plain(row) for row in rows])


def _draw_logarithm(axes: Axes, rows: Sequence[Row]) -> None:
    """What 3C costs in theory: a digit for every factor of l in the number of objects."""
    own = where(rows, method="3c")
    counts = np.geomspace(min(r["objects"] for r in own), max(r["objects"] for r in own), 200)
    digits = np.ceil(np.log(counts) / np.log(own[0]["letters"]))
    axes.loglog(counts, digits, color=GREY, lw=1, zorder=0)
    axes.annotate("log N, rounded up", (counts[70], 0.5 * digits[70]), color=GREY, fontsize=6)


def draw_ablation(rows: Sequence[Row]) -> Drawn:
    """VI of codes, directions and letters, on tissue; lines are from the least to the greatest."""
    rows = [row for kind in ("ablation", "letters") for row in where(rows, experiment=kind)]
    names = list(dict.fromkeys(_setting(row) for row in rows))
    figure, axes = panels(COLUMN * 1.5, 0.24 * len(names) + 1.0)
    for number, data in enumerate(distinct(rows, "data")):
        own = where(rows, data=data)
        places = [names.index(_setting(row)) + 0.15 * (2 * number - 1) for row in own]
        vi = np.array([row["vi"] for row in own])
        ends = np.abs(np.array([row["vi_range"] for row in own]).T - vi)
        axes[0].errorbar(
            vi, places, xerr=ends, fmt="o", color=COLOURS[number], label=title_of(data)
        )
    axes[0].set_yticks(range(len(names)), names)
    axes[0].invert_yaxis()
    axes[0].set(xlabel="VI (bits), true pieces joined along the stack", xscale="log")
    figure.legend(loc="outside upper center", ncols=2)
    return Drawn(figure, [_plain(row) for row in rows])


def _setting(row: Row) -> str:
    if row["experiment"] == "letters":
        return f"{row['letters']} letters, {row['passes']:.0f} passes"
    more = f", {row['spare']} spare" if row["spare"] else ""
    one = ", one direction" if row["directions"] == 1 else ""
    return f"{row['code']}{more}{one}"


def _plain(row: Row) -> Row:
    """For a table: the range as two columns."""
    low, high = row["vi_range"]
    rest = {name: value for name, value in row.items() if name != "vi_range"}
    return rest | {"vi_least": low, "vi_greatest": high}
