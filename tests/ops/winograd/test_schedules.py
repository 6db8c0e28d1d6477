"""Both schedules: which is taken, that they agree with the oracle, and what memory they need."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ops.winograd import explain, winograd_conv
from ops.winograd.calls import usable_threads
from ops.winograd.plan import l2_bytes

several_threads = pytest.mark.skipif(
    usable_threads() == 1, reason="one thread alone has no kernels to share out"
)
FEW_TILES = [((1, 4, 6, 5, 256), 200), ((1, 7, 7, 512), 512), ((3, 2, 5, 3, 130), 300)]
MANY_TILES = [((1, 16, 20, 20, 64), 64), ((1, 60, 60, 32), 40), ((2, 30, 30, 512), 16)]


def shapes(x, cout):
    w = (*(3,) * (len(x) - 2), x[-1], cout)
    return jax.ShapeDtypeStruct(x, jnp.float32), jax.ShapeDtypeStruct(w, jnp.float32)


@several_threads
@pytest.mark.parametrize(("x_shape", "cout"), FEW_TILES)
def test_few_tiles_and_many_channels_go_stage_by_stage(oracle, rng, x_shape, cout):
    x, w = shapes(x_shape, cout)
    plan = explain(x, w)
    assert plan.schedule == "staged"
    assert plan.shared_bytes > 0
    images, kernels = oracle.draw(rng, *x.shape), oracle.draw(rng, *w.shape)
    expected = oracle.exact(images, kernels, [(1, 1)] * (len(x_shape) - 2))
    assert oracle.rms(winograd_conv(images, kernels), expected) < 3e-6 * (x_shape[-1] / 64) ** 0.5


@several_threads
def test_stages_apply_bias_activation_and_windows(oracle, rng):
    x, w = shapes((1, 4, 6, 5, 256), 200)
    assert explain(x, w).schedule == "staged"
    images, kernels = oracle.draw(rng, *x.shape), oracle.draw(rng, *w.shape)
    bias = oracle.draw(rng, 200)
    y = winograd_conv(images, kernels, bias=bias, activation="relu", pool=2)
    whole = jax.nn.relu(winograd_conv(images, kernels) + bias.reshape(1, 1, 1, 1, -1))
    expected = whole[:, :4, :6, :4].reshape(1, 2, 2, 3, 2, 2, 2, 200).max((2, 4, 6))
    np.testing.assert_allclose(y, expected, atol=1e-4)


@several_threads
@pytest.mark.parametrize(("x_shape", "cout"), FEW_TILES)
def test_kernels_get_their_gradient_from_few_tiles(oracle, rng, x_shape, cout):
    x, w = shapes(x_shape, cout)
    images, kernels = oracle.draw(rng, *x.shape), oracle.draw(rng, *w.shape)
    y, back = jax.vjp(winograd_conv, images, kernels)
    dy = oracle.draw(rng, *y.shape)
    expected = oracle.gradients(images, kernels, dy, [(1, 1)] * (len(x_shape) - 2))
    for got, exact in zip(back(dy), expected, strict=True):
        assert oracle.rms(got, exact) < 2e-5


@pytest.mark.parametrize(("x_shape", "cout"), MANY_TILES)
def test_many_tiles_go_block_by_block_within_the_caches(x_shape, cout):
    plan = explain(*shapes(x_shape, cout))
    assert plan.schedule == "fused"
    assert plan.shared_bytes == 0
    assert plan.thread_bytes < min(4 << 20, 2 * l2_bytes())


def test_scratch_memory_does_not_grow_with_the_image():
    small, large = (explain(*shapes((1, 16, n, n, 64), 64)).thread_bytes for n in (64, 512))
    assert large <= 1.5 * small
