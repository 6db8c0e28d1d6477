"""Grey values and defects: each against NumPy or SciPy, or by what it must leave alone."""

import jax
import jax.numpy as jnp
import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from data.augment.defects import cut_out, dark_sections, missing_sections
from data.augment.intensity import blur, brightness, contrast, gamma, noise

KEYS = st.integers(0, 2**31 - 1).map(jax.random.key)
softened = jax.jit(blur, static_argnums=(2, 3))
holed = jax.jit(cut_out, static_argnums=(2, 3))
FEW = settings(deadline=None, max_examples=10)
IMAGE = jnp.asarray(np.random.default_rng(0).random((6, 20, 18), dtype=np.float32))


@FEW
@given(KEYS)
def test_gamma_is_a_power(key):
    got = np.asarray(gamma(key, IMAGE, 1.0, 0.5))
    powers = np.log(got) / np.log(np.asarray(IMAGE))
    np.testing.assert_allclose(powers, np.median(powers), rtol=1e-2)
    assert 2**-0.5 <= np.median(powers) <= 2**0.5


@FEW
@given(KEYS)
def test_contrast_scales_about_the_mean_and_brightness_adds(key):
    higher = np.asarray(contrast(key, IMAGE, 1.0, 0.2))
    mean = float(IMAGE.mean())
    factor = (higher - mean).std() / np.asarray(IMAGE).std()
    assert 0.8 <= factor <= 1.2
    np.testing.assert_allclose(higher, mean + factor * (np.asarray(IMAGE) - mean), atol=1e-5)
    added = np.asarray(brightness(key, IMAGE, 1.0, 0.1) - IMAGE)
    np.testing.assert_allclose(added, added.mean(), atol=1e-6)
    assert abs(added.mean()) <= 0.1


@FEW
@given(KEYS)
def test_noise_is_independent_between_voxels(key):
    flat = jnp.full((8, 32, 32), 0.5)
    added = np.asarray(noise(key, flat, 1.0, 0.1)) - 0.5
    assert added.std() <= 0.105
    assert abs(np.corrcoef(added[:, :, 1:].ravel(), added[:, :, :-1].ravel())[0, 1]) < 0.06


def test_blur_is_a_gaussian_in_plane():
    spikes = jnp.zeros((5, 41, 41)).at[:, 20, 20].set(1.0)
    got = np.asarray(softened(jax.random.key(0), spikes, 1.0, 2.0))
    row = got.sum(axis=1)
    variance = (row * (np.arange(41) - 20) ** 2).sum(axis=1)
    assert len(np.unique(variance)) == 5  # each section has its own sigma
    for section, sigma in zip(got, np.sqrt(variance), strict=True):
        if sigma > 0.8:  # below, a sampled Gaussian is narrower than its sigma
            expected = ndimage.gaussian_filter(np.asarray(spikes[0]), sigma, truncate=6 / sigma)
            np.testing.assert_allclose(section, expected, atol=3e-3)


def test_blur_keeps_flat_sections_and_those_not_drawn():
    flat = jnp.full((3, 9, 9), 0.3)
    np.testing.assert_allclose(softened(jax.random.key(0), flat, 1.0, 1.5), flat, rtol=1e-6)
    np.testing.assert_array_equal(softened(jax.random.key(0), IMAGE, 1e-9, 1.5), IMAGE)


def test_missing_sections_come_at_their_rate_and_are_black():
    ones = jnp.ones((10, 4, 4))
    lost = np.array([missing_sections(jax.random.key(i), ones, 0.2) == 0 for i in range(60)])
    whole = lost.all(axis=(2, 3))
    np.testing.assert_array_equal(whole, lost.any(axis=(2, 3)))
    assert 0.15 < whole.mean() < 0.25
    assert missing_sections(jax.random.key(0), ones, 1.0).sum() == 0


def test_the_only_section_is_never_missing():
    assert (missing_sections(jax.random.key(0), jnp.ones((1, 4, 4)), 1.0) == 1).all()


@FEW
@given(KEYS)
def test_dark_sections_are_scaled_whole(key):
    ratio = np.asarray(dark_sections(key, IMAGE + 0.1, 0.5, 0.6) / (IMAGE + 0.1))
    np.testing.assert_allclose(ratio.min(axis=(1, 2)), ratio.max(axis=(1, 2)), rtol=1e-5)
    assert ratio.min() >= 0.4 - 1e-5 and ratio.max() <= 1


@FEW
@given(KEYS, st.sampled_from([(2, 5, 5), (100, 100, 100), (1, 1, 1)]))
def test_a_cut_out_is_one_box_of_the_mean(key, greatest):
    got = holed(key, IMAGE, 1.0, greatest)
    changed = np.argwhere(np.asarray(got != IMAGE))
    extent = np.ptp(changed, axis=0) + 1
    assert len(changed) == extent.prod()
    assert (extent <= greatest).all()
    np.testing.assert_allclose(got[tuple(changed.T)], float(IMAGE.mean()), rtol=1e-6)
    np.testing.assert_array_equal(holed(key, IMAGE, 0.0, greatest), IMAGE)
