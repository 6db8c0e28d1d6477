"""Segments and skeletons of a run as layers of the viewer, and which neurites it shows at first."""

import csv
from collections.abc import Iterable, Mapping, Sequence
from pathlib import Path

import neuroglancer
import numpy as np
from neuroglancer.skeleton import Skeleton, SkeletonSource

from data.skeletons import read_swc
from data.volume import Volume
from experiments.reconstruction.stages.growing import SWC, TABLE
from experiments.report.colours import id_colour
from experiments.viewing import volumes
from experiments.viewing.space import NM

SURFACES, LINES = 4, 200  # neurites of which the viewer shows these at first

THIN = neuroglancer.SkeletonRenderingOptions(mode2d="lines", line_width2d=2.0, line_width3d=2.0)


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


def segment_layer(
    run: Path, volume: Volume, chosen: Sequence[int]
) -> neuroglancer.SegmentationLayer:
    """All segments in sections; those chosen more strongly, and in 3-D as surface and skeleton."""
    layer = volumes.label_layer(volume)
    if (run / SWC).is_dir():
        layer.source = [*layer.source, SwcSource(run / SWC)]
    layer.segments, layer.segment_colors = chosen, colours(chosen)
    layer.selected_alpha, layer.not_selected_alpha = 0.35, 0.15
    layer.skeleton_rendering = THIN
    return layer


def skeleton_layer(run: Path) -> neuroglancer.SegmentationLayer:
    """The longest skeletons of a run, as lines."""
    shown = longest(run, LINES)
    return neuroglancer.SegmentationLayer(
        source=[SwcSource(run / SWC)],
        segments=shown,
        segment_colors=colours(shown),
        skeleton_rendering=THIN,
    )


def chosen(run: Path, synapses: Iterable[Mapping[str, str]]) -> list[int]:
    """The partners of the first synapses, and then the longest neurites: `SURFACES` at most."""
    partners = (int(row[side]) for row in synapses for side in ("pre", "post"))
    ids = dict.fromkeys([*(n for n in partners if n), *longest(run, SURFACES)])
    return list(ids)[:SURFACES]


def longest(run: Path, count: int) -> list[int]:
    """The segments with the longest skeletons, the longest first; none before they are made."""
    if not (run / TABLE).exists():
        return []
    with (run / TABLE).open(newline="") as file:
        rows = [row for row in csv.DictReader(file) if row["length_um"]]
    rows.sort(key=lambda row: -float(row["length_um"]))
    return [int(row["id"]) for row in rows[:count]]


def colours(ids: Iterable[int]) -> dict[int, str]:
    """The colours of ids, as the report has them, as #rrggbb."""
    return {n: volumes.as_hex([round(255 * part) for part in id_colour(n)]) for n in ids}
