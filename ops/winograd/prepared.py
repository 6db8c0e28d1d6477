"""Convolution with kernels that are transformed once, for inference."""

import dataclasses
import functools

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float32

from ops.winograd import calls
from ops.winograd.conv import Activation, plan_of, to_rank_3
from ops.winograd.core import activated_conv, lax_conv
from ops.winograd.geometry import Geometry, Padding
from ops.winograd.plan import Precision


@functools.partial(
    jax.tree_util.register_dataclass,
    data_fields=["kernels", "transformed"],
    meta_fields=["geometry"],
)
@dataclasses.dataclass(frozen=True)
class Prepared:
    """Kernels, and what they were transformed to: a JAX value like any other.

    Attributes:
        kernels: as given, with three spatial axes.
        transformed: in a layout of this machine's kernels; empty where there is no transform.
        geometry: of the convolutions that they are for.
    """

    kernels: Float32[Array, "kd kh kw cin cout"]
    transformed: Float32[Array, " floats"]
    geometry: Geometry


def prepare(
    w: Float32[Array, "*kernel cin cout"],
    x_shape: tuple[int, ...],
    *,
    padding: Padding = "SAME",
    precision: Precision = "default",
) -> Prepared:
    """Kernels made ready for images of about this shape (batch, spatial axes, cin).

    Images of another size are right too, if perhaps not at the best tile.

    Raises:
        ValueError, TypeError: as `winograd_conv`.
    """
    x = jax.ShapeDtypeStruct(x_shape, jnp.float32)
    geometry, _ = plan_of(x, w, padding, 1, precision, "auto")
    kernels = w.reshape((1,) * (5 - w.ndim) + w.shape)
    nothing = jnp.zeros(0, jnp.float32)
    if geometry.path != "winograd":
        return Prepared(kernels, nothing, geometry)
    transformed = lax.platform_dependent(
        kernels,
        cpu=functools.partial(calls.transform_weights, tile=geometry.tile),
        default=lambda w: jnp.zeros(
            calls.transformed_size(geometry.tile, *w.shape[3:]), jnp.float32
        ),
    )
    return Prepared(kernels, transformed, geometry)


def conv_prepared(
    x: Float32[Array, "batch *spatial cin"],
    prepared: Prepared,
    *,
    bias: Float32[Array, " cout"] | None = None,
    activation: Activation = None,
) -> Float32[Array, "batch *out cout"]:
    """activation(x * w + bias) with prepared kernels; it has no gradient with respect to them."""
    offset = jnp.zeros(0, jnp.float32) if bias is None else bias
    images, w, geometry = to_rank_3(x), prepared.kernels, prepared.geometry
    if geometry.path != "winograd":
        y = activated_conv(images, w, offset, geometry, activation)
    else:
        y = lax.platform_dependent(
            images,
            w,
            prepared.transformed,
            offset,
            cpu=lambda x, w, u, b: calls.convolve(x, u, b, geometry, w.shape[4], activation),
            default=lambda x, w, u, b: lax_conv(x, w, b, geometry, activation),
        )
    return y.reshape(y.shape[0], *y.shape[6 - x.ndim : 4], y.shape[4])
