"""The same networks without our convolution: with JAX's own."""

import contextlib
from collections.abc import Generator
from unittest.mock import patch

from jaxtyping import Array, Float32

import models.convolution
import models.standardised
from ops.winograd.conv import Activation
from ops.winograd.core import lax_conv
from ops.winograd.geometry import Geometry, Triple


@contextlib.contextmanager
def stock_convolutions() -> Generator[None]:
    """Networks that are traced within convolve by `lax.conv_general_dilated`."""
    users = (models.convolution, models.standardised)  # of `winograd_conv`, in all networks
    with contextlib.ExitStack() as stack:
        for user in users:
            stack.enter_context(patch.object(user, "winograd_conv", stock_conv))
        yield


def stock_conv(
    x: Float32[Array, "batch z y x cin"],
    w: Float32[Array, "a b c cin cout"],
    *,
    bias: Float32[Array, " cout"],
    activation: Activation,
    dilation: int | Triple = 1,
    **defaults: object,
) -> Float32[Array, "batch z y x cout"]:
    """activation(x * w + bias) with SAME padding, as the networks need it.

    Kernels of 1 along z are those of a convolution in two dimensions, which XLA does faster.

    Args:
        x: images.
        w: kernels, odd along each axis.
        bias: added to every channel of the result.
        activation: applied to the result.
        dilation: steps between the taps, for all axes or for each.
        defaults: settings of `winograd_conv`, which the networks leave as they are.
    """
    depth, height, width = w.shape[:3]
    steps: Triple = (dilation, dilation, dilation) if isinstance(dilation, int) else dilation
    z, y, x_ = (k // 2 * s for k, s in zip(w.shape[:3], steps, strict=True))
    geometry = Geometry((depth, height, width), (z, y, x_), (z, y, x_), steps=steps)
    return lax_conv(x, w, bias, geometry, activation)
