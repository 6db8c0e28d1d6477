"""Membranes of shipped weights on real tissue: voxel by voxel, and by the regions they enclose."""

from collections.abc import Sequence

from matplotlib.axes import Axes

from experiments.drawings.rows import distinct, where
from experiments.drawings.style import COLOURS, PAGE, Drawn, panels, title_of
from experiments.stored_results import Row

LINES = ("-", "--", "-.", ":")


def draw_membranes(rows: Sequence[Row]) -> Drawn:
    """Precision over recall, and V_Rand over thresholds.

    Rows with experiment "voxels": data, threshold, precision and recall; "sections": data,
    threshold, v_rand (mean over sections) and v_rand_low, v_rand_high (their quartiles).
    """
    figure, (voxels, sections) = panels(PAGE, 2.7, 2)
    for number, data in enumerate(distinct(rows, "data")):
        colour, line = COLOURS[number], LINES[number]
        _draw_voxels(voxels, where(rows, experiment="voxels", data=data), colour, line)
        _draw_sections(sections, where(rows, experiment="sections", data=data), colour, line, data)
    voxels.set(xlabel="recall of membrane pixels", ylabel="precision", xlim=(0, 1), ylim=(0, 1.02))
    sections.set(xlabel="threshold of P(membrane)", ylabel="V_Rand", xlim=(0, 1), ylim=(0, 1.02))
    marks, names = sections.get_legend_handles_labels()
    figure.legend(marks, names, loc="outside upper center", ncols=len(names))
    return Drawn(figure, [_plain(row) for row in rows])


def _draw_voxels(axes: Axes, rows: Sequence[Row], colour: str, line: str) -> None:
    recall, precision = [row["recall"] for row in rows], [row["precision"] for row in rows]
    axes.plot(recall, precision, line, color=colour, clip_on=False)


def _draw_sections(axes: Axes, rows: Sequence[Row], colour: str, line: str, data: str) -> None:
    thresholds = [row["threshold"] for row in rows]
    low, high = ([row[f"v_rand_{end}"] for row in rows] for end in ("low", "high"))
    axes.fill_between(thresholds, low, high, color=colour, alpha=0.2, lw=0)
    best = max(rows, key=lambda row: row["v_rand"])
    label = f"{title_of(data)}: V_Rand {best['v_rand']:.3f}"
    axes.plot(thresholds, [row["v_rand"] for row in rows], line, color=colour, label=label)
    axes.plot(best["threshold"], best["v_rand"], "o", color=colour)


COLUMNS = (
    "experiment",
    "data",
    "weights",
    "threshold",
    "precision",
    "recall",
    "v_rand",
    "v_rand_low",
    "v_rand_high",
)


def _plain(row: Row) -> Row:
    return {name: row.get(name) for name in COLUMNS}
