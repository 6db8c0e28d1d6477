"""Between samples and voxels of a cell.

Voxels are held as (fine, coarse): place within a sample's box, then the sample, so that linear
interpolation is plain arithmetic on whole rows; `lay_out` puts them back in (z, y, x).
"""

import functools
import itertools

import jax
import jax.numpy as jnp
import numpy as np

from data.synthetic.cell import Geometry, Rendered


def at_corners(samples, geometry):
    """The samples at each corner of every sample box: arrays (..., coarse)."""
    spans = [n - (s > 1) for n, s in zip(geometry.samples, geometry.stride, strict=True)]
    lead = samples.shape[:-3]
    return [
        samples[(..., *(slice(o, o + n) for o, n in zip(offset, spans, strict=True)))].reshape(
            *lead, 1, -1
        )
        for offset in _offsets(geometry)
    ]


def _offsets(geometry):
    return list(itertools.product(*((0, 1) if s > 1 else (0,) for s in geometry.stride)))


def corner_weights(geometry) -> list[np.ndarray]:
    """Linear interpolation: for each corner, the weight at each fine place, (fine, 1)."""
    share = [(np.arange(s) + 0.5) / s if s > 1 else np.zeros(1) for s in geometry.stride]
    weights = []
    for offset in _offsets(geometry):
        factors = [f if o else 1 - f for o, f in zip(offset, share, strict=True)]
        product = np.einsum("i,j,k->ijk", *factors)
        weights.append(product.reshape(-1, 1).astype(np.float32))
    return weights


def interpolate(samples, geometry):
    return sum(
        w * c for w, c in zip(corner_weights(geometry), at_corners(samples, geometry), strict=True)
    )


def per_section(values, geometry):
    """A value per section, spread over (fine, coarse)."""
    coarse = [c // s for c, s in zip(geometry.cell_voxels, geometry.stride, strict=True)]
    grid = values.reshape(coarse[0], geometry.stride[0]).T[:, None, None, :, None, None]
    return jnp.broadcast_to(grid, (*geometry.stride, *coarse)).reshape(np.prod(geometry.stride), -1)


@functools.partial(jax.jit, static_argnames=("geometry", "tile_cells"))
def lay_out(rendered: Rendered, geometry: Geometry, tile_cells: tuple[int, int, int]) -> Rendered:
    """Voxels of a tile's cells, put in their place (z, y, x)."""
    coarse = [c // s for c, s in zip(geometry.cell_voxels, geometry.stride, strict=True)]
    shape = [t * c for t, c in zip(tile_cells, geometry.cell_voxels, strict=True)]

    def unfold(voxels):
        split = voxels.reshape(*tile_cells, *geometry.stride, *coarse)
        return split.transpose(0, 6, 3, 1, 7, 4, 2, 8, 5).reshape(shape)

    return jax.tree.map(unfold, rendered)
