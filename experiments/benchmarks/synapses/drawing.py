"""Accuracy over speed, as a picture."""

from collections.abc import Sequence

from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.benchmarks.synapses.table import f1
from experiments.benchmarks.synapses.tissue import Row

COLOURS = ("#9ec9f5", "#4895ef", "#1d4e89", "#f4c095", "#f4a261", "#6b7683")  # by method


def draw_rows(rows: Sequence[Row]) -> Figure:
    """F1 (VESICLE's rule) with its interval over MB/s, a panel for each tissue."""
    names = list(dict.fromkeys(row.data for row in rows))
    figure = Figure(figsize=(9, 4.8), layout="constrained")
    panels = figure.subplots(1, len(names), sharey=True, squeeze=False)[0]
    for axes, name in zip(panels, names, strict=True):
        _draw(axes, [row for row in rows if row.data == name])
        axes.set(title=name, xlabel="from image to synapses (MB/s)", xscale="log", ylim=(0, 1.05))
        axes.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        axes.xaxis.set_major_formatter("{x:g}")
        axes.xaxis.set_minor_formatter(NullFormatter())
        axes.spines[["top", "right"]].set_visible(False)
    panels[0].set(ylabel="F1 (VESICLE's rule), 95 %")
    marks, labels = panels[0].get_legend_handles_labels()
    figure.legend(marks, labels, loc="outside lower center", ncols=3, frameon=False)
    return figure


def _draw(axes: Axes, rows: Sequence[Row]) -> None:
    absent = []
    for row, colour in zip(rows, COLOURS, strict=True):
        axes.plot([], [], "o", color=colour, label=row.method)
        score = None if row.missing else f1(row, "vesicle2015")
        if score is None or score.value is None or row.speed is None:
            absent.append(row.method)
            continue
        low, high = score.value, score.value
        if score.interval is not None:
            low, high = min(low, score.interval.low), max(high, score.interval.high)
        spread = [[score.value - low], [high - score.value]]
        axes.errorbar(row.speed.all, score.value, spread, fmt="o", color=colour)
    if absent:
        said = "\n".join(["missing:", *absent])
        axes.text(0.02, 0.02, said, transform=axes.transAxes, fontsize=7, color="#6b7683")
