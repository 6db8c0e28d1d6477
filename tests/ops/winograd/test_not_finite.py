"""NaN and infinity reach the outputs of the tiles that see them, and nothing else."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ops.winograd import explain, winograd_conv

SIZE, PAD = (7, 9, 10), 1

pytestmark = pytest.mark.usefixtures("compiled")


def seen_from(place, size, outputs):
    """Outputs along an axis whose tile of `outputs` results has the place in its window."""
    first = np.arange(size) // outputs * outputs - PAD
    return (first <= place) & (place < first + outputs + 2)


def touched(places, outputs):
    """For every place, the outputs of the tiles that see it: (places, d, h, w)."""
    axes = [
        np.array([seen_from(p, size, outputs) for p in places[:, a]]) for a, size in enumerate(SIZE)
    ]
    return axes[0][:, :, None, None] & axes[1][:, None, :, None] & axes[2][:, None, None, :]


def spoilt(image, places, value, channel):
    """A batch of the image with the value at one place in each."""
    images = np.repeat(np.asarray(image), len(places), 0)
    images[np.arange(len(places)), *places.T, channel] = value
    return jnp.asarray(images)


@pytest.fixture
def places(rng):
    corners = np.stack(np.meshgrid(*([0, n - 1] for n in SIZE), indexing="ij"), -1).reshape(-1, 3)
    return np.concatenate([corners, rng.integers(0, SIZE, (12, 3))])


@pytest.mark.parametrize("value", [np.nan, np.inf])
@pytest.mark.parametrize("outputs", [2, 4, 6])
def test_in_the_image_it_stays_in_the_tiles_that_see_it(oracle, rng, places, outputs, value):
    x, w = oracle.draw(rng, 1, *SIZE, 17), oracle.draw(rng, 3, 3, 3, 17, 20)
    clean = np.asarray(winograd_conv(x, w, tile=outputs))
    y = np.asarray(winograd_conv(spoilt(x, places, value, 16), w, tile=outputs))
    reached, meant = touched(places, outputs), touched(places, 1)
    assert not np.isfinite(y[meant]).any()
    assert np.array_equal(y[~reached], np.broadcast_to(clean, y.shape)[~reached])
    assert np.array_equal(winograd_conv(x, w, tile=outputs), clean)


@pytest.mark.parametrize("outputs", [2, 4, 6])
def test_in_the_gradient_of_the_result_it_stays_in_the_tiles_too(oracle, rng, places, outputs):
    x, w = oracle.draw(rng, 1, *SIZE, 16), oracle.draw(rng, 3, 3, 3, 16, 17)
    images = jnp.broadcast_to(x, (len(places), *x.shape[1:]))
    back = jax.vjp(lambda x: winograd_conv(x, w, tile=outputs), images)[1]
    g = oracle.draw(rng, 1, *SIZE, 17)
    clean = np.asarray(back(jnp.broadcast_to(g, (len(places), *g.shape[1:])))[0])
    dx = np.asarray(back(spoilt(g, places, np.nan, 3))[0])
    reached = touched(places, outputs)
    assert not np.isfinite(dx[touched(places, 1)]).any()
    assert np.array_equal(dx[~reached], clean[~reached])


def test_without_a_transform_it_reaches_what_it_should_alone(oracle, rng, places):
    x, w = oracle.draw(rng, 1, *SIZE, 2), oracle.draw(rng, 3, 3, 3, 2, 17)
    assert explain(x, w).path == "direct"
    clean = np.asarray(winograd_conv(x, w))
    y = np.asarray(winograd_conv(spoilt(x, places, np.nan, 1), w))
    meant = touched(places, 1)
    assert np.isnan(y[meant]).all()
    assert np.array_equal(y[~meant], np.broadcast_to(clean, y.shape)[~meant])


@pytest.mark.parametrize("settings", [{"tile": 4}, {}])
def test_in_a_kernel_or_bias_it_stays_in_its_output_channel(oracle, rng, settings):
    cin = 16 if settings else 2
    x, w = oracle.draw(rng, 1, *SIZE, cin), oracle.draw(rng, 3, 3, 3, cin, 37)
    bias = oracle.draw(rng, 37)
    clean = winograd_conv(x, w, bias=bias, **settings)
    for channel in (0, 15, 16, 36):
        of_kernel = winograd_conv(x, w.at[1, 1, 1, 0, channel].set(jnp.nan), bias=bias, **settings)
        of_bias = winograd_conv(x, w, bias=bias.at[channel].set(jnp.nan), **settings)
        for y in (of_kernel, of_bias):
            assert np.isnan(y[..., channel]).all()
            assert np.array_equal(np.delete(y, channel, -1), np.delete(clean, channel, -1))


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu"])
@pytest.mark.parametrize("settings", [{"tile": 2}, {}])
def test_activations_keep_nan_and_reach_their_limits(activation, settings):
    """Of images of one pixel, which the kernel passes through as they are."""
    x = jnp.asarray([np.nan, 0, -0.0, 1e-30, -1e-30, 50, -50, 200, -200, 1e30, 3, -3], jnp.float32)
    images, w = x.reshape(12, 1, 1, 1, 1), jnp.zeros((3, 3, 3, 1, 20)).at[1, 1, 1].set(1)
    assert settings or explain(images, w).path == "direct"
    y = winograd_conv(images, w, activation=activation, **settings).reshape(12, 20)
    expected = np.tile(getattr(jax.nn, activation)(x), (20, 1)).T
    np.testing.assert_allclose(y, expected, rtol=1e-6, atol=1e-6)
