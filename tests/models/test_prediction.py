"""Inference by tiles against inference in one piece."""

from typing import Any

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from flax import nnx
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy import ndimage

from models.prediction import predict
from models.unet2d import UNet2d
from models.unet3d import UNet3d

QUICK = settings(deadline=None, max_examples=40)


@pytest.fixture
def unchecked(monkeypatch):
    """Types unchecked, as where users call it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def draw(shape, seed=0):
    return np.random.default_rng(seed).normal(size=shape).astype(np.float32)


def sums(reach):
    """A network whose answer is the sum of all voxels in reach, and twice the voxel."""

    def apply(x):
        x = np.asarray(x)[0, ..., 0]
        whole = ndimage.convolve(
            np.rint(x * 8).astype(np.int32), np.ones([2 * r + 1 for r in reach]), mode="constant"
        )
        return jnp.asarray(np.stack([whole / 64, 2 * x], axis=-1)[None], jnp.float32)

    return apply


def whole(image, reach):
    logits = sums(reach)(image[None, ..., None])
    return np.asarray(jax.nn.sigmoid(logits))[0]


@QUICK
@given(
    st.tuples(*[st.integers(0, 2)] * 3),
    st.tuples(*[st.integers(1, 3)] * 3),
    st.tuples(*[st.integers(1, 12)] * 3),
    st.tuples(*[st.integers(1, 4)] * 3),
)
def test_tiles_with_all_their_context_make_the_image_in_one_piece(reach, multiple, size, room):
    tile = [-(-(2 * r + k) // m) * m for r, m, k in zip(reach, multiple, room, strict=True)]
    tile = [t + (m if t - 2 * r < m else 0) for t, m, r in zip(tile, multiple, reach, strict=True)]
    image = draw(size)
    found = predict(sums(reach), image, reach=reach, multiple=multiple, channels=2, tile_shape=tile)
    inner = tuple(slice(r, max(r, n - r)) for n, r in zip(size, reach, strict=True))
    np.testing.assert_array_equal(found[inner], whole(image, reach)[inner])


def test_borders_too_are_those_of_the_image_where_it_is_a_multiple():
    image, reach = draw((4, 24, 36)), (1, 2, 3)
    found = predict(
        sums(reach), image, reach=reach, multiple=(2, 4, 4), channels=2, tile_shape=(4, 12, 12)
    )
    np.testing.assert_array_equal(found, whole(image, reach))


@QUICK
@given(
    st.tuples(*[st.integers(1, 20)] * 3),
    st.tuples(*[st.integers(0, 3)] * 3),
    st.tuples(*[st.integers(1, 4)] * 3),
    st.tuples(*[st.integers(1, 3)] * 3),
)
def test_shares_of_blended_tiles_add_up_to_one(size, overlap, room, multiple):
    tile = [(2 * o + k) * m for o, k, m in zip(overlap, room, multiple, strict=True)]
    image = draw(size)
    found = predict(
        lambda x: x, image, reach=(9, 9, 9), multiple=multiple, channels=1, tile_shape=tile,
        overlap=overlap,
    )  # fmt: skip
    np.testing.assert_allclose(found[..., 0], jax.nn.sigmoid(image), rtol=1e-5)


def test_tiles_are_blended_linearly():
    numbers = iter([-100.0, 100.0])

    def apply(x):
        return jnp.full(x.shape, next(numbers), jnp.float32)

    found = predict(
        apply, draw((1, 1, 12)), reach=(0, 0, 5), multiple=(1, 1, 1), channels=1,
        tile_shape=(1, 1, 8), overlap=(0, 0, 2),
    )  # fmt: skip
    expected = [0, 0, 0, 0, 0.125, 0.375, 0.625, 0.875, 1, 1, 1, 1]
    np.testing.assert_allclose(found[0, 0, :, 0], expected, atol=1e-6)


@pytest.mark.parametrize(
    ("build", "size", "tile"),
    [
        (
            lambda rngs: UNet2d(2, width=4, levels=2, sections=3, rngs=rngs),
            (4, 44, 50),
            (4, 28, 36),
        ),
        (
            lambda rngs: UNet3d(2, width=4, levels=2, anisotropic_levels=1, rngs=rngs),
            (14, 40, 32),
            (10, 30, 32),
        ),
    ],
)
def test_a_network_answers_by_tiles_as_in_one_piece(filled, build, size, tile):
    network = filled(build)
    graph, state = nnx.split(network)
    apply = jax.jit(lambda x: nnx.merge(graph, state)(x))
    about: Any = {"reach": network.reach, "multiple": network.multiple, "channels": 2}
    image = draw(size)
    found = predict(apply, image, tile_shape=tile, **about)
    # Rounding alone: the convolutions' own tiles lie elsewhere.
    np.testing.assert_allclose(found, jax.nn.sigmoid(apply(image[None, ..., None]))[0], atol=1e-5)


def test_every_tile_has_one_shape_and_is_told_of():
    shapes, told = set(), []

    def apply(x):
        shapes.add(x.shape)
        return x

    predict(
        apply, draw((3, 10, 17)), reach=(0, 1, 1), multiple=(1, 2, 2), channels=1,
        tile_shape=(2, 6, 8), on_tile=lambda done, count: told.append((done, count)),
    )  # fmt: skip
    assert shapes == {(1, 2, 6, 8, 1)}
    assert told == [(n + 1, told[-1][1]) for n in range(len(told))] and told[-1][1] == len(told)


@pytest.mark.parametrize(
    ("settings", "words"),
    [
        ({"tile_shape": (1, 8, 7)}, "needs a multiple of 2"),
        ({"tile_shape": (0, 8, 8)}, "got a tile of 0"),
        ({"overlap": (0, -1, 0)}, "an overlap >= 0"),
        ({"tile_shape": (1, 8, 4)}, "got a tile of 4 voxels along an axis of 20.*a larger tile"),
    ],
)
def test_tiles_that_do_not_do_are_refused(settings, words):
    known: Any = {"reach": (0, 2, 2), "multiple": (1, 2, 2), "channels": 1, "tile_shape": (1, 8, 8)}
    with pytest.raises(ValueError, match=words):
        predict(lambda x: x, draw((1, 20, 20)), **{**known, **settings})
