"""What networks do to sizes: maxima of windows, repetition, and dilation."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from models.shallow import Shallow
from models.unet import pooled, repeated
from ops.winograd.core import largest


def draw(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.mark.parametrize("window", [(1, 2, 2), (2, 2, 2), (1, 1, 1), (2, 1, 1)])
def test_pooling_takes_the_maximum_of_windows(window):
    x = draw((2, 4, 6, 8, 3))
    np.testing.assert_array_equal(pooled(x, window), largest(x, window))


@pytest.mark.parametrize("window", [(1, 2, 2), (2, 2, 2), (2, 1, 1)])
def test_repetition_is_that_of_numpy(window):
    x = expected = draw((2, 2, 3, 4, 3))
    for axis, times in enumerate(window, start=1):
        expected = np.repeat(expected, times, axis)
    np.testing.assert_array_equal(repeated(x, window), expected)
    np.testing.assert_array_equal(pooled(repeated(x, window), window), x)


def test_the_shallow_network_is_one_of_dilated_convolutions(filled):
    network = filled(lambda rngs: Shallow(2, width=3, levels=3, rngs=rngs))
    images = draw((2, 2, 13, 15, 1))
    x = network.first(images)
    for step, layers in zip((1, 2, 4), network.levels, strict=True):
        for layer in layers:
            names = ("NDHWC", "DHWIO", "NDHWC")
            x = lax.conv_general_dilated(
                x, layer.taps(), (1, 1, 1), "SAME", None, (1, step, step), dimension_numbers=names
            )
            x = jax.nn.relu(x + layer.bias[...].reshape(1, 1, 1, 1, -1))
    np.testing.assert_allclose(network(images), network.head(x), rtol=1e-4, atol=1e-5)
