"""The algorithm in plain JAX, to be read and to be compared with: a few lines for each stage.

The compiled kernels do the same block by block; this one is for any JAX device, and slow.
"""

from collections.abc import Sequence

import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float

from ops.winograd.transforms import Matrix, input_matrix, kernel_matrix, output_matrix


def winograd_reference(
    x: Float[Array, "batch d h w cin"],
    w: Float[Array, "kd kh kw cin cout"],
    tile: Sequence[int],
    padding: Sequence[tuple[int, int]],
) -> Float[Array, "batch out_d out_h out_w cout"]:
    """Convolution (correlation, as neural networks call it) with tiles of T elements an axis.

    Args:
        x: images.
        w: kernels.
        tile: T of each axis: 4, 6 or 8, or 1 where the kernel is 1.
        padding: zeros before and after each axis.
    """
    taps = w.shape[:3]
    outputs = [t - r + 1 for t, r in zip(tile, taps, strict=True)]
    out = [n + lo + hi - r + 1 for n, (lo, hi), r in zip(x.shape[1:4], padding, taps, strict=True)]
    counts = [-(-n // m) for n, m in zip(out, outputs, strict=True)]
    tiles = _cut(x, tile, outputs, counts, padding)
    v = _along_axes([_input(t) for t in tile], tiles, first=4)
    u = _along_axes([_kernel(t, r) for t, r in zip(tile, taps, strict=True)], w, first=0)
    products = jnp.einsum("nijkabcp,abcpq->nijkabcq", v, u, precision="highest")
    y = _along_axes([_output(t, r) for t, r in zip(tile, taps, strict=True)], products, first=4)
    return _join(y)[:, : out[0], : out[1], : out[2]]


def _cut(x, tile, outputs, counts, padding) -> Float[Array, "batch i j k td th tw cin"]:
    """Overlapping tiles, with zeros around the image."""
    ends = [(count - 1) * m + t for count, m, t in zip(counts, outputs, tile, strict=True)]
    sizes = zip(x.shape[1:4], ends, padding, strict=True)
    around = [(lo, max(0, end - n - lo)) for n, end, (lo, _) in sizes]
    x = jnp.pad(x, [(0, 0), *around, (0, 0)])
    for axis, (count, m, t) in enumerate(zip(counts, outputs, tile, strict=True)):
        places = np.arange(count)[:, None] * m + np.arange(t)
        x = jnp.take(x, places, axis=1 + 2 * axis)
    return x.transpose(0, 1, 3, 5, 2, 4, 6, 7)


def _along_axes(matrices: Sequence[Matrix | None], values: Array, first: int) -> Array:
    """Each matrix applied along its axis, from the first on; None leaves an axis as it is."""
    for axis, matrix in enumerate(matrices, start=first):
        if matrix is not None:
            factor = jnp.asarray(np.array(matrix, np.float64), values.dtype)
            values = jnp.moveaxis(
                jnp.tensordot(factor, values, axes=(1, axis), precision="highest"), 0, axis
            )
    return values


def _join(y: Float[Array, "batch i j k md mh mw cout"]) -> Float[Array, "batch d h w cout"]:
    batch, i, j, k, d, h, w, cout = y.shape
    return y.transpose(0, 1, 4, 2, 5, 3, 6, 7).reshape(batch, i * d, j * h, k * w, cout)


def _input(tile: int) -> Matrix | None:
    return None if tile == 1 else input_matrix(tile)


def _kernel(tile: int, taps: int) -> Matrix | None:
    return None if tile == 1 else kernel_matrix(tile, taps)


def _output(tile: int, taps: int) -> Matrix | None:
    return None if tile == 1 else output_matrix(tile, taps)
