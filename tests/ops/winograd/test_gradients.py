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
    ("shape", "kernel", "padding"),
    [
        ((2, 19, 16), (3,), "SAME"),
        ((1, 9, 11, 20), (3, 3), "VALID"),
        ((1, 6, 9, 10, 17), (3, 3, 3), "SAME"),
        ((1, 6, 9, 10, 16), (3, 3, 3), "VALID"),
        ((1, 6, 9, 10, 16), (1, 3, 3), "VALID"),
        ((1, 6, 9, 10, 2), (3, 3, 3), "SAME"),
        ((1, 8, 9, 16), (1, 1), "VALID"),
        ((1, 12, 12, 16), (5, 4), "SAME"),
    ],
)
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


@pytest.mark.parametrize(
    ("settings", "padding"),
    [
        ({"tile": 2}, "SAME"),
        ({"tile": 4}, "VALID"),
        ({"tile": 4}, [(0, 2), (3, 1), (4, 5)]),
        ({"tile": 6}, [(0, 2), (3, 1), (4, 5)]),
        ({"dilation": 2}, [(0, 2), (3, 1), (4, 5)]),
    ],
)
def test_the_three_maps_are_adjoint(oracle, rng, settings, padding):
    """<y, g> = <x, dx> = <w, dw>, for paddings beyond the kernel too."""
    x, w = oracle.draw(rng, 1, 7, 9, 8, 16), oracle.draw(rng, 3, 3, 3, 16, 17)
    y, back = jax.vjp(lambda x, w: winograd_conv(x, w, padding=padding, **settings), x, w)
    g = oracle.draw(rng, *y.shape)
    dx, dw = back(g)
    products = [np.vdot(np.asarray(a, np.float64), b) for a, b in ((y, g), (x, dx), (w, dw))]
    scale = float(np.linalg.norm(y) * np.linalg.norm(g))
    np.testing.assert_allclose(products, products[0], atol=2e-6 * scale)


@pytest.mark.parametrize("padding", [[(0, 2), (2, 1)], [(3, 4), (5, 0)]])
@pytest.mark.parametrize("outputs", [2, 4, 6])
def test_gradients_under_any_padding(oracle, rng, padding, outputs):
    x, w = oracle.draw(rng, 2, 9, 10, 17), oracle.draw(rng, 3, 3, 17, 18)
    y, back = jax.vjp(lambda x, w: winograd_conv(x, w, padding=padding, tile=outputs), x, w)
    g = oracle.draw(rng, *y.shape)
    pairs = zip(back(g), oracle.gradients(x, w, g, padding), strict=True)
    assert all(oracle.rms(found, expected) < 1e-5 for found, expected in pairs)


@pytest.mark.parametrize("dilation", [2, (1, 3), (8, 5)])
@pytest.mark.parametrize("cin", [3, 16])
def test_gradients_of_a_dilated_convolution(oracle, rng, dilation, cin):
    x, w = oracle.draw(rng, 2, 9, 14, cin), oracle.draw(rng, 3, 3, cin, 18)
    steps = (dilation,) * 2 if isinstance(dilation, int) else dilation

    def theirs(x, w):
        return jax.lax.conv_general_dilated(
            x, w, (1, 1), "SAME", rhs_dilation=steps, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )

    y, back = jax.vjp(lambda x, w: winograd_conv(x, w, dilation=dilation), x, w)
    g = oracle.draw(rng, *y.shape)
    pairs = zip(back(g), jax.vjp(theirs, x, w)[1](g), strict=True)
    assert all(oracle.rms(found, expected) < 3e-6 for found, expected in pairs)


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


def test_rematerialised_layers_have_the_same_gradients(oracle, rng):
    x, w = oracle.draw(rng, 1, 8, 9, 16), oracle.draw(rng, 3, 3, 16, 16) / 12

    def gradient(layer):
        return jax.jit(jax.grad(lambda w: (layer(layer(x, w), w) ** 2).sum()))(w)

    def layer(x, w):
        return winograd_conv(x, w, tile=4, activation="elu")

    assert np.array_equal(gradient(jax.checkpoint(layer)), gradient(layer))


def test_a_batch_by_vmap_or_jit_has_the_bits_of_its_images(oracle, rng):
    x, w = oracle.draw(rng, 3, 2, 8, 9, 16), oracle.draw(rng, 3, 3, 16, 16)
    convolve = functools.partial(winograd_conv, w=w, tile=4)
    one_by_one = np.stack([convolve(images) for images in x])
    assert np.array_equal(jax.vmap(convolve)(x), one_by_one)
    assert np.array_equal(jax.jit(jax.vmap(convolve))(x), one_by_one)
    assert np.array_equal(jax.lax.map(convolve, x), one_by_one)


def test_replicas_on_several_devices(oracle, rng):
    x, w = oracle.draw(rng, 2, 2, 8, 9, 16), oracle.draw(rng, 3, 3, 16, 16)

    def gradient(x, w):
        return jax.lax.psum(jax.grad(lambda w: (winograd_conv(x, w) ** 2).sum())(w), "batch")

    found = jax.pmap(gradient, "batch", in_axes=(0, None))(x, w)
    assert np.array_equal(found[0], found[1])
    whole = jax.grad(lambda w: (winograd_conv(x.reshape(4, 8, 9, 16), w) ** 2).sum())(w)
    assert oracle.rms(found[0], whole) < 5e-6
