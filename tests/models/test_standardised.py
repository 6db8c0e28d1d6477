"""Standardised kernels, and residual layers made of them."""

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx

from models.standardised import RELU_GAIN, Residual, Standardised
from ops.winograd import winograd_conv


def draw(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def test_kernels_have_mean_0_and_a_variance_that_relu_leaves_alone(filled):
    layer = filled(lambda rngs: Standardised(5, 7, (3, 3, 3), rngs=rngs))
    layer.gain[...] = jnp.ones(7)
    taps = np.asarray(layer.taps())
    np.testing.assert_allclose(taps.mean((0, 1, 2, 3)), 0, atol=1e-7)
    np.testing.assert_allclose(taps.var((0, 1, 2, 3)) * 27 * 5, RELU_GAIN**2, rtol=1e-5)


def test_neither_shift_nor_scale_of_a_kernel_matters_but_its_gain_does(filled):
    layer = filled(lambda rngs: Standardised(4, 3, (1, 3, 3), rngs=rngs))
    layer.gain[...] = jnp.ones(3)
    before = np.asarray(layer.taps())
    layer.kernel[...] = 5 * layer.kernel[...] + 2
    np.testing.assert_allclose(layer.taps(), before, rtol=1e-3, atol=1e-5)
    layer.gain[...] = jnp.array([1.0, -2.0, 0.0])
    np.testing.assert_allclose(layer.taps(), before * [1, -2, 0], rtol=1e-3, atol=1e-5)


def test_a_constant_kernel_is_finite_and_has_a_gradient(filled):
    layer = filled(lambda rngs: Standardised(2, 2, (1, 3, 3), rngs=rngs))
    layer.kernel[...] = jnp.ones_like(layer.kernel[...])
    graph, state = nnx.split(layer)
    gradient = jax.jit(jax.grad(lambda s: (nnx.merge(graph, s).taps() ** 2).sum()))(state)
    assert all(np.isfinite(leaf).all() for leaf in jax.tree.leaves(gradient))


def test_variance_goes_through_many_layers():
    x, rngs = jax.nn.relu(draw((1, 1, 32, 32, 32))), nnx.Rngs(0)
    for _ in range(8):
        x = Standardised(32, 32, (1, 3, 3), rngs=rngs)(x)
    inner = np.asarray(x)[:, :, 8:-8, 8:-8]
    assert 0.5 < inner.var() * RELU_GAIN**2 < 2


def test_a_residual_layer_is_nothing_at_scale_zero_and_little_at_the_start():
    x = jax.nn.relu(draw((1, 3, 6, 7, 4)))
    layer = Residual(4, (3, 3, 3), rngs=nnx.Rngs(0))
    assert 0 < np.abs(np.asarray(layer(x) - x)).mean() < 0.3 * np.asarray(x).std()
    layer.scale[...] = jnp.zeros(())
    np.testing.assert_allclose(layer(x), x, rtol=1e-4, atol=1e-5)


def test_a_residual_layer_adds_to_the_image(filled):
    x = draw((1, 3, 6, 7, 4))
    layer = filled(lambda rngs: Residual(4, (1, 3, 3), rngs=rngs))
    layer.scale[...] = jnp.asarray(0.7)
    layer.conv.bias[...] = draw(4)
    branch = winograd_conv(x, layer.conv.taps())
    expected = jax.nn.relu(x + 0.7 * branch + layer.conv.bias[...].reshape(1, 1, 1, 1, -1))
    np.testing.assert_allclose(layer(x), expected, rtol=1e-4, atol=1e-4)
