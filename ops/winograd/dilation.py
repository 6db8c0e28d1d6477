"""Dilated convolution as ordinary convolutions of interleaved parts of the image.

With steps of s, an output only sees inputs whose place has its own remainder modulo s: the s parts
of an axis are images of their own, and go through as one batch.
"""

import dataclasses
from collections.abc import Callable

import jax.numpy as jnp

from ops.winograd.calls import Image
from ops.winograd.core import largest
from ops.winograd.geometry import Geometry, Triple


def dilated(
    convolve: Callable[[Image, Geometry], Image], x: Image, geometry: Geometry, steps: Triple
) -> Image:
    """The convolution of x with kernels whose taps are `steps` apart.

    Args:
        convolve: the convolution without dilation.
        x: images.
        geometry: whose padding is that of the dilated kernel.
        steps: along each axis.
    """
    if steps == (1, 1, 1):
        return convolve(x, geometry)
    reach = [(k - 1) * s + 1 for k, s in zip(geometry.kernel, steps, strict=True)]
    out = [
        n + lo + hi - r + 1
        for n, lo, hi, r in zip(x.shape[1:4], geometry.low, geometry.high, reach, strict=True)
    ]
    parts = _split(_pad(x, geometry, steps, out), steps)
    bare = dataclasses.replace(geometry.unpooled(), low=(0, 0, 0), high=(0, 0, 0))
    y = _interleave(convolve(parts, bare), x.shape[0], steps)
    return largest(y[:, : out[0], : out[1], : out[2]], geometry.window)


def _pad(x: Image, geometry: Geometry, steps: Triple, out: list[int]) -> Image:
    """Zeros around the image, so that every part has the same size and all its outputs."""
    around = []
    for axis, s in enumerate(steps):
        part = -(-out[axis] // s) + geometry.kernel[axis] - 1
        low = geometry.low[axis]
        around.append((low, part * s - x.shape[axis + 1] - low))
    # A part may end before the padding does; what is beyond no output sees.
    x = jnp.pad(x, [(0, 0), *((lo, max(0, hi)) for lo, hi in around), (0, 0)])
    d, h, w = ((-(-out[a] // s) + geometry.kernel[a] - 1) * s for a, s in enumerate(steps))
    return x[:, :d, :h, :w]


def _split(x: Image, steps: Triple) -> Image:
    batch, d, h, w, channels = x.shape
    a, b, c = steps
    x = x.reshape(batch, d // a, a, h // b, b, w // c, c, channels)
    x = x.transpose(0, 2, 4, 6, 1, 3, 5, 7)
    return x.reshape(batch * a * b * c, d // a, h // b, w // c, channels)


def _interleave(y: Image, batch: int, steps: Triple) -> Image:
    _, d, h, w, channels = y.shape
    y = y.reshape(batch, *steps, d, h, w, channels).transpose(0, 4, 1, 5, 2, 6, 3, 7)
    return y.reshape(batch, d * steps[0], h * steps[1], w * steps[2], channels)
