"""Synapses: accuracy over speed, and what each kind of evidence adds."""

from collections.abc import Mapping, Sequence
from typing import Any

from matplotlib.axes import Axes
from matplotlib.ticker import LogLocator, NullFormatter

from experiments.drawings.rows import distinct, where, whiskers
from experiments.drawings.style import COLOURS, GREY, MARKS, PAGE, Drawn, panels, title_of
from experiments.stored_results import Row

RULES = {"vesicle2015": "F1 (VESICLE's rule)", "one_to_one": "F1 (one to one)"}


def draw_rivals(rows: Sequence[Row]) -> Drawn:
    """F1 (VESICLE's rule) with its interval over MB/s, a panel for each tissue.

    Rows: data, method, missing (why, if it is), metrics (of `Metric.as_dict`), speed["all"].
    """
    scores = [_plain(row, "vesicle2015") for row in rows]
    data, methods = distinct(scores, "data"), distinct(scores, "method")
    figure, axes = panels(PAGE, 3.2, len(data), sharey=True)
    for panel, name in zip(axes, data, strict=True):
        own = where(scores, data=name)
        for row in own:
            number = methods.index(row["method"])
            look: dict[str, Any] = {"marker": MARKS[number], "color": COLOURS[number], "ls": "none"}
            panel.plot([], [], label=row["method"], **look)
            if row["f1"] is not None and row["mb_per_s"] is not None:
                panel.errorbar(row["mb_per_s"], row["f1"], whiskers([row], "f1"), lw=1, **look)
        _note_missing(panel, own)
        panel.set(title=title_of(name), xlabel="from image to synapses (MB/s)")
        panel.set(xscale="log", ylim=(0, 1.05))
        panel.xaxis.set_major_locator(LogLocator(subs=(1.0, 2.0, 5.0)))
        panel.xaxis.set_major_formatter("{x:g}")
        panel.xaxis.set_minor_formatter(NullFormatter())
    axes[0].set(ylabel="F1 (VESICLE's rule), 95 %")
    marks, labels = axes[0].get_legend_handles_labels()
    figure.legend(marks, labels, loc="outside lower center", ncols=3)
    return Drawn(figure, scores)


def draw_ablation(rows: Sequence[Row]) -> Drawn:
    """F1 under both rules as evidence is added, a panel for each tissue; rows as `draw_rivals`."""
    scores = [_plain(row, rule) for rule in RULES for row in rows]
    data, methods = distinct(scores, "data"), distinct(scores, "method")
    figure, axes = panels(PAGE, 0.9 + 0.27 * len(methods), len(data), sharey=True)
    for panel, name in zip(axes, data, strict=True):
        for number, (rule, words) in enumerate(RULES.items()):
            found = [r for r in where(scores, data=name, rule=rule) if r["f1"] is not None]
            places = [methods.index(row["method"]) + 0.14 * (2 * number - 1) for row in found]
            panel.errorbar(
                [row["f1"] for row in found],
                places,
                xerr=whiskers(found, "f1"),
                fmt=MARKS[number],
                color=COLOURS[number],
                lw=1,
                label=words,
            )
        for row in where(scores, data=name, rule="vesicle2015"):
            if row["f1"] is None:
                place = methods.index(row["method"])
                look: dict[str, Any] = {"va": "center", "color": GREY, "backgroundcolor": "white"}
                panel.text(0.03, place, "missing", **look)
        panel.set(title=title_of(name), xlabel="F1, 95 %", xlim=(0, 1.03))
        panel.grid(axis="y", lw=0.3)
    axes[0].set_yticks(range(len(methods)), methods)
    axes[0].invert_yaxis()
    marks, labels = axes[0].get_legend_handles_labels()
    figure.legend(marks, labels, loc="outside upper center", ncols=2)
    return Drawn(figure, scores)


def _plain(row: Row, rule: str) -> Row:
    score = _f1(row, rule)
    interval = score["interval"] or {"low": None, "high": None}
    return {
        "data": row["data"],
        "method": row["method"],
        "rule": rule,
        "f1": score["value"],
        "f1_low": interval["low"],
        "f1_high": interval["high"],
        "mb_per_s": row["speed"] and row["speed"]["all"],
        "missing": row["missing"],
    }


def _f1(row: Row, rule: str) -> Mapping[str, Any]:
    """The metric; without a value where the row is missing."""
    for metric in row["metrics"]:
        if metric["convention"] == rule and metric["name"] == "synapse_f1":
            return metric
    return {"value": None, "interval": None}


def _note_missing(axes: Axes, rows: Sequence[Row]) -> None:
    absent = [row["method"] for row in rows if row["f1"] is None or row["mb_per_s"] is None]
    if absent:
        said = "\n".join(["missing:", *absent])
        axes.text(0.02, 0.02, said, transform=axes.transAxes, fontsize=6, color=GREY)
