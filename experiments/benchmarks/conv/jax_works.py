"""What a layer does in a network, as compiled JAX: forward, each gradient alone, and all three."""

from collections.abc import Callable, Mapping
from typing import Any, Literal

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float32

Pass = Literal["forward", "prepared", "dX", "dW", "step"]
# Convolutions of each. "prepared" is forward by kernels that were transformed before, as in
# inference; it stands beside the forward pass of others.
PASSES: Mapping[Pass, int] = {"forward": 1, "prepared": 1, "dX": 1, "dW": 1, "step": 3}
NAMES = {
    1: ("NWC", "WIO", "NWC"),
    2: ("NHWC", "HWIO", "NHWC"),
    3: ("NDHWC", "DHWIO", "NDHWC"),
}

Work = Callable[[], Any]  # returns what it computed
Images = Float32[np.ndarray, "..."]
Conv = Callable[[Array, Array], Array]


def jax_works(conv: Conv, x: Images, w: Images, dy: Images) -> dict[Pass, Work]:
    """Each pass of a convolution of two arguments, waiting for its result.

    Args:
        conv: (x, w) to y.
        x: images, channels last.
        w: kernels.
        dy: gradient of the result.
    """

    def input_gradient(x, w, dy):
        return jax.vjp(lambda x: conv(x, w), x)[1](dy)

    def weight_gradient(x, w, dy):
        return jax.vjp(lambda w: conv(x, w), w)[1](dy)

    def step(x, w, dy):
        y, back = jax.vjp(conv, x, w)
        return y, back(dy)

    passes: dict[Pass, Callable] = {
        "forward": lambda x, w, dy: conv(x, w),
        "dX": input_gradient,
        "dW": weight_gradient,
        "step": step,
    }
    arrays = [jnp.asarray(values) for values in (x, w, dy)]
    return {what: _waiting(jax.jit(work), arrays) for what, work in passes.items()}


def lax_conv(x: Float32[Array, "..."], w: Float32[Array, "..."]) -> Float32[Array, "..."]:
    """XLA's own convolution, stride 1 and SAME padding."""
    rank = x.ndim - 2
    return lax.conv_general_dilated(x, w, (1,) * rank, "SAME", dimension_numbers=NAMES[rank])


def _waiting(work: Callable, arrays: list[Array]) -> Work:
    return lambda: jax.block_until_ready(work(*arrays))
