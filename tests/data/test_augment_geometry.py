"""Geometric augmentation: image and labels stay together, symmetries form their group."""

import dataclasses
import itertools

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.augment import NO_AUGMENTATION, augment
from data.augment.elastic import elastic_displacement
from data.augment.misalignment import misalignment
from data.augment.symmetry import symmetries

GEOMETRY = dataclasses.replace(
    NO_AUGMENTATION,
    symmetry="anisotropic",
    elastic_probability=0.8,
    shift_probability=0.2,
    slip_probability=0.2,
    misalignment=5,
)
WHOLE_VOXELS = dataclasses.replace(GEOMETRY, symmetry="isotropic", elastic_probability=0.0)
SEEDS = st.integers(0, 2**31 - 1)
FEW = settings(deadline=None, max_examples=10)


def indices(shape):
    return [jnp.asarray(i, jnp.uint32) for i in np.indices(shape)]


def transformed(array, row):
    """A symmetry of NumPy's own strides, from its row of the table."""
    origin, *strides = row
    return np.lib.stride_tricks.as_strided(
        array.reshape(-1)[origin:], array.shape, [s * array.itemsize for s in strides]
    )


@pytest.mark.parametrize(
    ("shape", "kind", "count"),
    [
        ((4, 6, 6), "none", 1),
        ((4, 6, 6), "anisotropic", 16),
        ((4, 6, 5), "anisotropic", 8),
        ((5, 5, 5), "anisotropic", 16),
        ((5, 5, 5), "isotropic", 48),
        ((4, 6, 6), "isotropic", 16),
        ((3, 4, 5), "isotropic", 8),
    ],
)
def test_symmetries_are_distinct_and_closed(shape, kind, count):
    crop = np.arange(np.prod(shape), dtype=np.int32).reshape(shape)
    rows = symmetries(shape, kind)
    results = {transformed(crop, row).tobytes() for row in rows}
    assert len(rows) == len(results) == count
    np.testing.assert_array_equal(transformed(crop, rows[0]), crop)
    for first, second in itertools.product(rows[::3], rows):
        both = transformed(np.ascontiguousarray(transformed(crop, first)), second)
        assert both.tobytes() in results
    for row in rows:  # closed and with an inverse in it, hence a group
        once = transformed(crop, row)
        np.testing.assert_array_equal(np.sort(once, axis=None), crop.reshape(-1))
        back = [transformed(np.ascontiguousarray(once), other) for other in rows]
        assert any((b == crop).all() for b in back)


def test_symmetries_are_those_of_numpy():
    crop = np.arange(5**3, dtype=np.int32).reshape(5, 5, 5)
    expected = {
        np.flip(crop.transpose(axes), tuple(a for a in range(3) if flips[a])).tobytes()
        for axes in itertools.permutations(range(3))
        for flips in itertools.product((0, 1), repeat=3)
    }
    assert {transformed(crop, r).tobytes() for r in symmetries((5, 5, 5), "isotropic")} == expected
    in_plane = {
        np.rot90(crop[::z, :, ::x], turns, (1, 2)).tobytes()
        for z, x, turns in itertools.product((1, -1), (1, -1), range(4))
    }
    got = {transformed(crop, r).tobytes() for r in symmetries((5, 5, 5), "anisotropic")}
    assert got == in_plane


def test_augment_draws_every_symmetry():
    only = dataclasses.replace(NO_AUGMENTATION, symmetry="isotropic")
    shape = (3, 3, 3)
    numbers = jnp.arange(27, dtype=jnp.uint8).reshape(shape)
    image = numbers.astype(jnp.float32) / 26
    seen = set()
    for seed in range(400):
        got, layer = augment(jax.random.key(seed), image, numbers, only)
        np.testing.assert_array_equal(got, layer.astype(jnp.float32) / 26)
        seen.add(np.asarray(layer).tobytes())
    assert len(seen) == 48


@FEW
@given(SEEDS)
def test_whole_voxel_moves_keep_image_and_labels_together_exactly(seed):
    shape = (8, 8, 8)
    numbers = jax.random.permutation(jax.random.key(1), jnp.arange(512, dtype=jnp.uint32))
    labels = numbers.reshape(shape)
    image = labels.astype(jnp.float32) / 512
    got, layer = augment(jax.random.key(seed), image, labels, WHOLE_VOXELS)
    np.testing.assert_array_equal(got, layer.astype(jnp.float32) / 512)


