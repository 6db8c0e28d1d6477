"""Colours coarser than the image: how labels get so, and what a network of such colours sees."""

import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from models.cross_classifier import CrossArchitecture, CrossClassifier
from models.crossing import cross_classify, enlarged, reduced
from models.folded import folded, unfolded

SIZES = CrossArchitecture(letters=3, width=4, levels=2, reduction=2)
LABELS = npst.arrays(np.uint64, npst.array_shapes(min_dims=2, max_dims=2, max_side=9))


@pytest.fixture(scope="module")
def network(filled):
    return filled(lambda rngs: CrossClassifier(SIZES, rngs=rngs))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


def sections(rng, shape, digits=2):
    source, target = rng.normal(size=(2, *shape, 1)).astype(np.float32)
    h, w = (-(-n // SIZES.reduction) for n in shape)
    return source, target, rng.integers(0, 4, (digits, h, w), np.uint8)


@given(LABELS, st.integers(1, 4))
def test_enlarged_labels_are_reduced_to_what_they_were(labels, reduction):
    large = enlarged(labels, reduction)
    assert large.shape == tuple(reduction * n for n in labels.shape)
    np.testing.assert_array_equal(reduced(large, reduction), labels)


@given(LABELS, st.integers(1, 4))
def test_squares_at_the_far_ends_count_though_they_are_cut(labels, reduction):
    small = reduced(labels, reduction)
    assert small.shape == tuple(-(-n // reduction) for n in labels.shape)
    h, w = labels.shape
    y, x = (np.arange(n) // reduction * reduction for n in (h, w))
    np.testing.assert_array_equal(enlarged(small, reduction)[:h, :w], labels[y][:, x])


def test_by_hand():
    labels = np.arange(6).reshape(2, 3)
    assert reduced(labels, 2).tolist() == [[0, 2]]
    assert enlarged(np.array([[0, 2]]), 2).tolist() == [[0, 0, 2, 2], [0, 0, 2, 2]]


def test_larger_squares_are_folded_into_channels():
    x = jnp.arange(8 * 4 * 3, dtype=jnp.float32).reshape(1, 1, 8, 4, 3)
    found = folded(x, 4)
    assert found.shape == (1, 1, 2, 1, 48)
    for row in range(2):
        np.testing.assert_array_equal(found[0, 0, row, 0], x[0, 0, 4 * row : 4 * row + 4].ravel())
    np.testing.assert_array_equal(folded(x, 2), folded(x))
    np.testing.assert_array_equal(unfolded(folded(x)), x)


def test_images_are_seen_whole_and_answers_are_as_coarse_as_colours(network, rng):
    source, target, colours = sections(rng, (16, 24))
    found = cross_classify(network, source, target, colours)
    assert found.shape == (2, 8, 12, 4) and network.multiple == (1, 8, 8)
    for number in range(2):  # a single pixel that is no square's first one
        changed = [source.copy(), target.copy()]
        changed[number][9, 13] += 3
        assert (cross_classify(network, *changed, colours) != found).any()


def test_sections_of_any_size_are_padded_by_their_mirror_image(network, rng):
    source, target, colours = sections(rng, (13, 18))
    found = cross_classify(network, source, target, colours)
    whole = [np.pad(s, [(0, 3), (0, 6), (0, 0)], mode="symmetric") for s in (source, target)]
    padded = np.pad(colours, [(0, 0), (0, 1), (0, 3)], mode="symmetric")
    assert found.shape == (2, 7, 9, 4)
    np.testing.assert_array_equal(found, cross_classify(network, *whole, padded)[:, :7, :9])


def test_nothing_beyond_its_reach_is_seen(filled, rng):
    sizes = CrossArchitecture(letters=3, width=4, levels=1, reduction=2)
    network = filled(lambda rngs: CrossClassifier(sizes, rngs=rngs))
    _, reach, _ = network.reach
    source, target, colours = sections(rng, (8, 64))
    found = cross_classify(network, source, target, colours)
    target[:, 32:] += 1
    changed = (cross_classify(network, source, target, colours) != found).any(axis=(0, 1, 3))
    assert changed.any() and 2 * changed.argmax() >= 32 - reach


def test_paintings_as_fine_as_the_image_are_refused(network, rng, monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    source, target, colours = sections(rng, (16, 16))
    with pytest.raises(ValueError, match=r"16 by 16 pixels .* needs squares of 2 by 2"):
        cross_classify(network, source, target, enlarged(colours[0], 2)[None])
    with pytest.raises(ValueError, match="needs 8 by 8 pixels"):
        network(source[None], target[None], colours[:, :7])
    with pytest.raises(ValueError, match="reduction=0"):
        CrossArchitecture(letters=3, width=4, levels=1, reduction=0)
