"""Maxima over windows of two: within tiles, across them, and with gradients."""

import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax import lax

from ops.winograd import conv_prepared, prepare, winograd_conv


def reduced(y, window):
    """The oracle: XLA's own windows."""
    sides = (1, *window, 1)
    return lax.reduce_window(y, -np.inf, lax.max, sides, sides, "VALID")


@pytest.mark.parametrize("pool", list(itertools.product([1, 2], repeat=3)))
@pytest.mark.parametrize("outputs", [2, 4, 6])
def test_windows_of_every_mix_of_axes(oracle, rng, pool, outputs):
    x, w = oracle.draw(rng, 2, 5, 8, 13, 18), oracle.draw(rng, 3, 3, 3, 18, 35)
    bias = oracle.draw(rng, 35)
    y = winograd_conv(x, w, bias=bias, activation="relu", tile=outputs, pool=pool)
    whole = winograd_conv(x, w, bias=bias, activation="relu", tile=outputs)
    np.testing.assert_array_equal(y, reduced(whole, pool))


@pytest.mark.parametrize("kernel", [(3,), (5,), (3, 3), (2, 3), (1, 1), (1, 3, 3), (4, 3, 1)])
@pytest.mark.parametrize("activation", [None, "elu", "gelu"])
def test_windows_whatever_the_kernel(oracle, rng, kernel, activation):
    size = (9, 12, 11)[: len(kernel)]
    x, w = oracle.draw(rng, 1, *size, 16), oracle.draw(rng, *kernel, 16, 16)
    y = winograd_conv(x, w, activation=activation, pool=2)
    whole = winograd_conv(x, w, activation=activation)
    np.testing.assert_allclose(y, reduced(whole, (2,) * len(kernel)), atol=1e-5)


def test_windows_of_prepared_kernels_and_of_dilated_ones(oracle, rng):
    x, w = oracle.draw(rng, 1, 12, 14, 16), oracle.draw(rng, 3, 3, 16, 16)
    prepared = prepare(w, x.shape)
    y = conv_prepared(x, prepared, pool=(2, 1))
    np.testing.assert_array_equal(y, reduced(conv_prepared(x, prepared), (2, 1)))
    y = winograd_conv(x, w, dilation=2, pool=2)
    np.testing.assert_array_equal(y, reduced(winograd_conv(x, w, dilation=2), (2, 2)))


@pytest.mark.parametrize("activation", [None, "relu", "elu", "gelu"])
def test_gradients_through_windows(oracle, rng, activation):
    x, w, bias = oracle.draw(rng, 1, 7, 10, 16), oracle.draw(rng, 3, 3, 16, 16), jnp.zeros(16)
    apply = {None: lambda y: y, "relu": jax.nn.relu, "elu": jax.nn.elu, "gelu": jax.nn.gelu}

    def ours(x, w, bias):
        return (winograd_conv(x, w, bias=bias, activation=activation, pool=2) ** 2).sum()

    def theirs(x, w, bias):
        y = lax.conv_general_dilated(
            x, w, (1, 1), "SAME", dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        return (reduced(apply[activation](y + bias.reshape(1, 1, 1, -1)), (2, 2)) ** 2).sum()

    for got, expected in zip(
        jax.grad(ours, (0, 1, 2))(x, w, bias), jax.grad(theirs, (0, 1, 2))(x, w, bias), strict=True
    ):
        np.testing.assert_allclose(got, expected, atol=2e-4 * float(jnp.abs(expected).max()))


def test_a_maximum_keeps_nan(oracle, rng):
    x, w = oracle.draw(rng, 1, 8, 8, 16), oracle.draw(rng, 3, 3, 16, 16)
    y = winograd_conv(x.at[0, 4, 4, 3].set(jnp.nan), w, tile=4, pool=2)
    assert jnp.isnan(y[0, 2, 2]).all()
    assert not jnp.isnan(y[0, 0, 0]).any()


@pytest.mark.parametrize(("pool", "size"), [(3, (8, 8)), (2, (1, 8)), ((2, 2, 2), (8, 8))])
def test_windows_that_do_not_fit_are_refused(oracle, rng, pool, size):
    with pytest.raises(ValueError, match="got"):
        winograd_conv(oracle.draw(rng, 1, *size, 4), oracle.draw(rng, 3, 3, 4, 4), pool=pool)