@FEW
@given(SEEDS, st.sampled_from([(5, 40, 40), (1, 36, 52)]))
def test_image_and_labels_read_the_same_place_to_half_a_voxel(seed, shape):
    """A ramp read linearly tells the place it was read at; the label there is the nearest."""
    labels = dict(zip("zyx", indices(shape), strict=True))
    for axis, size in zip("zyx", shape, strict=True):
        ramp = labels[axis].astype(jnp.float32) / max(size - 1, 1)
        image, moved = augment(jax.random.key(seed), ramp, labels, GEOMETRY)
        place = np.asarray(image) * (size - 1)
        assert np.abs(place - np.asarray(moved[axis], np.float32)).max() <= 0.5 + 1e-3


@FEW
@given(SEEDS)
def test_elastic_displacement_is_bounded_smooth_and_never_folds(seed):
    drawn = dataclasses.replace(
        GEOMETRY, elastic_probability=1.0, elastic_amplitude=4.0, elastic_spacing=(2, 16, 16)
    )
    displacement = jax.jit(elastic_displacement, static_argnums=(1, 2))
    y, x = np.asarray(displacement(jax.random.key(seed), (3, 40, 33), drawn))
    assert max(np.abs(y).max(), np.abs(x).max()) <= 4
    assert y.std() > 0.2
    dy_dy, dy_dx = np.diff(y, axis=1)[:, :, 1:], np.diff(y, axis=2)[:, 1:]
    dx_dy, dx_dx = np.diff(x, axis=1)[:, :, 1:], np.diff(x, axis=2)[:, 1:]
    assert ((1 + dy_dy) * (1 + dx_dx) - dy_dx * dx_dy).min() > 0


def test_elastic_deformation_is_drawn_at_its_probability():
    never_or_always = [
        elastic_displacement(
            jax.random.key(0), (2, 9, 9), dataclasses.replace(GEOMETRY, elastic_probability=p)
        )
        for p in (1e-9, 1.0)
    ]
    assert (never_or_always[0] == 0).all() and (never_or_always[1] != 0).any()


def test_a_slip_moves_one_section_and_a_shift_all_after_it():
    off = dataclasses.replace(NO_AUGMENTATION, misalignment=3)
    keys = jax.random.split(jax.random.key(0), 400)
    slips = dataclasses.replace(off, slip_probability=0.05)
    shifts = dataclasses.replace(off, shift_probability=0.05)
    slipped = np.asarray(jax.jit(jax.vmap(lambda key: misalignment(key, 10, slips)))(keys))
    shifted = np.asarray(jax.jit(jax.vmap(lambda key: misalignment(key, 10, shifts)))(keys))
    moved = (slipped != 0).any(axis=2)
    assert 0.03 < moved.mean() < 0.07
    assert moved.mean(axis=0).max() < 0.12  # a section moves alone, wherever it lies
    steps = np.diff(shifted, axis=1, prepend=0)
    assert 0.03 < (steps != 0).any(axis=2).mean() < 0.07
    assert (shifted != 0).any(axis=2).mean(axis=0)[-1] > 0.3
    assert np.abs(slipped).max() == np.abs(steps).max() == 3


def test_misaligned_sections_are_translated_and_mirrored():
    only_slips = dataclasses.replace(NO_AUGMENTATION, slip_probability=1.0, misalignment=2)
    shape = (4, 7, 9)
    numbers = jnp.arange(4 * 7 * 9, dtype=jnp.uint32).reshape(shape)
    image = numbers.astype(jnp.float32) / 252
    _, moved = augment(jax.random.key(0), image, numbers, only_slips)
    for section, got in zip(np.asarray(numbers), np.asarray(moved), strict=True):
        padded = np.pad(section, 2, mode="reflect")
        windows = [padded[y : y + 7, x : x + 9] for y in range(5) for x in range(5)]
        assert sum((got == window).all() for window in windows) == 1
