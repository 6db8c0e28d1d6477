"""Merge errors found by shape: across datasets, beside rules of thumb, and at every threshold."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from matplotlib.axes import Axes
from matplotlib.patches import Rectangle

from experiments.drawings.rows import distinct, where, whiskers
from experiments.drawings.style import COLOURS, COLUMN, GREY, MARKS, PAGE, Drawn, panels
from experiments.stored_results import Row

NETWORK = "MergeNet"  # the method that all others are beside
DARK = 0.78  # ROC-AUC below which the colour of a cell is dark
LINES = ("-", "--", "-.", ":")


def draw_matrix(rows: Sequence[Row]) -> Drawn:
    """ROC-AUC, learnt from the row, scored on the column; what was not measured says so.

    Rows with experiment "matrix": trained, tested, auc, auc_low, auc_high.
    """
    own = where(rows, experiment="matrix")
    trained, tested = distinct(own, "trained"), distinct(own, "tested")
    cells = {(row["trained"], row["tested"]): row for row in own if row["auc"] is not None}
    values = np.array(
        [[cells[a, b]["auc"] if (a, b) in cells else np.nan for b in tested] for a in trained]
    )
    figure, (axes,) = panels(COLUMN + 0.5 * max(0, len(tested) - 3), 0.9 + 0.42 * len(trained))
    axes.imshow(values, cmap="cividis", vmin=0.5, vmax=1, aspect="auto")
    for place in np.ndindex(values.shape):
        _write_cell(axes, place, cells.get((trained[place[0]], tested[place[1]])))
    axes.set_xticks(range(len(tested)), [name.replace(", ", ",\n") for name in tested])
    axes.set_yticks(range(len(trained)), [name.replace(", ", ",\n") for name in trained])
    axes.set(xlabel="scored on", ylabel="learnt from", title="ROC-AUC of made merges")
    axes.tick_params(length=0)
    axes.spines[:].set_visible(False)
    return Drawn(figure, own)


def _write_cell(axes: Axes, place: tuple[int, ...], row: Row | None) -> None:
    y, x = place
    look: dict[str, Any] = {"ha": "center", "va": "center"}
    if row is None:
        axes.add_patch(Rectangle((x - 0.5, y - 0.5), 1, 1, fc="0.93", ec="white", hatch="///"))
        axes.text(x, y, "missing", color=GREY, backgroundcolor="0.93", fontsize=7, **look)
        return
    colour = "white" if row["auc"] < DARK else "black"
    bare = row["auc_low"] is None
    axes.text(x, y if bare else y - 0.12, f"{row['auc']:.3f}", color=colour, **look)
    if not bare:
        words = f"{row['auc_low']:.2f} to {row['auc_high']:.2f}"
        axes.text(x, y + 0.22, words, color=colour, fontsize=6, **look)


def draw_roc(rows: Sequence[Row]) -> Drawn:
    """ROC curves, as far as they are stored, and ROC-AUC of the network beside rules of thumb.

    Rows with experiment "roc": trained, tested, fpr, tpr; "baseline": tested, method, auc,
    auc_low, auc_high.
    """
    beside = where(rows, experiment="baseline")
    curves = [row for row in rows if row["experiment"] == "roc"]
    figure, (left, right) = panels(PAGE, max(2.8, 0.9 + 0.45 * len(distinct(beside, "tested"))), 2)
    _draw_curves(left, curves)
    _draw_methods(right, beside)
    marks, names = right.get_legend_handles_labels()
    figure.legend(marks, names, loc="outside upper center", ncols=len(names), columnspacing=1)
    return Drawn(figure, [*map(_method, beside), *(p for row in curves for p in _points(row))])


def _draw_curves(axes: Axes, curves: Sequence[Row]) -> None:
    axes.plot([0, 1], [0, 1], color=GREY, lw=0.8)
    for number, row in enumerate(curves):
        name = f"{row['trained']} → {row['tested']}"
        colour, line = COLOURS[number % len(COLOURS)], LINES[number // len(COLOURS) % len(LINES)]
        axes.plot(row["fpr"], row["tpr"], line, color=colour, label=name)
    if curves:
        axes.legend(loc="lower right", fontsize=6)
    else:
        axes.text(0.5, 0.3, "curves: missing", color=GREY)
    axes.set(xlabel="false positive rate", ylabel="true positive rate", xlim=(0, 1), ylim=(0, 1.01))


def _draw_methods(axes: Axes, rows: Sequence[Row]) -> None:
    tested, methods = distinct(rows, "tested"), distinct(rows, "method")
    for number, method in enumerate(methods):
        own, aside = where(rows, method=method), 0.7 * ((number + 0.5) / len(methods) - 0.5)
        axes.errorbar(
            [row["auc"] for row in own],
            [tested.index(row["tested"]) + aside for row in own],
            xerr=whiskers(own, "auc"),
            fmt=MARKS[number % len(MARKS)],
            color=COLOURS[number % len(COLOURS)],
            ms=6 if method == NETWORK else 4,
            lw=1,
            label=method,
            zorder=3 if method == NETWORK else 2,
        )
    axes.axvline(0.5, color=GREY, lw=0.8, zorder=0)
    axes.set_yticks(range(len(tested)), tested)
    axes.invert_yaxis()
    axes.set(xlabel="ROC-AUC", xlim=(0.2, 1.01))
    axes.grid(axis="y", lw=0.3)


COLUMNS = ("method", "tested", "auc", "auc_low", "auc_high", "fpr", "tpr")


def _method(row: Row) -> Row:
    return {name: row.get(name) for name in COLUMNS}


def _points(row: Row) -> list[Row]:
    name = {"method": f"{NETWORK} of {row['trained']}", "tested": row["tested"]}
    pairs = zip(row["fpr"], row["tpr"], strict=True)
    return [_method(name | {"fpr": fpr, "tpr": tpr}) for fpr, tpr in pairs]
