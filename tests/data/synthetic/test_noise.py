"""Noise as a function of place."""

import jax.numpy as jnp
import numpy as np
import pytest
from scipy.interpolate import BSpline

from data.synthetic.noise import hash_uint32, smooth_noise, spline_weights, white_noise

SEED = jnp.int32(7)


def _lowbias32(x: int) -> int:
    """The same hash in Python's integers."""
    x ^= x >> 16
    x = x * 0x7FEB352D & 0xFFFFFFFF
    x ^= x >> 15
    x = x * 0x846CA68B & 0xFFFFFFFF
    return x ^ x >> 16


def test_hash_agrees_with_integer_arithmetic():
    values = [0, 1, 2, 12345, 2**31, 2**32 - 1]
    hashed = hash_uint32(jnp.array(values, jnp.uint32))
    assert hashed.tolist() == [_lowbias32(v) for v in values]


def test_white_noise_is_nearly_standard_normal_and_uncorrelated():
    noise = np.asarray(white_noise(jnp.arange(20), jnp.arange(100), jnp.arange(100), SEED))
    assert abs(noise.mean()) < 0.01
    assert noise.std() == pytest.approx(1, abs=0.01)
    for axis in range(3):
        pairs = np.take(noise, range(1, noise.shape[axis]), axis), np.delete(noise, -1, axis)
        assert abs((pairs[0] * pairs[1]).mean()) < 0.02


def test_white_noise_depends_on_place_alone():
    whole = white_noise(jnp.arange(-3, 9), jnp.arange(20), jnp.arange(30), SEED)
    part = white_noise(jnp.arange(2, 5), jnp.arange(7, 11), jnp.arange(9, 30), SEED)
    np.testing.assert_array_equal(part, whole[5:8, 7:11, 9:30])


def test_spline_weights_are_those_of_the_cubic_b_spline():
    place = np.linspace(1, 5, 41, dtype=np.float32)
    weights = np.asarray(spline_weights(jnp.asarray(place), 8))
    for knot in range(8):
        basis = BSpline.basis_element(np.arange(-2, 3) + knot, extrapolate=False)
        np.testing.assert_allclose(weights[:, knot], np.nan_to_num(basis(place)), atol=1e-6)
    np.testing.assert_allclose(weights @ np.arange(8), place, atol=1e-5)  # lines are kept


def test_smooth_noise_is_smooth_and_depends_on_place_alone():
    axes = [jnp.arange(n, dtype=jnp.float32) / 8 + 2 for n in (16, 64, 64)]
    whole = np.asarray(smooth_noise((axes[0], axes[1], axes[2]), (6, 12, 12), SEED))
    part = smooth_noise((axes[0][4:], axes[1][10:40], axes[2][33:]), (6, 9, 9), SEED)
    np.testing.assert_allclose(part, whole[4:, 10:40, 33:], atol=1e-5)
    assert np.diff(whole, axis=2).std() < 0.3 * whole.std()
