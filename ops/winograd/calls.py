"""The compiled kernels as JAX operations on arrays with three spatial axes.

None of them has a gradient of its own: `ops.winograd.core` gives them one.
"""

import functools
import math
import os
from collections.abc import Callable, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jax import custom_batching
from jaxtyping import Array, Float32

from ops.native import extension
from ops.winograd.geometry import Geometry, Triple

ACTIVATIONS = {None: 0, "relu": 1, "elu": 2, "gelu": 3}

# Sizes of axes are left open, as those of images and results differ.
Image = Float32[Array, "_ _ _ _ _"]  # batch, d, h, w, channel
Kernels = Float32[Array, "_ _ _ _ _"]  # d, h, w, cin, cout
Vector = Float32[Array, " _"]


@functools.cache
def register() -> bool:
    """Makes the kernels known to XLA, once; whether there are any."""
    native = extension()
    if native is None:
        return False
    for target, handler in native.winograd_handlers().items():
        jax.ffi.register_ffi_target(target, handler, platform="cpu")
    return True


def lanes() -> int:
    """Floats of a vector in the kernels that run here; a panel of output channels is two."""
    native = extension()
    return native.winograd_kernels()[1] if native is not None else 16


def transformed_size(tile: Triple, cin: int, cout: int) -> int:
    """Floats of transformed kernels."""
    width = lanes()
    panels = -(-cout // (2 * width))
    return math.prod(tile) * panels * 2 * width * -(-cin // width) * width


def describe(
    x_shape: Sequence[int], cout: int, geometry: Geometry, threads: int
) -> dict[str, int | str]:
    """How the kernels that run here schedule a convolution, and their scratch memory in bytes."""
    native = extension()
    assert native is not None
    return native.winograd_describe(
        list(x_shape),
        list(geometry.output(x_shape[1:4])),
        cout,
        list(geometry.kernel),
        list(geometry.tile),
        list(geometry.low),
        list(geometry.steps),
        threads,
    )


def usable_threads() -> int:
    """Processors that this process may run on, which is how many threads XLA takes."""
    return len(os.sched_getaffinity(0)) if hasattr(os, "sched_getaffinity") else os.cpu_count() or 1


def transform_weights(w: Kernels, tile: Triple) -> Vector:
    """U = G w, in the layout of the kernels that run here."""
    size = transformed_size(tile, *w.shape[3:])
    call = jax.ffi.ffi_call(
        "neuropil_winograd_weights",
        jax.ShapeDtypeStruct((size,), jnp.float32),
        vmap_method="sequential",
    )
    return call(w, tile=_sizes(tile))


def convolve(
    x: Image,
    u: Vector,
    bias: Vector,
    geometry: Geometry,
    cout: int,
    activation: str | None,
) -> Image:
    """Convolution with transformed kernels, bias (empty: none), activation and windows."""

    def call(x: Image, u: Vector, bias: Vector) -> Image:
        out = geometry.output(x.shape[1:4])
        shape = (x.shape[0], *geometry.pooled(x.shape[1:4]), cout)
        return jax.ffi.ffi_call(
            "neuropil_winograd_convolve",
            jax.ShapeDtypeStruct(shape, jnp.float32),
            vmap_method="sequential",
        )(
            x,
            u,
            bias,
            out=_sizes(out),
            kernel=_sizes(geometry.kernel),
            tile=_sizes(geometry.tile),
            pad=_sizes(geometry.low),
            steps=_sizes(geometry.steps),
            window=_sizes(geometry.window),
            activation=np.int64(ACTIVATIONS[activation]),
        )

    return _images_in_one_batch(call)(x, u, bias)


def convolve_direct(
    x: Image, w: Kernels, bias: Vector, geometry: Geometry, activation: str | None
) -> Image:
    """Convolution without a transform, bias (empty: none) and activation."""

    def call(x: Image, w: Kernels, bias: Vector) -> Image:
        shape = (x.shape[0], *geometry.output(x.shape[1:4]), w.shape[4])
        return jax.ffi.ffi_call(
            "neuropil_direct_convolve",
            jax.ShapeDtypeStruct(shape, jnp.float32),
            vmap_method="sequential",
        )(
            x,
            w,
            bias,
            pad=_sizes(geometry.low),
            steps=_sizes(geometry.steps),
            activation=np.int64(ACTIVATIONS[activation]),
        )

    return _images_in_one_batch(call)(x, w, bias)


def weight_gradient(x: Image, dy: Image, geometry: Geometry) -> Kernels:
    """The gradient of the kernels of a convolution whose result has the gradient dy."""
    shape = (*geometry.kernel, x.shape[4], dy.shape[4])
    call = jax.ffi.ffi_call(
        "neuropil_winograd_weight_gradient",
        jax.ShapeDtypeStruct(shape, jnp.float32),
        vmap_method="sequential",
    )
    return call(
        x,
        dy,
        tile=_sizes(geometry.tile),
        pad=_sizes(geometry.low),
        steps=_sizes(geometry.steps),
    )


def _images_in_one_batch(call: Callable) -> Callable:
    """Under vmap over images alone they become one batch; else one call follows another."""
    batched = custom_batching.custom_vmap(call)

    @batched.def_vmap
    def rule(axis_size, in_batched, x, *rest):
        if in_batched[0] and not any(in_batched[1:]):
            y = call(x.reshape(-1, *x.shape[2:]), *rest)
            return y.reshape(axis_size, -1, *y.shape[1:]), True
        one = [
            a if b else jnp.broadcast_to(a, (axis_size, *a.shape))
            for a, b in zip((x, *rest), in_batched, strict=True)
        ]
        return jax.lax.map(lambda values: call(*values), tuple(one)), True

    return batched


def _sizes(values: Sequence[int]) -> np.ndarray:
    return np.array(values, np.int64)
