"""`winograd_conv`: the convolution as its users call it."""

import dataclasses
import logging
import math
from collections.abc import Sequence
from typing import Literal

import jax.numpy as jnp
from jaxtyping import Array, Float32

from ops.winograd.calls import ACTIVATIONS
from ops.winograd.core import activated_conv
from ops.winograd.geometry import Geometry, Padding, Triple, resolve_padding
from ops.winograd.plan import TILES, Plan, Precision, gradient_tile, make_plan

log = logging.getLogger(__name__)
_said: set[str] = set()

Activation = Literal["relu", "elu", "gelu"] | None


def winograd_conv(
    x: Float32[Array, "batch *spatial cin"],
    w: Float32[Array, "*kernel cin cout"],
    *,
    padding: Padding = "SAME",
    dilation: int | Sequence[int] = 1,
    bias: Float32[Array, " cout"] | None = None,
    activation: Activation = None,
    pool: int | Sequence[int] = 1,
    precision: Precision = "default",
    tile: Literal["auto"] | int | Sequence[int] = "auto",
) -> Float32[Array, "batch *out cout"]:
    """activation(x * w + bias) in one, two or three dimensions, with stride 1.

    Equal to `lax.conv_general_dilated` up to rounding: against float64 the relative rms error is
    at most 5e-7 ("high"; sqrt(cin / 128) times that beyond 128 channels), 3e-6 sqrt(cin / 64)
    ("default") or 2e-5 sqrt(cin / 64) ("fast"); larger tiles are faster and less exact. A NaN or
    infinity in x reaches every output of the tiles that contain it, and no other.

    Args:
        x: images, channels last.
        w: kernels; any size, those of 1 to 5 along each axis are fast.
        padding: "SAME", "VALID" or a pair (before, after) for each axis.
        dilation: steps between the taps of a kernel, for all axes or for each.
        bias: added to every channel of the result.
        activation: applied to the result; gelu is the approximation by tanh.
        pool: 2 keeps the maximum of every two neighbours along an axis, last of all; a rest of one
            is left out. 1 or 2, for all axes or for each.
        precision: which tiles may be used.
        tile: results m of a tile F(m, r) for all axes or for each; by default the cheapest.

    Raises:
        ValueError, TypeError: shapes, dtypes or settings that do not fit.
    """
    geometry, plan = plan_of(x, w, padding, dilation, precision, tile, pool)
    check_rest(w, bias, activation)
    if math.isinf(plan.cycles):
        _say_once(plan.reason)
    offset = jnp.zeros(0, jnp.float32) if bias is None else bias
    images, kernels = to_rank_3(x), w.reshape((1,) * (5 - w.ndim) + w.shape)

    y = activated_conv(images, kernels, offset, geometry, activation)
    return y.reshape(y.shape[0], *y.shape[6 - w.ndim : 4], y.shape[4])


def window_of(pool: int | Sequence[int], rank: int) -> Triple:
    """The windows along three axes.

    Raises:
        ValueError: others than 1 and 2.
    """
    window = _triple(pool, rank)
    if max(window) > 2:
        raise ValueError(f"got pool={pool}; needs 1 or 2, for all axes or for each")
    return window


