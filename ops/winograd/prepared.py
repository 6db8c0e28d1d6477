"""Convolution with kernels that are transformed once, for inference."""

import dataclasses
import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jax import lax
from jaxtyping import Array, Float32

from ops.winograd import calls
from ops.winograd.conv import Activation, check_arrays, check_rest, plan_of, to_rank_3, window_of
from ops.winograd.core import activated_conv, largest, lax_conv
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
        kernels: as given.
        transformed: in a layout of this machine's kernels; empty where there is no transform.
        geometry: of the convolutions that they are for.
    """

    kernels: Float32[Array, "*kernel cin cout"]
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
    if geometry.path != "winograd":
        return Prepared(w, jnp.zeros(0, jnp.float32), geometry)
    transformed = lax.platform_dependent(
        _to_rank_3(w),
        cpu=functools.partial(calls.transform_weights, tile=geometry.tile),
        default=lambda w: jnp.zeros(
            calls.transformed_size(geometry.tile, *w.shape[3:]), jnp.float32
        ),
    )
    return Prepared(w, transformed, geometry)


def conv_prepared(
    x: Float32[Array, "batch *spatial cin"],
    prepared: Prepared,
    *,
    bias: Float32[Array, " cout"] | None = None,
    activation: Activation = None,
    pool: int | Sequence[int] = 1,
) -> Float32[Array, "batch *out cout"]:
    """activation(x * w + bias) with prepared kernels, for inference: it has no gradient.

    `pool` is that of `winograd_conv`.

    Raises:
        ValueError, TypeError: images, bias or activation that do not suit the kernels.
    """
    check_arrays(x, prepared.kernels)
    check_rest(prepared.kernels, bias, activation)
    offset = jnp.zeros(0, jnp.float32) if bias is None else bias
    images, w = to_rank_3(x), _to_rank_3(prepared.kernels)
    geometry = dataclasses.replace(prepared.geometry, window=window_of(pool, x.ndim - 2))
    if min(geometry.pooled(images.shape[1:4])) < 1:
        raise ValueError(
            f"got x of shape {x.shape}; needs images as large as the kernels and windows"
        )
    if geometry.path != "winograd":
        y = activated_conv(images, w, offset, geometry, activation)
    else:
        inner = geometry if geometry.pools_in_tiles() else geometry.unpooled()
        y = lax.platform_dependent(
            images,
            w,
            prepared.transformed,
            offset,
            cpu=lambda x, w, u, b: calls.convolve(x, u, b, inner, w.shape[4], activation),
            default=lambda x, w, u, b: lax_conv(x, w, b, inner, activation),
        )
        y = y if geometry.pools_in_tiles() else largest(y, geometry.window)
    return y.reshape(y.shape[0], *y.shape[6 - x.ndim : 4], y.shape[4])


def _to_rank_3(w: Float32[Array, "*kernel cin cout"]) -> Float32[Array, "_ _ _ _ _"]:
    return w.reshape((1,) * (5 - w.ndim) + w.shape)
