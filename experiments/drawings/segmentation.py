"""Splits and merges of segmentations, by what segments, with intervals."""

from collections.abc import Sequence

from experiments.drawings.rows import distinct, where, whiskers
from experiments.drawings.style import COLOURS, GREY, MARKS, PAGE, Drawn, panels, title_of
from experiments.stored_results import Row

PARTS = {"vi_split": "VI split", "vi_merge": "VI merge"}  # bits
METHODS = {
    "watershed": "watershed",
    "mended": "… merge errors mended",
    "edges": "… learned edge classifier",
    "3c": "cross-classification (3C)",
    "fast": "watershed, fast network",
}
APART = 0.16  # of a row, between both


def draw_segmentation(rows: Sequence[Row]) -> Drawn:
    """VI split and VI merge of each of `METHODS`, a panel for each dataset.

    Rows: data, method, and vi_split and vi_merge with _low and _high, in bits.
    """
    data = distinct(rows, "data")
    methods = [method for method in METHODS if method in distinct(rows, "method")]
    figure, axes = panels(PAGE, 0.9 + 0.26 * len(methods), len(data), sharey=True)
    for panel, name in zip(axes, data, strict=True):
        own = where(rows, data=name)
        for number, (part, words) in enumerate(PARTS.items()):
            panel.errorbar(
                [row[part] for row in own],
                [methods.index(row["method"]) + APART * (2 * number - 1) for row in own],
                xerr=whiskers(own, part),
                fmt=MARKS[number],
                color=COLOURS[number],
                lw=1,
                label=words,
            )
        for absent in set(methods) - {row["method"] for row in own}:
            words = panel.text(0.04, methods.index(absent), "no such weights", color=GREY)
            words.set(va="center", transform=panel.get_yaxis_transform())
            words.set_bbox({"fc": "white", "ec": "none", "pad": 0.5})
        panel.set(title=title_of(name), xlabel="bits", xlim=(0, None))
        panel.grid(axis="y", lw=0.3)
    axes[0].set_yticks(range(len(methods)), [METHODS[method] for method in methods])
    axes[0].invert_yaxis()
    marks, names = axes[0].get_legend_handles_labels()
    figure.legend(marks, names, loc="outside upper center", ncols=2)
    return Drawn(figure, rows)
