"""The smooth warp from tissue to lattice space, which hides the lattice and makes membranes wavy.

Two displacements add up: ripples finer than a cell, and a bend over several cells that leaves
the faces of the volume where they are. Their gradients together stay below 1, so the warp
tears nothing.
"""

import dataclasses

import numpy as np
from jaxtyping import Float
from scipy.ndimage import map_coordinates

from data.synthetic.lattice import Lattice

# In cell edges: amplitude of spline coefficients (a third of it as displacement), and the depth
# over which displacements fade towards a face of the volume.
RIPPLE, RIPPLE_FADE = 0.17, 0.6
RIPPLES_PER_CELL = 2
BEND, BEND_FADE = 1.25, 2.5
BEND_CELLS = 4  # cells per knot of the bend


@dataclasses.dataclass(frozen=True)
class Warp:
    """Displacements in nm.

    Attributes:
        ripples: cubic B-spline coefficients, `RIPPLES_PER_CELL` a cell, one before the corner.
        bend: displacement at the corners of the lattice's cells, linear between them.
    """

    ripples: Float[np.ndarray, "knots_z knots_y knots_x 3"]
    bend: Float[np.ndarray, "corners_z corners_y corners_x 3"]


def make_warp(lattice: Lattice, size_nm: Float[np.ndarray, " 3"], rng: np.random.Generator) -> Warp:
    """Draws the warp of a volume of the given size (z, y, x) in nm."""
    edge_nm = lattice.cell_nm.mean()
    cells = np.array(lattice.shape) + 1  # the last cell of an axis may have no site
    knots = RIPPLES_PER_CELL * cells + 4
    knot = np.stack(np.meshgrid(*(np.arange(n) - 1 for n in knots), indexing="ij"), -1)
    place = knot * lattice.cell_nm / RIPPLES_PER_CELL
    ripples = RIPPLE * edge_nm * rng.normal(size=(*knots, 3)).clip(-2, 2)
    ripples *= _fade(place, size_nm, RIPPLE_FADE * edge_nm)
    knots = -(-cells // BEND_CELLS) + 4
    coefficients = BEND * edge_nm * rng.normal(size=(*knots, 3)).clip(-2, 2)
    corner = np.stack(np.meshgrid(*(np.arange(n + 1.0) for n in cells), indexing="ij"), -1)
    spline = [axis / BEND_CELLS + 1 for axis in np.moveaxis(corner, -1, 0)]
    bend = [
        map_coordinates(coefficients[..., a], spline, order=3, prefilter=False) for a in range(3)
    ]
    place = corner * lattice.cell_nm
    bend = np.stack(bend, -1) * _fade(place, size_nm, BEND_FADE * edge_nm)
    return Warp(ripples.astype(np.float32), bend.astype(np.float32))


def _fade(place, size_nm, depth_nm: float) -> Float[np.ndarray, "z y x 3"]:
    """1 inside, falling to 0 at the faces of each axis; nowhere 1 where the volume is thin."""
    from_face = np.minimum(place, size_nm - place).clip(0)
    return np.minimum(1, from_face / depth_nm)


def displacement(
    points: Float[np.ndarray, "n 3"], lattice: Lattice, warp: Warp
) -> Float[np.ndarray, "n 3"]:
    """Displacement (nm) to lattice space at points in tissue space (nm)."""
    cell = points.T / lattice.cell_nm[:, None]
    ripple = [
        map_coordinates(
            warp.ripples[..., a],
            cell * RIPPLES_PER_CELL + 1,
            order=3,
            prefilter=False,
            mode="nearest",
        )
        for a in range(3)
    ]
    bend = [map_coordinates(warp.bend[..., a], cell, order=1, mode="nearest") for a in range(3)]
    return np.stack(ripple, -1) + np.stack(bend, -1)


def to_tissue(
    points: Float[np.ndarray, "n 3"], lattice: Lattice, warp: Warp
) -> Float[np.ndarray, "n 3"]:
    """Undoes the warp: the tissue-space points (nm) that it carries to the given ones."""
    tissue = points.astype(np.float64)
    for _ in range(40):  # a contraction, as the warp's gradient stays below 1
        tissue = points - displacement(tissue, lattice, warp)
    return tissue
