"""Skeletons of a run for the viewer, and which neurites it shows at first."""

import csv
from pathlib import Path

import neuroglancer
import numpy as np
from neuroglancer.skeleton import Skeleton, SkeletonSource

from data.skeletons import read_swc
from experiments.report.colours import id_colour
from experiments.reconstruction.stages.growing import SWC, TABLE

NM = neuroglancer.CoordinateSpace(names=["z", "y", "x"], units="nm", scales=[1, 1, 1])


class SwcSource(SkeletonSource):
    """The files ID.swc of a folder, each read when its segment is chosen."""

    def __init__(self, folder: Path):
        """Of a folder of trees in nm."""
        super().__init__(NM)
        self.folder = folder

    def get_skeleton(self, object_id: int) -> Skeleton:
        """The tree of a segment; one without nodes where it has none, which is no mistake."""
        path = self.folder / f"{object_id}.swc"
        if not path.exists():
            return Skeleton(np.zeros((0, 3)), np.zeros((0, 2)))
        tree = read_swc(path)
        child = np.flatnonzero(tree.parents >= 0)
        edges = np.stack([child, tree.parents[child]], axis=1)
        return Skeleton(tree.positions_nm, edges)


def longest(run: Path, count: int) -> list[int]:
    """The segments with the longest skeletons, the longest first; none before they are made."""
    if not (run / SWC).is_dir() or not (run / TABLE).exists():
        return []
    with (run / TABLE).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["length_um"]]
    rows.sort(key=lambda row: -float(row["length_um"]))
    return [int(row["id"]) for row in rows[:count]]


def colour(number: int) -> str:
    """The colour of an id, as the report has it, as #rrggbb."""
    return as_hex([round(255 * part) for part in id_colour(number)])


def as_hex(rgb: tuple[int, int, int] | list[int]) -> str:
    """Red, green, blue in [0, 255] as #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)
