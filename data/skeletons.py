"""Skeletons: neurons as trees of nodes, and the SWC files that hold them."""

from pathlib import Path

import numpy as np

from ops.skeletons.skeleton import Skeleton


def write_swc(skeleton: Skeleton, path: str | Path) -> None:
    """Writes an SWC file (node, structure 0, x, y, z, radius, parent), lengths in nm.

    SWC itself has no units; a first comment says them as navis reads and writes it.
    """
    numbers = np.arange(1, len(skeleton.parents) + 1)
    parents = np.where(skeleton.parents >= 0, skeleton.parents + 1, -1)
    lines = [
        '# Meta: {"units": "1 nanometer"}',
        "# coordinates and radii in nm; columns: node structure x y z radius parent",
    ]
    for number, (z, y, x), radius, parent in zip(
        numbers, skeleton.positions_nm, skeleton.radii_nm, parents, strict=True
    ):
        lines.append(f"{number} 0 {x:.1f} {y:.1f} {z:.1f} {radius:.1f} {parent}")
    Path(path).write_text("\n".join(lines) + "\n")


def read_swc(path: str | Path, unit_nm: float = 1.0) -> Skeleton:
    """An SWC file: lines of node, structure, x, y, z, radius, parent; `#` starts a comment.

    Args:
        path: of the file.
        unit_nm: nm in one unit of the file's coordinates and radii.

    Raises:
        ValueError: where a line has not seven numbers, or a parent is not in the file.
    """
    try:
        text = Path(path).read_text().splitlines()
        lines = [line for line in text if line.split("#", 1)[0].strip()]
        rows = np.loadtxt(lines, dtype=np.float64, comments="#", ndmin=2) if lines else None
    except ValueError as error:
        raise ValueError(f"{path}: got no SWC file ({error}); needs seven numbers a line") from None
    if rows is None or not np.isfinite(rows).all():
        what = "no node" if rows is None else "a number that is not finite"
        raise ValueError(f"{path}: got {what}; needs lines of seven numbers")
    if rows.shape[1] != 7:
        raise ValueError(f"{path}: got {rows.shape[1]} columns; an SWC file has 7")
    numbers, parents = rows[:, 0].astype(int), rows[:, 6].astype(int)
    unknown = np.setdiff1d(parents, [-1, *numbers])
    if len(unknown):
        raise ValueError(f"{path}: got parent {unknown[0]}; needs -1 or a node of the file")
    order = np.argsort(numbers)
    found = np.searchsorted(numbers[order], np.maximum(parents, numbers.min()))
    return Skeleton(
        positions_nm=rows[:, 4:1:-1] * unit_nm,
        parents=np.where(parents < 0, -1, order[found]),
        radii_nm=rows[:, 5] * unit_nm,
    )
