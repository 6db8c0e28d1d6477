"""Convolutions with standardised kernels: deep networks that need no normalisation of activations.

Statistics over space or batch would make an output depend on the whole tile or batch; those of a
kernel do not, so that tiles join without seams and devices share a batch without a word.
"""

import math
from collections.abc import Sequence

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float32

from models.convolution import HE_NORMAL
from ops.winograd import winograd_conv

# relu of a unit normal has the variance (1 - 1 / pi) / 2 (Brock et al. 2021, section 4).
RELU_GAIN = math.sqrt(2 / (1 - 1 / math.pi))
START = 0.3  # of a residual's scale: from 0 the branch wakes too late for trainings of minutes
LEAST_VARIANCE = 1e-4  # of a kernel, times its fan-in; as in Brock et al. 2021, appendix


class Standardised(nnx.Module):
    """relu(x * w + bias), with w of mean 0 and a fixed variance over the inputs of each output.

    Weight standardisation (Qiao et al. 2019, arXiv:1903.10520, eq. 5) scaled so that results of
    unit variance follow from the relu of such (Brock et al. 2021, arXiv:2101.08692, section 4.3),
    with a learnable gain for each output channel. relu and not elu: it costs a CPU nothing beside
    the convolution.

    Attributes:
        kernel: parameter (*kernel_size, in_features, out_features), float32, before all this.
        gain: parameter (out_features,), float32, 1 at the start.
        bias: parameter (out_features,), float32, 0 at the start.
    """

    def __init__(
        self,
        in_features: int,
        out_features: int,
        kernel_size: Sequence[int],
        *,
        kernel_dilation: Sequence[int] = (1, 1, 1),
        rngs: nnx.Rngs,
    ):
        """A layer with a kernel drawn from `rngs.params` (He et al. 2015).

        Args:
            in_features: channels of the images.
            out_features: channels of the result.
            kernel_size: taps along each spatial axis.
            kernel_dilation: steps between taps along each spatial axis.
            rngs: source of keys.
        """
        shape = (*kernel_size, in_features, out_features)
        self.kernel = nnx.Param(HE_NORMAL(rngs.params(), shape, jnp.float32))
        self.gain = nnx.Param(jnp.ones(out_features))
        self.bias = nnx.Param(jnp.zeros(out_features))
        self.kernel_dilation = tuple(kernel_dilation)

    def taps(self) -> Float32[Array, "*kernel cin cout"]:
        """The kernel that images are convolved with."""
        kernel = self.kernel[...]
        inputs = tuple(range(kernel.ndim - 1))
        fan_in = math.prod(kernel.shape[:-1])
        variance = kernel.var(inputs, keepdims=True) * fan_in
        scale = RELU_GAIN / jnp.sqrt(jnp.maximum(variance, LEAST_VARIANCE))
        gain = self.gain[...].reshape(*(1 for _ in inputs), -1)
        return (kernel - kernel.mean(inputs, keepdims=True)) * (scale * gain)

    def __call__(
        self, x: Float32[Array, "batch *space cin"]
    ) -> Float32[Array, "batch *space cout"]:
        """Images of the same size."""
        return winograd_conv(
            x,
            self.taps(),
            dilation=self.kernel_dilation,
            bias=self.bias[...],
            activation="relu",
        )


class Residual(nnx.Module):
    """relu(x + scale (x * w) + bias), where scale is a number that starts small.

    SkipInit (De & Smith 2020, arXiv:2002.10444), but for where it starts. The sum is that of the
    kernels, the identity being one of them (Zagoruyko & Komodakis 2017, arXiv:1706.00388), so that
    it costs nothing.

    Attributes:
        conv: the layer whose kernel is w.
        scale: parameter, a float32 number.
    """

    def __init__(self, features: int, kernel_size: Sequence[int], *, rngs: nnx.Rngs):
        """A layer that at first changes images which are nowhere negative a little.

        Args:
            features: channels of images and results.
            kernel_size: taps along each spatial axis, odd.
            rngs: source of keys.
        """
        self.conv = Standardised(features, features, kernel_size, rngs=rngs)
        self.scale = nnx.Param(jnp.full((), START))

    def __call__(self, x: Float32[Array, "batch *space c"]) -> Float32[Array, "batch *space c"]:
        """Images of the same size."""
        taps = self.scale[...] * self.conv.taps()
        centre = tuple(k // 2 for k in taps.shape[:-2])
        taps = taps.at[centre].add(jnp.eye(x.shape[-1]))
        return winograd_conv(x, taps, bias=self.conv.bias[...], activation="relu")
