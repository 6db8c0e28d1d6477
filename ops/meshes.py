"""Surfaces of objects as triangles, for pictures."""

import dataclasses
import itertools
from collections.abc import Sequence

import numpy as np
from bioimage_cpp.mesh import marching_cubes
from jaxtyping import Bool, Float32, Float64, Int64

from ops.downsampling import check_factors
from ops.metrics.positions import check_voxel_size


@dataclasses.dataclass(frozen=True)
class Mesh:
    """A closed surface.

    Attributes:
        vertices_nm: corners (z, y, x) of its triangles, in nm.
        faces: three rows of vertices for each triangle, in such an order that, with axes taken as
            (x, y, z), the right-hand rule points outwards.
    """

    vertices_nm: Float64[np.ndarray, "vertices 3"]
    faces: Int64[np.ndarray, "faces 3"]

    def volume_nm3(self) -> float:
        """What it encloses, by the divergence theorem: a sixth of the sum of a · (b × c)."""
        a, b, c = np.moveaxis(self.vertices_nm[self.faces, ::-1], 1, 0)
        return float(np.einsum("ni,ni->", a, np.cross(b, c)) / 6)


def mesh(
    mask: Bool[np.ndarray, "z y x"],
    voxel_size_nm: Sequence[int | float],
    *,
    factors: Sequence[int] = (1, 1, 1),
    offset: Sequence[int] = (0, 0, 0),
) -> Mesh:
    """The surface of a mask, by marching cubes; closed, also where the mask reaches the faces.

    With factors it is the surface on which half of a coarse voxel would be filled: smoother, and of
    far fewer triangles, but what is thinner than half a coarse voxel is lost.

    Source: Lewiner, Lopes, Vieira, Tavares, Efficient implementation of marching cubes' cases with
    topological guarantees, Journal of Graphics Tools 8(2), 2003; by bioimage-cpp.

    Args:
        mask: True inside the object.
        voxel_size_nm: edge lengths (z, y, x), in nm.
        factors: voxels (z, y, x) that become one before the work.
        offset: voxel coordinates (z, y, x) of the mask's first voxel in its dataset.

    Returns:
        The surface, in nm from the corner of voxel 0 of the dataset; one without triangles where
        no coarse voxel is more than half full.

    Raises:
        ValueError: a voxel size or factors out of range.
    """
    size, steps = check_voxel_size(voxel_size_nm), check_factors(factors)
    filled = np.pad(_filled(mask, steps.tolist()), 1)
    if filled.max() <= 0.5:
        return Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64))
    vertices, faces, _, _ = marching_cubes(filled, 0.5, allow_degenerate=False)
    middles = (vertices.astype(np.float64) - 1 + 0.5) * steps  # -1 for the margin
    return Mesh((middles + np.array(offset)) * size, faces.astype(np.int64))


def _filled(
    mask: Bool[np.ndarray, "z y x"], factors: Sequence[int]
) -> Float32[np.ndarray, "_ _ _"]:
    """The share of each box of voxels that is True; what sticks out of the mask is False."""
    pads = [(0, -n % f) for n, f in zip(mask.shape, factors, strict=True)]
    whole = np.pad(mask, pads)
    fz, fy, fx = factors
    places = list(itertools.product(range(fz), range(fy), range(fx)))
    counts = sum(
        (whole[z::fz, y::fy, x::fx].astype(np.float32) for z, y, x in places[1:]),
        start=whole[::fz, ::fy, ::fx].astype(np.float32),
    )
    return counts / np.float32(len(places))
