"""Augmentation as a whole: what it promises of keys, values, ids, shapes and errors."""

import dataclasses

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest

from data.augment import NO_AUGMENTATION, Augmentation, augment, augment_batch

CROP = (6, 24, 24)
# The default strengths, often enough that a test sees every effect.
OFTEN = Augmentation(
    elastic_probability=1.0,
    shift_probability=0.3,
    slip_probability=0.3,
    gamma_probability=1.0,
    contrast_probability=1.0,
    brightness_probability=1.0,
    blur_probability=0.5,
    blur_sigma=1.0,
    noise_probability=1.0,
    dark_probability=0.3,
    missing_probability=0.2,
    cutout_probability=1.0,
)


def crop(shape=CROP, seed=0):
    rng = np.random.default_rng(seed)
    image = jnp.asarray(rng.random(shape, dtype=np.float32))
    labels = {
        "neurites": jnp.asarray(rng.integers(0, 4, shape, dtype=np.uint32) * 1000),
        "clefts": jnp.asarray(rng.integers(0, 2, shape, dtype=np.uint8)),
        "valid": jnp.asarray(rng.random(shape) < 0.5),
    }
    return image, labels


def assert_same(first, second):
    jax.tree.map(np.testing.assert_array_equal, first, second)


@pytest.mark.parametrize("shape", [CROP, (1, 24, 20)])
def test_shape_dtype_range_and_ids_are_kept(shape):
    image, labels = crop(shape)
    for i in range(5):
        got, got_labels = augment(jax.random.key(i), image, labels, OFTEN)
        assert got.shape == shape and got.dtype == jnp.float32
        assert got.min() >= 0 and got.max() <= 1
        for name, layer in labels.items():
            assert got_labels[name].shape == shape and got_labels[name].dtype == layer.dtype
            assert np.isin(got_labels[name], layer).all()


def test_no_augmentation_returns_the_same_bits():
    image, labels = crop()
    assert_same(augment(jax.random.key(0), image, labels, NO_AUGMENTATION), (image, labels))


def test_effects_of_strength_zero_return_the_same_bits():
    still = dataclasses.replace(
        OFTEN,
        symmetry="none",
        elastic_amplitude=0.0,
        misalignment=0,
        gamma_probability=0.0,  # x ** 1 may be rounded
        contrast=0.0,
        brightness=0.0,
        blur_sigma=0.0,
        noise=0.0,
        darkening=0.0,
        missing_probability=0.0,
        cutout_probability=0.0,
    )
    image, labels = crop()
    assert_same(augment(jax.random.key(0), image, labels, still), (image, labels))


def test_a_key_decides_every_bit():
    image, labels = crop()
    first, again, other = (augment(jax.random.key(k), image, labels, OFTEN) for k in (1, 1, 2))
    assert_same(first, again)
    assert (first[0] != other[0]).any()
    assert (first[1]["neurites"] != other[1]["neurites"]).any()


def test_one_effect_does_not_change_the_draws_of_another():
    image, labels = crop()
    key = jax.random.key(3)
    both = dataclasses.replace(NO_AUGMENTATION, missing_probability=0.5, noise_probability=1.0)
    alone = dataclasses.replace(both, noise_probability=0.0)
    black = [(augment(key, image, labels, a)[0] == 0).all(axis=(1, 2)) for a in (both, alone)]
    assert black[1].any()
    assert_same(*black)


def test_a_batch_is_its_crops_each_with_its_own_key():
    some = dataclasses.replace(
        NO_AUGMENTATION, symmetry="anisotropic", elastic_probability=0.5, noise_probability=1.0
    )
    image, labels = crop()
    twice = jax.tree.map(lambda a: jnp.stack([a, a]), (image, labels))
    key = jax.random.key(5)
    images, batch_labels = augment_batch(key, *twice, some)
    assert (images[0] != images[1]).any()
    for i, own_key in enumerate(jax.random.split(key, 2)):
        expected, expected_labels = augment(own_key, image, labels, some)
        np.testing.assert_allclose(images[i], expected, atol=1e-4)
        assert_same(jax.tree.map(lambda a, i=i: a[i], batch_labels), expected_labels)


def test_labels_may_be_any_tree_and_arrays_of_numpy():
    image, labels = crop()
    key, flips = jax.random.key(0), dataclasses.replace(NO_AUGMENTATION, symmetry="anisotropic")
    got, none = augment(key, np.asarray(image), {}, flips)
    assert none == {} and got.shape == CROP
    _, pair = augment(key, image, (np.asarray(labels["valid"]), None), flips)
    assert pair[0].dtype == jnp.bool and pair[1] is None


@pytest.mark.parametrize("value", [2**32, 2**63 + 5, -1])
def test_ids_that_jax_would_cut_are_refused(value):
    """JAX without 64-bit types would make 7 of 2 ** 32 + 7, and so join two neurites."""
    image, _ = crop()
    ids = np.full(CROP, 7, np.uint64 if value > 0 else np.int64)
    _, kept = augment(jax.random.key(0), image, {"ids": ids}, NO_AUGMENTATION)
    np.testing.assert_array_equal(kept["ids"], ids)
    ids[1, 2, 3] = value if value > 0 else -(2**31) - 1
    with pytest.raises(
        ValueError, match=r"labels\['ids'\] of u?int64 .* needs ids that fit u?int32"
    ):
        augment(jax.random.key(0), image, {"ids": ids}, NO_AUGMENTATION)
    with pytest.raises(ValueError, match="needs ids that fit"):
        augment_batch(jax.random.key(0), image[None], {"ids": ids[None]}, NO_AUGMENTATION)


def test_other_shapes_and_dtypes_are_refused(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    image, labels = crop()
    key = jax.random.key(0)
    cases = [
        (image, {"neurites": labels["neurites"][1:]}, r"labels\['neurites'\] of uint32 \(5, 24"),
        (image, {"neurites": image}, "of float32"),
        (image[0], {}, r"image of float32 \(24, 24\)"),
        (labels["clefts"], {}, "image of uint8"),
    ]
    for bad_image, bad_labels, message in cases:
        with pytest.raises(ValueError, match=message):
            augment(key, bad_image, bad_labels, OFTEN)


@pytest.mark.parametrize(
    "wrong",
    [
        {"noise_probability": 1.5},
        {"contrast": -0.1},
        {"darkening": 1.1},
        {"elastic_amplitude": 9.0},
        {"cutout_shape": (0, 8, 8)},
        {"misalignment": -1},
        {"misalignment": 2.5},
        {"cutout_shape": (2, 8.5, 8)},
        {"elastic_spacing": (16, 32, 32.0)},
    ],
)
def test_settings_name_the_value_they_refuse(wrong, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    (name,) = wrong
    with pytest.raises(ValueError, match=f"got {name}="):
        Augmentation(**wrong)


def test_settings_are_hashable_by_value():
    assert hash(Augmentation()) == hash(Augmentation(noise=0.05))
    assert Augmentation() != Augmentation(noise=0.06)
