"""The jittered lattice of sites that the phantom's neurites grow on.

Space is cut into equal cells of about `pitch_nm`; each holds one site at a random place around
its middle. A neurite is a connected set of sites, so neurites can never cross, always fill
space, and are known everywhere from a few numbers per cell: about 9,000 voxels at 30x6x6 nm.
"""

import dataclasses
import itertools

import numpy as np
from jaxtyping import Float, Int

from data.synthetic.parameters import PhantomParameters

JITTER = 0.36  # of a cell; more would often let a foreign site come between two neighbours
SAMPLE_NM = 24.0  # smooth fields are evaluated this far apart and interpolated

NEIGHBOURHOOD = np.array(list(itertools.product((-1, 0, 1), repeat=3)))
FACES = np.array([[-1, 0, 0], [1, 0, 0], [0, -1, 0], [0, 1, 0], [0, 0, -1], [0, 0, 1]])


@dataclasses.dataclass(frozen=True)
class Lattice:
    """Cells and sites of one phantom.

    Attributes:
        cell_voxels: voxels along (z, y, x) of one cell.
        stride: voxels along (z, y, x) between samples of the smooth fields; divides cell_voxels.
        shape: sites along (z, y, x).
        cell_nm: edge lengths of a cell in nm.
        positions: site coordinates in nm, float32.
    """

    cell_voxels: tuple[int, int, int]
    stride: tuple[int, int, int]
    shape: tuple[int, int, int]
    cell_nm: Float[np.ndarray, " 3"]
    positions: Float[np.ndarray, "sites 3"]


def make_lattice(parameters: PhantomParameters, rng: np.random.Generator) -> Lattice:
    """Sites for a volume; the last cell of an axis has one only if half of it is inside."""
    voxel = np.array(parameters.voxel_size_nm)
    stride = np.maximum(1, np.round(SAMPLE_NM / voxel)).astype(int)
    cells = np.maximum(1, np.round(parameters.tissue.pitch_nm / (voxel * stride))).astype(int)
    cell_voxels = cells * stride
    shape = np.maximum(1, np.round(np.array(parameters.shape) / cell_voxels)).astype(int)
    cell_nm = cell_voxels * voxel
    first = np.stack(np.unravel_index(np.arange(shape.prod()), shape), -1)
    first = first * cell_nm
    # The last cell may reach beyond the volume: its site keeps to the part inside.
    last = np.minimum(first + cell_nm, np.array(parameters.shape) * voxel)
    place = 0.5 + rng.uniform(-JITTER, JITTER, first.shape)
    positions = (first + place * (last - first)).astype(np.float32)
    return Lattice(
        tuple(cell_voxels.tolist()),
        tuple(stride.tolist()),
        tuple(shape.tolist()),
        cell_nm,
        positions,
    )


def site_index(
    coordinates: Int[np.ndarray, "*n 3"], shape: tuple[int, int, int]
) -> Int[np.ndarray, "*n"]:
    """Flat site index of lattice coordinates; -1 outside the lattice."""
    inside = ((coordinates >= 0) & (coordinates < np.array(shape))).all(-1)
    clipped = np.clip(coordinates, 0, np.array(shape) - 1)
    flat = (clipped[..., 0] * shape[1] + clipped[..., 1]) * shape[2] + clipped[..., 2]
    return np.where(inside, flat, -1)


def site_coordinates(
    sites: Int[np.ndarray, "*n"], shape: tuple[int, int, int]
) -> Int[np.ndarray, "*n 3"]:
    """Lattice coordinates (z, y, x) of flat site indices."""
    return np.stack(np.unravel_index(sites, shape), -1)


def face_neighbours(
    sites: Int[np.ndarray, " n"], shape: tuple[int, int, int]
) -> Int[np.ndarray, "n 6"]:
    """The six sites that share a cell face with each site; -1 outside the lattice."""
    return site_index(site_coordinates(sites, shape)[:, None] + FACES, shape)


def face_edges(shape: tuple[int, int, int]) -> Int[np.ndarray, "edges 2"]:
    """All pairs of sites whose cells share a face, each pair once."""
    grid = np.arange(np.prod(shape)).reshape(shape)
    pairs = [
        np.stack([np.delete(grid, -1, axis).ravel(), np.delete(grid, 0, axis).ravel()], -1)
        for axis in range(3)
    ]
    return np.concatenate(pairs)
