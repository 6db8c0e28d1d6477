"""What the report says of merge errors: the queue to proofread, and objects before and after."""

from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import UInt

from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.mending_summary import read_flags
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.tracing import read_coarse
from experiments.report import page
from experiments.report.space import Object3d, surface
from experiments.report.still_3d import draw_still
from ops.downsampling import coarse_factors
from ops.meshes import mesh

SHOWN, LISTED = 4, 20
COARSE_NM = 40.0
AROUND_NM = 1500.0  # of an object that is shown, on each side of the error
WHOLE, LEFT, RIGHT = (0.55, 0.58, 0.62), (0.0, 0.45, 0.7), (0.84, 0.37, 0.0)


def mending_sections(run: Path, metrics: Mapping) -> list[str]:
    """The section of the report; none where no MergeNet looked."""
    if "merge_errors" not in metrics:
        return []
    told, flags = metrics["merge_errors"], read_flags(run)
    parts = [page.text(_words(told)), *_scores(told)]
    divided = [flag for flag in flags if flag["split_off"]][:SHOWN]
    volume = open_volume(str(run / SEGMENTATION))
    for flag in divided:
        words = (
            f"Object {flag['object']}, probability {float(flag['probability']):.2f} of a merge "
            f"error: as it was, and divided into {flag['object']} and {flag['split_off']}."
        )
        pictures = [page.micrograph(draw_still(things), "") for things in _both(volume, flag)]
        parts += [page.beside("pair", pictures), page.text(words)]
    header = list(flags[0]) if flags else []
    rows = [list(flag.values()) for flag in flags[:LISTED]]
    parts += [page.table(header, rows)] if rows else []
    return [page.section("Merge errors", *parts)]


def _words(told: Mapping) -> str:
    by = told["reasons"]
    return (
        f"{told['flagged']} objects look wrong: {by['shape']} by their shape, like two that were "
        f"merged, {by['crossing']} by branches that cross, and {by['orphan']} end on all sides "
        f"within the volume. {told['divided']} of them were divided, where the boundary agreed; "
        f"{100 * told['looked_again']:.0f} % of the objects' voxels were looked at again. "
        "merge_errors.csv has all, the likeliest first."
    )


def _scores(told: Mapping) -> list[str]:
    if "before" not in told:
        return []
    rows = [
        [name, f"{told['before'][name]:.3f}", f"{told['after'][name]:.3f}"]
        for name in told["before"]
    ]
    return [page.table(["", "before", "after"], rows)]


def _both(volume: Volume, flag: Mapping[str, str]) -> list[Sequence[Object3d]]:
    """An object around its error, in one colour and in two."""
    labels, size = _around(volume, flag)
    left, right = labels == int(flag["object"]), labels == int(flag["split_off"])
    parts = {"whole": (left | right, WHOLE), "left": (left, LEFT), "right": (right, RIGHT)}
    made = {
        name: surface(name, colour, mesh(mask, size))
        for name, (mask, colour) in parts.items()
        if mask.any()
    }
    return [[made["whole"]], [made[name] for name in ("left", "right") if name in made]]


def _around(
    volume: Volume, flag: Mapping[str, str]
) -> tuple[UInt[np.ndarray, "z y x"], list[float]]:
    """Coarse labels about a place, and their voxel size."""
    factors = np.array(coarse_factors(volume.voxel_size_nm, COARSE_NM))
    size = np.multiply(volume.voxel_size_nm, factors)
    corner = np.multiply(volume.offset, volume.voxel_size_nm)
    place = np.array([float(flag[f"{axis}_nm"]) for axis in "zyx"]) - corner
    first = np.maximum(0, (place - AROUND_NM) // size).astype(int) * factors
    last = np.minimum(volume.shape[:3], (((place + AROUND_NM) // size).astype(int) + 1) * factors)
    (a, b, c), (d, e, f), (p, q, r) = first.tolist(), last.tolist(), factors.tolist()
    return read_coarse(volume, (p, q, r), (a, b, c), (d, e, f)), size.tolist()
