"""Says how a convolution is computed."""

from collections.abc import Sequence

import jax
from jaxtyping import Array, Float32

from ops.winograd.conv import plan_of
from ops.winograd.geometry import Padding
from ops.winograd.plan import Plan, Precision


def explain(
    x: Float32[Array, "batch *spatial cin"] | jax.ShapeDtypeStruct,
    w: Float32[Array, "*kernel cin cout"] | jax.ShapeDtypeStruct,
    *,
    padding: Padding = "SAME",
    dilation: int | Sequence[int] = 1,
    precision: Precision = "default",
) -> Plan:
    """The plan of `winograd_conv` for these arguments; print it for words.

    Arrays or `jax.ShapeDtypeStruct`s will do; nothing is computed.
    """
    return plan_of(x, w, padding, dilation, precision, "auto")[1]