def plan_of(x, w, padding, dilation, precision, tile, pool=1) -> tuple[Geometry, Plan]:
    """What is fixed about a call, and how it is computed.

    Raises:
        ValueError, TypeError: as `winograd_conv`.
    """
    check_arrays(x, w)
    if precision not in TILES:
        raise ValueError(f"got precision={precision!r}; needs one of {', '.join(TILES)}")
    rank = w.ndim - 2
    kernel, size = _leading_ones(w.shape[:-2]), _leading_ones(x.shape[1:-1])
    d, h, w_ = (s if k > 1 else 1 for k, s in zip(kernel, _triple(dilation, rank), strict=True))
    bare = Geometry(kernel, (0, 0, 0), (0, 0, 0), window=window_of(pool, rank), steps=(d, h, w_))
    pairs = [(0, 0)] * (3 - rank) + resolve_padding(padding, bare.reach()[3 - rank :])
    low, high = _leading_ones([lo for lo, _ in pairs]), _leading_ones([hi for _, hi in pairs])
    whole = dataclasses.replace(bare, low=low, high=high)
    if min(whole.pooled(size)) < 1:
        raise ValueError(
            f"got x of shape {x.shape} and w of {w.shape} with padding={padding} and pool={pool}; "
            f"needs a result of at least one element, not {whole.pooled(size)[3 - rank :]}"
        )
    shape = (x.shape[0], *size, x.shape[-1])
    plan = make_plan(shape, w.shape[-1], whole.unpooled(), precision, _tile(tile, kernel))
    chosen = plan.tile if plan.path == "winograd" else gradient_tile(kernel, precision)
    return dataclasses.replace(whole, path=plan.path, tile=chosen), plan


def check_arrays(x, w) -> None:
    """Raises ValueError or TypeError unless images and kernels fit together."""
    for name, array in (("x", x), ("w", w)):
        if array.dtype != jnp.float32:
            raise TypeError(f"got {name} of dtype {array.dtype}; needs float32: cast it first")
    if w.ndim not in (3, 4, 5) or x.ndim != w.ndim:
        raise ValueError(
            f"got x of shape {x.shape} and w of {w.shape}; needs (batch, 1 to 3 spatial axes, cin) "
            "and (the same number of taps, cin, cout)"
        )
    if x.shape[-1] != w.shape[-2]:
        raise ValueError(
            f"got x with {x.shape[-1]} channels and w for {w.shape[-2]}; needs as many (groups of "
            "channels are not supported)"
        )
    if 0 in x.shape or 0 in w.shape:
        raise ValueError(f"got x of shape {x.shape} and w of {w.shape}; needs no axis of size 0")


def to_rank_3(x: Float32[Array, "batch *spatial c"]) -> Float32[Array, "batch d h w c"]:
    """The images with leading spatial axes of size 1."""
    return x.reshape(x.shape[0], *(1,) * (5 - x.ndim), *x.shape[1:])


def check_rest(w, bias, activation) -> None:
    """Raises ValueError unless bias and activation suit the kernels."""
    if activation not in ACTIVATIONS:
        known = ", ".join(str(name) for name in ACTIVATIONS)
        raise ValueError(f"got activation={activation!r}; needs one of {known}")
    if bias is not None and (bias.shape != w.shape[-1:] or bias.dtype != jnp.float32):
        raise ValueError(
            f"got a bias of {bias.dtype} {bias.shape}; needs float32 {w.shape[-1:]}, one for each "
            "output channel"
        )


def _triple(value: int | Sequence[int], rank: int) -> Triple:
    values = [value] * rank if isinstance(value, int) else [int(v) for v in value]
    if len(values) != rank or min(values) < 1:
        raise ValueError(f"got {value}; needs a number >= 1, or {rank} of them")
    return _leading_ones(values)


def _leading_ones(values: Sequence[int]) -> Triple:
    d, h, w = (1,) * (3 - len(values)) + tuple(values)
    return d, h, w


def _tile(tile, kernel: Triple) -> Triple | None:
    """Elements of a tile along each axis, from its results."""
    if tile == "auto":
        return None
    if not isinstance(tile, int) and len(tile) > 3:
        raise ValueError(f"got tile={tile}; needs at most three numbers")
    outputs = _leading_ones([tile] * 3 if isinstance(tile, int) else list(tile))
    d, h, w = (1 if k == 1 else m + k - 1 for m, k in zip(outputs, kernel, strict=True))
    return d, h, w


def _say_once(reason: str) -> None:
    if reason not in _said:
        _said.add(reason)
        log.warning("winograd_conv runs as lax.conv_general_dilated: %s", reason)
