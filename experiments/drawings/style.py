"""How figures look, and how they are kept: a column wide, in colours that all can tell apart."""

import csv
import dataclasses
import logging
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from matplotlib import rc_context
from matplotlib.axes import Axes
from matplotlib.figure import Figure
from matplotlib.typing import RcKeyType

COLUMN, PAGE = 3.5, 7.2  # inches, of a column and of two
# Okabe & Ito, "Color Universal Design" (2008).
COLOURS = ("#0072b2", "#d55e00", "#009e73", "#cc79a7", "#e69f00", "#56b4e9", "#000000")
GREY = "#6b7683"
MARKS = "osd^vP*"
TITLES = {  # of datasets
    "phantom": "phantom",
    "snemi3d": "mouse cortex (AC4)",
    "isbi2012": "fly larva (ISBI 2012)",
    "vnc": "fly nerve cord (VNC)",
    "fib25": "fly medulla (FIB-25)",
}
STYLE: dict[RcKeyType, Any] = {
    "font.size": 8,
    "axes.titlesize": 8,
    "legend.fontsize": 7,
    "axes.spines.top": False,
    "axes.spines.right": False,
    "legend.frameon": False,
    "lines.markersize": 4,
    "pdf.fonttype": 42,  # letters stay letters
}
logging.getLogger("fontTools").setLevel(logging.WARNING)  # says a line for every table of a font
UNDATED = {"CreationDate": None, "ModDate": None}  # so that the same figure is the same file


@dataclasses.dataclass(frozen=True)
class Drawn:
    """A figure, and the numbers that it shows.

    Attributes:
        figure: to be kept.
        rows: one for each mark; all have the same names.
    """

    figure: Figure
    rows: Sequence[Mapping[str, Any]]


def panels(
    width: float, height: float, columns: int = 1, rows: int = 1, **settings: Any
) -> tuple[Figure, list[Axes]]:
    """An empty figure, in inches, with axes side by side or below one another.

    Args:
        width: of all.
        height: of all.
        columns: of axes.
        rows: of axes.
        settings: of `Figure.subplots`.
    """
    figure = Figure(figsize=(width, height), layout="constrained")
    return figure, list(figure.subplots(rows, columns, squeeze=False, **settings).ravel())


def title_of(data: str) -> str:
    """What a dataset is called in figures."""
    return TITLES.get(data, data)


def keep(drawn: Drawn, folder: Path, name: str) -> None:
    """Writes NAME.png, NAME.pdf and NAME.csv."""
    with rc_context(STYLE):
        drawn.figure.savefig(folder / f"{name}.png", dpi=200)
        drawn.figure.savefig(folder / f"{name}.pdf", metadata=UNDATED)
    with (folder / f"{name}.csv").open("w", newline="") as file:
        table = csv.DictWriter(file, list(drawn.rows[0]))
        table.writeheader()
        table.writerows(drawn.rows)
