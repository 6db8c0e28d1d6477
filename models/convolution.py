"""The convolution layer of the networks: flax's own in its names and its state, fast on a CPU."""

import math
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.nn.initializers import Initializer
from jaxtyping import Array, Float32

from ops.winograd import winograd_conv
from ops.winograd.conv import Activation, check_rest, plan_of
from ops.winograd.geometry import Padding
from ops.winograd.plan import Precision

HE_NORMAL = nnx.initializers.he_normal()
ROOMY = 1 << 16  # voxels along an axis: more than any kernel spans


class Conv(nnx.Module):
    """`nnx.Conv` of stride 1 in one to three dimensions, with the activation built in.

    One can stand in for the other: parameters have the same names and shapes and are drawn from
    the same keys, so that states can be exchanged, and results agree up to the rounding errors
    that `ops.winograd.winograd_conv` states. There are no strides, groups or masks, and no dtypes
    but float32. By default kernels are drawn by he_normal, which keeps the variance of activations
    from layer to layer where relu halves it (He et al. 2015, arXiv:1502.01852, eq. 10); those of
    `nnx.Conv` by lecun_normal.

    Attributes:
        kernel: parameter (*kernel_size, in_features, out_features), float32.
        bias: parameter (out_features,), float32, or None.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: int | Sequence[int],
        *,
        padding: Padding = "SAME",
        kernel_dilation: int | Sequence[int] = 1,
        use_bias: bool = True,
        activation: Activation = None,
        precision: Precision = "default",
        kernel_init: Initializer = HE_NORMAL,
        bias_init: Initializer = nnx.initializers.zeros,
        rngs: nnx.Rngs,
    ):
        """A layer with parameters drawn from `rngs.params`.

        Args:
            in_features: channels of the images.
            out_features: channels of the result.
            kernel_size: taps along each spatial axis; a number is that of one axis.
            padding: "SAME", "VALID" or a pair (before, after) for each axis.
            kernel_dilation: steps between taps, for all axes or for each.
            use_bias: whether there is a bias.
            activation: None, "relu", "elu" or "gelu" (by tanh), applied to the result.
            precision: "high", "default" or "fast", as of `winograd_conv`; not that of XLA.
            kernel_init: draws the kernel.
            bias_init: draws the bias.
            rngs: source of keys.

        Raises:
            ValueError: sizes or settings that no images could suit.
        """
        taps = (kernel_size,) if isinstance(kernel_size, int) else tuple(kernel_size)
        _check_sizes(in_features, out_features, taps)
        kernel = kernel_init(rngs.params(), (*taps, in_features, out_features), jnp.float32)
        bias = bias_init(rngs.params(), (out_features,), jnp.float32) if use_bias else None
        images = jax.ShapeDtypeStruct((1, *(ROOMY,) * len(taps), in_features), jnp.float32)
        plan_of(images, kernel, padding, kernel_dilation, precision, "auto")
        check_rest(kernel, bias, activation)
        self.kernel = nnx.Param(kernel)
        self.bias = nnx.data(None) if bias is None else nnx.Param(bias)
        # Tuples, since what is no array must be hashable in flax.
        self.padding = (
            padding if isinstance(padding, str) else tuple((lo, hi) for lo, hi in padding)
        )
        self.kernel_dilation = (
            kernel_dilation if isinstance(kernel_dilation, int) else tuple(kernel_dilation)
        )
        self.activation = activation
        self.precision = precision

    def __call__(self, x: Float32[Array, "*batch_space cin"]) -> Float32[Array, "*batch_out cout"]:
        """activation(x * kernel + bias).

        Args:
            x: images, channels last, with any number of batch axes (none: one image).

        Raises:
            ValueError, TypeError: images that do not fit.
        """
        kernel, bias = self.kernel[...], None if self.bias is None else self.bias[...]
        first = x.ndim + 1 - kernel.ndim
        if first < 0:
            raise ValueError(
                f"got x of shape {x.shape}; needs ([batch,] {kernel.ndim - 2} spatial axes, "
                f"{kernel.shape[-2]} channels)"
            )
        y = winograd_conv(
            x.reshape(math.prod(x.shape[:first]), *x.shape[first:]),
            kernel,
            padding=self.padding,
            dilation=self.kernel_dilation,
            bias=bias,
            activation=self.activation,
            precision=self.precision,
        )
        return y.reshape(*x.shape[:first], *y.shape[1:])


def _check_sizes(in_features: int, out_features: int, taps: tuple[int, ...]) -> None:
    if not 1 <= len(taps) <= 3 or min(in_features, out_features, *taps) < 1:
        raise ValueError(
            f"got in_features={in_features}, out_features={out_features}, kernel_size={taps}; "
            "needs numbers >= 1, and one to three of them in kernel_size"
        )
