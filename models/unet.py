"""The U-Net that `models.unet2d` and `models.unet3d` are made of (Ronneberger et al. 2015).

A level is a block of two convolutions, the second of them residual. From level to level the
maximum of windows is taken on the way down; on the way up voxels are repeated, which together with
the kernel of 1 before it is a transposed convolution with one tap for all, but fast on a CPU, and
added to what came from the left, which costs half of joining channels.
"""

import itertools
import math
from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jax import lax
from jaxtyping import Array, Float32

from models.convolution import Conv
from models.head import head
from models.standardised import Residual, Standardised
from ops.winograd.geometry import Triple

MOST_FEATURES = 256  # of a level, unless the first has more


class UNet(nnx.Module):
    """Logits of the same size as the images, from a pyramid of levels.

    Attributes:
        reach: voxels (z, y, x) around an output that it may depend on.
        multiple: what the sizes (z, y, x) of images must be divisible by.
    """

    def __init__(
        self,
        in_features: int,
        outputs: int,
        *,
        width: int,
        kernels: Sequence[tuple[Triple, Triple]],
        windows: Sequence[Triple],
        prior: float,
        rngs: nnx.Rngs,
    ):
        """A network with parameters drawn from `rngs.params`.

        Args:
            in_features: channels of the images.
            outputs: channels of logits.
            width: channels of the first level; each level has twice as many as the one above, up
                to 8 times the width and to MOST_FEATURES.
            kernels: sizes (z, y, x) of the two kernels of each level, odd.
            windows: 1 or 2 along each axis (z, y, x), from each level to the next.
            prior: see `models.head`.
            rngs: source of keys.

        Raises:
            ValueError: width < 1, or a prior outside (0, 1).
        """
        if width < 1:
            raise ValueError(f"got width={width}; needs at least one channel")
        most = max(width, min(8 * width, MOST_FEATURES))
        widths = [min(width * 2**level, most) for level in range(len(kernels))]
        steps = list(zip(itertools.pairwise(widths), kernels[1:], strict=True))
        first = Conv(in_features, width, kernels[0][0], activation="relu", rngs=rngs)
        self.down = nnx.List([nnx.Sequential(first, Residual(width, kernels[0][1], rngs=rngs))])
        self.down.extend(_block(c, deeper, sizes, rngs) for (c, deeper), sizes in steps)
        self.lateral = nnx.List(
            Standardised(deeper, c, (1, 1, 1), rngs=rngs) for (c, deeper), _ in steps
        )
        above = list(zip(widths, kernels, strict=True))[:-1]
        self.up = nnx.List(_block(c, c, sizes, rngs) for c, sizes in above)
        self.head = head(width, outputs, prior, rngs=rngs)
        self.windows = tuple(windows)
        z, y, x = (math.prod(sizes) for sizes in zip((1, 1, 1), *windows, strict=True))
        self.multiple = (z, y, x)
        z, y, x = (_reach(axis, kernels, windows) for axis in range(3))
        self.reach = (z, y, x)

    def __call__(self, x: Float32[Array, "batch z y x c"]) -> Float32[Array, "batch z y x channel"]:
        """Logits, for images whose sizes are multiples of `multiple`."""
        passed = []
        for block, window in zip(self.down, self.windows, strict=False):
            passed.append(block(x))
            x = pooled(passed[-1], window)
        x = self.down[-1](x)
        for level in reversed(range(len(self.windows))):
            # The factor keeps the variance of the sum at that of its terms.
            raised = repeated(self.lateral[level](x), self.windows[level])
            x = self.up[level]((passed[level] + raised) * math.sqrt(0.5))
        return self.head(x)


def pooled(x: Float32[Array, "_ _ _ _ _"], window: Triple) -> Float32[Array, "_ _ _ _ _"]:
    """The maximum of every two neighbours along the axes (z, y, x) where the window is 2."""
    for axis, k in enumerate(window, start=1):
        if k == 2:
            even, odd = (lax.slice_in_dim(x, i, None, 2, axis) for i in (0, 1))
            x = jnp.maximum(even, odd)
    return x


def repeated(x: Float32[Array, "_ _ _ _ _"], window: Triple) -> Float32[Array, "_ _ _ _ _"]:
    """Every voxel as many times along the axes (z, y, x) as the window says."""
    batch, d, h, w, c = x.shape
    a, b, e = window
    x = x.reshape(batch, d, 1, h, 1, w, 1, c)
    x = jnp.broadcast_to(x, (batch, d, a, h, b, w, e, c))
    return x.reshape(batch, d * a, h * b, w * e, c)


def _block(
    in_features: int, features: int, kernels: tuple[Triple, Triple], rngs: nnx.Rngs
) -> nnx.Sequential:
    return nnx.Sequential(
        Standardised(in_features, features, kernels[0], rngs=rngs),
        Residual(features, kernels[1], rngs=rngs),
    )


def _reach(axis: int, kernels: Sequence[tuple[Triple, Triple]], windows: Sequence[Triple]) -> int:
    """How far along an axis an output sees, at most, wherever it lies in its windows."""
    radii = [sum(kernel[axis] // 2 for kernel in block) for block in kernels]
    sizes = [window[axis] for window in windows]

    def seen(level: int, low: int, high: int) -> tuple[int, int]:
        """First and last voxel that a level's input shows to its outputs low ... high."""
        if level < len(sizes):
            low, high, size = low - radii[level], high + radii[level], sizes[level]
            deep_low, deep_high = seen(level + 1, low // size, high // size)
            low, high = min(low, deep_low * size), max(high, deep_high * size + size - 1)
        return low - radii[level], high + radii[level]

    spans = ((place, *seen(0, place, place)) for place in range(math.prod(sizes)))
    return max(max(place - low, high - place) for place, low, high in spans)
