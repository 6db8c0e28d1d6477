"""Convolution with gradients, on whichever path its geometry names.

Both gradients are convolutions of the same family, so that there are second derivatives too.
"""

import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float32

from ops.winograd import calls
from ops.winograd.calls import Image, Kernels, Vector
from ops.winograd.geometry import Geometry, Triple

DIMENSIONS = ("NDHWC", "DHWIO", "NDHWC")
FLAT = ("NHWC", "HWIO", "NHWC")


@functools.partial(jax.custom_vjp, nondiff_argnums=(3, 4))
def activated_conv(
    x: Image, w: Kernels, bias: Vector, geometry: Geometry, activation: str | None
) -> Image:
    """activation(x * w + bias), of windows the maximum; an empty bias is none."""
    if geometry.pools_in_tiles():
        return _forward(x, w, bias, geometry, activation)
    return largest(_forward(x, w, bias, geometry.unpooled(), activation), geometry.window)


def _activated_forward(x, w, bias, geometry, activation):
    plain = geometry.unpooled()
    if activation == "gelu":  # its derivative cannot be had from its value
        before = _forward(x, w, bias, plain, None)
        return largest(jax.nn.gelu(before), geometry.window), (x, w, bias, before)
    y = activated_conv(x, w, bias, plain, activation)
    return largest(y, geometry.window), (x, w, bias, y)


def _activated_backward(geometry, activation, saved, dy):
    x, w, bias, kept = saved
    if geometry.window != (1, 1, 1):
        values = jax.nn.gelu(kept) if activation == "gelu" else kept
        dy = jax.vjp(functools.partial(largest, window=geometry.window), values)[1](dy)[0]
        geometry = geometry.unpooled()
    match activation:
        case "relu":
            dy = jnp.where(kept > 0, dy, 0)
        case "elu":
            dy = dy * jnp.where(kept > 0, 1, kept + 1)
        case "gelu":
            dy = jax.vjp(jax.nn.gelu, kept)[1](dy)[0]
    dbias = dy.sum((0, 1, 2, 3)) if bias.size else bias
    return input_gradient(dy, w, geometry), weight_gradient(x, dy, geometry), dbias


activated_conv.defvjp(_activated_forward, _activated_backward)


def largest(y: Float32[Array, "_ _ _ _ _"], window: Triple) -> Float32[Array, "_ _ _ _ _"]:
    """The maximum over windows of neighbours along the spatial axes; a rest is left out.

    Equal maxima share the gradient equally.
    """
    if window == (1, 1, 1):
        return y
    counts = [n // k for n, k in zip(y.shape[1:4], window, strict=True)]
    whole = tuple(slice(0, n * k) for n, k in zip(counts, window, strict=True))
    sides = [side for pair in zip(counts, window, strict=True) for side in pair]
    return y[:, *whole].reshape(y.shape[0], *sides, y.shape[4]).max((2, 4, 6))


def plain_conv(x: Image, w: Kernels, geometry: Geometry) -> Image:
    """x * w."""
    return activated_conv(x, w, jnp.zeros(0, jnp.float32), geometry, None)


def input_gradient(dy: Image, w: Kernels, geometry: Geometry) -> Image:
    """The gradient of x: a convolution of dy with the mirrored kernels."""
    mirrored = jnp.flip(w, (0, 1, 2)).swapaxes(3, 4)
    return plain_conv(dy, mirrored, geometry.transposed())


@functools.partial(jax.custom_vjp, nondiff_argnums=(2,))
def weight_gradient(x: Image, dy: Image, geometry: Geometry) -> Kernels:
    """The gradient of w."""
    if geometry.kernel == (1, 1, 1) and not any(geometry.low) and not any(geometry.high):
        return jnp.tensordot(x, dy, [[0, 1, 2, 3]] * 2, precision="highest").reshape(
            1, 1, 1, x.shape[4], dy.shape[4]
        )
    if geometry.tile != (1, 1, 1):
        return lax.platform_dependent(
            x,
            dy,
            cpu=functools.partial(calls.weight_gradient, geometry=geometry),
            default=functools.partial(_lax_weight_gradient, geometry=geometry),
        )
    return _lax_weight_gradient(x, dy, geometry)


def _weight_gradient_forward(x, dy, geometry):
    return weight_gradient(x, dy, geometry), (x, dy)


def _weight_gradient_backward(geometry, saved, dw):
    x, dy = saved
    return input_gradient(dy, dw, geometry), plain_conv(x, dw, geometry)


weight_gradient.defvjp(_weight_gradient_forward, _weight_gradient_backward)


def _forward(x, w, bias, geometry: Geometry, activation: str | None) -> Image:
    fallback = functools.partial(lax_conv, geometry=geometry, activation=activation)
    match geometry.path:
        case "winograd":

            def on_cpu(x, w, bias):
                u = calls.transform_weights(w, geometry.tile)
                return calls.convolve(x, u, bias, geometry, w.shape[4], activation)

            return lax.platform_dependent(x, w, bias, cpu=on_cpu, default=fallback)
        case "direct":
            on_cpu = functools.partial(
                calls.convolve_direct, geometry=geometry, activation=activation
            )
            return lax.platform_dependent(x, w, bias, cpu=on_cpu, default=fallback)
        case "dot":
            sides = [(lo, hi, 0) for lo, hi in zip(geometry.low, geometry.high, strict=True)]
            padded = lax.pad(x, jnp.float32(0), [(0, 0, 0), *sides, (0, 0, 0)])
            y = jnp.einsum("ndhwi,io->ndhwo", padded, w[0, 0, 0], precision="highest")
            return activate(y + bias.reshape(1, 1, 1, 1, -1) if bias.size else y, activation)
        case _:
            return fallback(x, w, bias)


def lax_conv(
    x: Image, w: Kernels, bias: Vector, geometry: Geometry, activation: str | None
) -> Image:
    """The same by XLA's own convolution."""
    y = _lax(x, w, geometry)
    y = activate(y + bias.reshape(1, 1, 1, 1, -1) if bias.size else y, activation)
    return largest(y, geometry.window)


def activate(y: Float32[Array, "..."], activation: str | None) -> Float32[Array, "..."]:
    """relu, elu or gelu (by tanh, as `jax.nn.gelu`)."""
    match activation:
        case "relu":
            return jax.nn.relu(y)
        case "elu":
            return jax.nn.elu(y)
        case "gelu":
            return jax.nn.gelu(y)
        case _:
            return y


def _lax(x: Image, w: Kernels, geometry: Geometry) -> Image:
    pairs = list(zip(geometry.low, geometry.high, strict=True))
    if geometry.kernel[0] == 1 and pairs[0] == (0, 0):
        # XLA's convolutions of rank 2 are many times faster than those of rank 3.
        y = lax.conv_general_dilated(
            x.reshape(-1, *x.shape[2:]),
            w[0],
            (1, 1),
            pairs[1:],
            rhs_dilation=geometry.steps[1:],
            dimension_numbers=FLAT,
        )
        return y.reshape(*x.shape[:2], *y.shape[1:])
    return lax.conv_general_dilated(
        x, w, (1, 1, 1), pairs, rhs_dilation=geometry.steps, dimension_numbers=DIMENSIONS
    )


def _lax_weight_gradient(x: Image, dy: Image, geometry: Geometry) -> Kernels:
    w = jnp.zeros((*geometry.kernel, x.shape[4], dy.shape[4]), jnp.float32)
    return jax.vjp(lambda w: _lax(x, w, geometry), w)[1](dy)[0]
