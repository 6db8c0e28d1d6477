"""Results and gradients are as exact as promised, whatever the data."""

import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ops.winograd import explain, winograd_conv
from ops.winograd.plan import BUILT

BOUNDS = {2: 5e-7, 4: 3e-6, 6: 2e-5}  # by results m of a tile along an axis
PRECISIONS = {"high": 2, "default": 4, "fast": 6}

pytestmark = pytest.mark.usefixtures("compiled")


def bound(outputs, terms):
    """`terms` are added up after the transforms: channels, or tiles for the gradient of w."""
    return BOUNDS[outputs] * math.sqrt(max(1, terms / (128 if outputs == 2 else 64)))


def same(kernel):
    return [((k - 1) // 2, k // 2) for k in kernel]


def data_of(kind, rng, oracle, shape):
    x = oracle.draw(rng, *shape)
    match kind:
        case "after relu":
            return jax.nn.relu(x)
        case "constant":
            return jnp.full_like(x, 0.7)
        case "with an offset":
            return x + 1e4
    return x


def errors(oracle, x, w, g, **settings):
    """Relative rms errors of the result and of both gradients, for "SAME" padding."""
    pairs = same(w.shape[:-2])
    y, back = jax.vjp(lambda x, w: winograd_conv(x, w, **settings), x, w)
    expected = (oracle.exact(x, w, pairs), *oracle.gradients(x, w, g, pairs))
    return [oracle.rms(*pair) for pair in zip((y, *back(g)), expected, strict=True)]


@pytest.mark.parametrize("kind", ["normal", "after relu", "constant", "with an offset"])
@pytest.mark.parametrize("outputs", BOUNDS)
@pytest.mark.parametrize("size", [(61,), (18, 19), (7, 9, 11)])
def test_errors_of_result_and_gradients_are_within_the_bound(oracle, rng, kind, outputs, size):
    x = data_of(kind, rng, oracle, (2, *size, 24))
    w = oracle.draw(rng, *(3,) * len(size), 24, 40)
    g = data_of(kind, rng, oracle, (2, *size, 40))
    tiles = 2 * math.prod(-(-n // outputs) for n in size)
    of_y, of_dx, of_dw = errors(oracle, x, w, g, tile=outputs)
    assert of_y < bound(outputs, 24)
    assert of_dx < bound(outputs, 40)
    assert of_dw < bound(outputs, tiles)


@pytest.mark.parametrize("precision", PRECISIONS)
@pytest.mark.parametrize("channels", [(64, 256), (256, 32)])
def test_errors_grow_with_the_root_of_the_channels(oracle, rng, precision, channels):
    cin, cout = channels
    x, w = oracle.draw(rng, 1, 6, 8, 8, cin), oracle.draw(rng, 3, 3, 3, cin, cout)
    g = oracle.draw(rng, 1, 6, 8, 8, cout)
    of_y, of_dx, _ = errors(oracle, x, w, g, precision=precision)
    assert of_y < bound(PRECISIONS[precision], cin)
    assert of_dx < bound(PRECISIONS[precision], cout)


@pytest.mark.parametrize("outputs", BOUNDS)
def test_errors_of_the_gradient_of_w_grow_with_the_root_of_the_tiles(oracle, rng, outputs):
    x, w = oracle.draw(rng, 1, 96, 112, 8), oracle.draw(rng, 3, 3, 8, 16)
    g = oracle.draw(rng, 1, 96, 112, 16)
    tiles = math.prod(-(-n // outputs) for n in (96, 112))
    assert errors(oracle, x, w, g, tile=outputs)[2] < bound(outputs, tiles)


@pytest.mark.parametrize(("tile", "taps"), [(t, r) for t, built in BUILT.items() for r in built])
def test_every_size_of_kernel_in_every_tile(oracle, rng, tile, taps):
    x, w = oracle.draw(rng, 1, 13, 9, 16), oracle.draw(rng, taps, taps, 16, 16)
    g = oracle.draw(rng, 1, 13, 9, 16)
    limit = {4: 5e-7, 6: 3e-6, 8: 2e-5}[tile]
    assert max(errors(oracle, x, w, g, tile=tile - taps + 1)) < limit


def whole_numbers(rng, largest, *shape):
    return jnp.asarray(rng.integers(-largest, largest + 1, shape), jnp.float32)


@pytest.mark.parametrize("cin", [3, 33])
@pytest.mark.parametrize("outputs", BOUNDS)
def test_small_whole_numbers_come_out_whole(oracle, rng, cin, outputs):
    """With tiles of 2, whose transforms only halve, not even a rounding error is left."""
    x, g = whole_numbers(rng, 8, 1, 6, 7, 9, cin), whole_numbers(rng, 4, 1, 6, 7, 9, 18)
    w = whole_numbers(rng, 4, 3, 3, 3, cin, 18)
    y, back = jax.vjp(lambda x, w: winograd_conv(x, w, tile=outputs), x, w)
    pairs = same((3, 3, 3))
    expected = (oracle.exact(x, w, pairs), *oracle.gradients(x, w, g, pairs))
    for found, whole in zip((y, *back(g)), expected, strict=True):
        assert np.array_equal(found if outputs == 2 else np.rint(found), whole)


@pytest.mark.parametrize("kernel", [(1, 1, 1), (3, 3, 3), (5, 5, 5)])
def test_without_a_transform_whole_numbers_are_exact(oracle, rng, kernel):
    x, w = whole_numbers(rng, 8, 1, 5, 7, 9, 2), whole_numbers(rng, 4, *kernel, 2, 18)
    assert explain(x, w, precision="high").path in ("direct", "dot")
    assert np.array_equal(winograd_conv(x, w, precision="high"), oracle.exact(x, w, same(kernel)))


@pytest.mark.parametrize("outputs", BOUNDS)
def test_a_constant_image_stays_constant_away_from_its_borders(oracle, rng, outputs):
    w = oracle.draw(rng, 3, 3, 3, 16, 16)
    y = np.asarray(
        winograd_conv(jnp.full((1, 3, 20, 20, 16), 1e4), w, padding="VALID", tile=outputs)
    )
    expected = 1e4 * np.asarray(w, np.float64).sum((0, 1, 2, 3))
    assert np.abs(y - expected).max() < BOUNDS[outputs] * np.abs(expected).max() * 10
    # Every tile sees the same numbers, so that what rounding does is the same in all of them.
    whole = y[:, :, : 18 // outputs * outputs, : 18 // outputs * outputs]
    tiles = whole.reshape(1, -1, outputs, whole.shape[3] // outputs, outputs, 16)
    assert np.array_equal(tiles, np.broadcast_to(tiles[:, :1, :, :1], tiles.shape))
