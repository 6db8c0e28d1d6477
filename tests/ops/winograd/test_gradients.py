"""Gradients, and what JAX does to a function."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from jax.sharding import Mesh, PartitionSpec

from ops.winograd import winograd_conv

pytestmark = pytest.mark.usefixtures("compiled")


@pytest.mark.parametrize(
    ("shape", "kernel"),
    [
        ((2, 19, 16), (3,)),
        ((1, 9, 11, 20), (3, 3)),
        ((1, 6, 9, 10, 17), (3, 3, 3)),
        ((1, 6, 9, 10, 16), (1, 3, 3)),
        ((1, 6, 9, 10, 2), (3, 3, 3)),
        ((1, 8, 9, 16), (1, 1)),
        ((1, 12, 12, 16), (5, 4)),
    ],
)
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_gradients_are_those_of_xla(oracle, rng, shape, kernel, padding):
    x, w = oracle.draw(rng, *shape), oracle.draw(rng, *kernel, shape[-1], 18)
    y = oracle.lax(x, w, padding)
    weight = oracle.draw(rng, *y.shape)

    def loss(conv):
        return jax.grad(lambda x, w: (conv(x, w, padding=padding) * weight).sum(), (0, 1))(x, w)

    for found, expected in zip(loss(winograd_conv), loss(oracle.lax), strict=True):
        assert oracle.rms(found, expected) < 5e-6


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu"])
def test_gradients_pass_through_bias_and_activation(oracle, rng, activation):
    x, w, bias = (
        oracle.draw(rng, 1, 9, 11, 16),
        oracle.draw(rng, 3, 3, 16, 16),
        oracle.draw(rng, 16),
    )
    apply = getattr(jax.nn, activation)

    def ours(x, w, bias):
        return (winograd_conv(x, w, bias=bias, activation=activation) ** 2).sum()

    def theirs(x, w, bias):
        return (apply(oracle.lax(x, w) + bias[None, None, None]) ** 2).sum()

    pairs = zip(*(jax.grad(f, (0, 1, 2))(x, w, bias) for f in (ours, theirs)), strict=True)
    assert all(oracle.rms(found, expected) < 1e-5 for found, expected in pairs)


def test_the_three_maps_are_adjoint(oracle, rng):
    x, w = oracle.draw(rng, 1, 7, 9, 8, 16), oracle.draw(rng, 3, 3, 3, 16, 16)
    y, back = jax.vjp(lambda x, w: winograd_conv(x, w, tile=4), x, w)
    g = oracle.draw(rng, *y.shape)
    dx, dw = back(g)
    products = [np.vdot(np.asarray(a, np.float64), b) for a, b in ((y, g), (x, dx), (w, dw))]
    np.testing.assert_allclose(products, products[0], rtol=1e-5)


def test_second_derivatives(oracle, rng):
    x, w = oracle.draw(rng, 1, 8, 9, 16), oracle.draw(rng, 3, 3, 16, 16)

    def norm_of_gradients(conv):
        def loss(x, w):
            return jnp.tanh(conv(x, w)).sum()

        def norm(x, w):
            dx, dw = jax.grad(loss, (0, 1))(x, w)
            return (dx**2).sum() + (dw**2).sum()

        return jax.grad(norm, (0, 1))(x, w)

    pairs = zip(norm_of_gradients(winograd_conv), norm_of_gradients(oracle.lax), strict=True)
    assert all(oracle.rms(found, expected) < 2e-5 for found, expected in pairs)


def test_vmap_over_images_kernels_and_both(oracle, rng):
    x, w = oracle.draw(rng, 3, 2, 8, 9, 16), oracle.draw(rng, 3, 3, 3, 16, 16)
    for axes in [(0, None), (None, 0), (0, 0)]:
        arguments = (x if axes[0] == 0 else x[0], w if axes[1] == 0 else w[0])
        found = jax.vmap(winograd_conv, axes)(*arguments)
        expected = jax.vmap(oracle.lax, axes)(*arguments)
        assert oracle.rms(found, expected) < 2e-6


def test_gradients_under_vmap(oracle, rng):
    x, w = oracle.draw(rng, 3, 1, 8, 9, 16), oracle.draw(rng, 3, 3, 16, 16)

    def each(conv):
        return jax.vmap(jax.grad(lambda w, x: (conv(x, w) ** 2).sum()), (None, 0))(w, x)

    assert oracle.rms(each(winograd_conv), each(oracle.lax)) < 5e-6


def test_scan_and_loops(oracle, rng):
    x, w = oracle.draw(rng, 1, 8, 9, 16), oracle.draw(rng, 4, 3, 3, 16, 16) / 12

    def layers(conv):
        return jax.jit(lambda x: jax.lax.scan(lambda x, w: (conv(x, w), None), x, w)[0])(x)

    assert oracle.rms(layers(winograd_conv), layers(oracle.lax)) < 1e-5


def test_shards_of_a_batch_on_several_devices(oracle, rng):
    devices = jax.devices("cpu")
    assert len(devices) == 2
    x, w = oracle.draw(rng, 4, 8, 9, 16), oracle.draw(rng, 3, 3, 16, 16)
    mesh = Mesh(np.array(devices), ("batch",))
    split, whole = PartitionSpec("batch"), PartitionSpec()
    sharded = jax.shard_map(
        functools.partial(winograd_conv, tile=4),
        mesh=mesh,
        in_specs=(split, whole),
        out_specs=split,
        check_vma=False,
    )
    assert np.array_equal(jax.jit(sharded)(x, w), winograd_conv(x, w, tile=4))
