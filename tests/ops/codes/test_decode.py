"""Colour images and their decoding: identities, a brute force, and the theory of noise."""

from collections import namedtuple

import numpy as np
import pytest
from hypothesis import HealthCheck, given, settings
from hypothesis import strategies as st
from scipy import stats

from ops.codes.codebook import Codebook, minimal_code, random_code, redundant_code
from ops.codes.decode import decode
from ops.codes.encode import encode
from ops.native import extension

PIXELS = 20_000
Shares = namedtuple("Shares", "right wrong refused")
CASES = settings(
    deadline=None,
    max_examples=20,
    suppress_health_check=[HealthCheck.function_scoped_fixture],  # the kernels stay the same
)


@st.composite
def coded_labels(draw):
    """Labels of a few objects, unknown ones among them; ids and words of those that are known."""
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    letters, length = draw(st.integers(2, 6)), draw(st.integers(1, 5))
    objects = draw(st.integers(0, min(letters**length, 40)))
    every = np.unique(rng.integers(1, 2**64 - 1, objects + 2, np.uint64))
    ids = np.sort(rng.permutation(every)[:objects])
    shape = draw(st.sampled_from([(), (0,), (1,), (130,), (3, 0, 2), (3, 5, 7)]))
    labels = rng.choice(np.append(every, np.uint64(0)), shape).astype(np.uint64)
    return np.asarray(labels), ids, random_code(len(ids), letters, length, 0)


def _certain(images: np.ndarray, letters: int) -> np.ndarray:
    """Maps that are sure of the colours."""
    return np.where(images[..., None] == np.arange(letters + 1), 255, 0).astype(np.uint8)


def _misread(images, letters, error, rng):
    """Each digit, with some probability, is any other letter."""
    wrong = (images - 1 + rng.integers(1, letters, images.shape)) % letters + 1
    return np.where(rng.random(images.shape) < error, wrong, images).astype(np.uint8)


def _shares(codebook, error, rng) -> Shares:
    """Of random pixels of all objects, each digit misread with some probability."""
    ids = np.arange(1, 1 + len(codebook.digits), dtype=np.uint64)
    labels = rng.choice(ids, PIXELS)
    images = _misread(encode(labels, ids, codebook), codebook.letters, error, rng)
    found, _ = decode(_certain(images, codebook.letters), ids, codebook)
    right, refused = (found == labels).mean(), (found == 0).mean()
    return Shares(right, 1 - right - refused, refused)


def _posteriors(maps, codebook):
    """Of none, every object and a stranger, in float64: (pixels, 2 + objects)."""
    chances = (maps.reshape(codebook.length, -1, codebook.letters + 1) + 0.5) / 256
    words = np.concatenate([np.zeros((1, codebook.length), int), codebook.digits.astype(int) + 1])
    columns = [np.log(chances[:, :, word][range(len(word)), :, range(len(word))]) for word in words]
    logs = np.stack([column.sum(axis=0) for column in columns], axis=1)
    stranger = np.log(chances[..., 1:].mean(axis=-1)).sum(axis=0)
    likelihood = np.exp(np.concatenate([logs, stranger[:, None]], axis=1) - logs.max(initial=-99))
    return likelihood / likelihood.sum(axis=1, keepdims=True)


@CASES
@given(coded_labels(), st.sampled_from([1, 2, 3]))
def test_what_is_encoded_is_decoded_again(kernels, case, threads):
    labels, ids, codebook = case
    maps = _certain(encode(labels, ids, codebook), codebook.letters)
    found, confidence = decode(maps, ids, codebook, least_posterior=0.0, threads=threads)
    assert np.array_equal(found, np.where(np.isin(labels, ids), labels, 0))
    assert confidence.shape == labels.shape and found.dtype == np.uint64


def test_images_paint_each_object_with_its_letters():
    codebook = Codebook(np.array([[0, 2], [1, 0]], np.uint8), 3)
    labels = np.array([[0, 7, 7, 9], [9, 8, 2**32 - 1, 7]], np.uint32)
    images = encode(labels, np.array([7, 9], np.uint64), codebook)
    assert images.dtype == np.uint8
    assert images[0].tolist() == [[0, 1, 1, 2], [2, 0, 0, 1]]
    assert images[1].tolist() == [[0, 3, 3, 1], [1, 0, 0, 3]]
    turned = encode(labels.T[::-1], np.array([7, 9], np.uint64), codebook)
    assert np.array_equal(turned, images.swapaxes(1, 2)[:, ::-1])


@CASES
@given(coded_labels(), st.integers(0, 2**32), st.sampled_from([0.0, 0.5, 0.9]))
def test_the_likeliest_word_is_that_of_a_brute_force(kernels, case, seed, least):
    labels, ids, codebook = case
    shape = (codebook.length, *labels.shape, codebook.letters + 1)
    maps = (255 * np.random.default_rng(seed).random(shape) ** 3).astype(np.uint8)
    found, confidence = decode(maps, ids, codebook, least_posterior=least, threads=1)
    expected = _posteriors(maps, codebook)
    best = expected[:, :-1].max(axis=1, initial=0)
    assert np.abs(confidence.ravel() - 255 * best).max(initial=0) < 0.501
    names = np.append(np.uint64(0), ids)
    place = np.searchsorted(names, found.ravel())
    given = expected[np.arange(len(place)), place]
    kept = (best >= least + 1e-4) & (found.ravel() > 0)
    assert np.allclose(given[kept], best[kept], rtol=1e-5)
    assert not found.ravel()[best < least - 1e-4].any()
    none_wins = expected[:, 0] > (1 - 1e-5) * best
    assert ((found.ravel() > 0) | (best < least + 1e-4) | none_wins).all()


def test_plain_and_compiled_and_any_number_of_threads_give_the_same_bits(rng, monkeypatch):
    if extension() is None:
        pytest.skip("the C++ extension is not built")
    for objects, letters, length in ((200, 4, 5), (30, 12, 2), (1, 2, 24), (3, 255, 1)):
        codebook = random_code(objects, letters, length, 0)
        ids = np.arange(1, objects + 1, dtype=np.uint64)
        maps = (256 * rng.random((length, 8_000 // length, letters + 1)) ** 4).astype(np.uint8)
        one = decode(maps, ids, codebook, threads=1)
        many = decode(maps, ids, codebook, threads=3)
        with monkeypatch.context() as patch:
            patch.setattr("ops.codes.decode.extension", lambda: None)
            plain = decode(maps, ids, codebook)
        for first, second, third in zip(one, many, plain, strict=True):
            assert np.array_equal(first, second) and np.array_equal(first, third)


def test_a_pixel_worked_out_by_hand(kernels):
    codebook = Codebook(np.array([[0, 1], [1, 1]], np.uint8), 2)
    maps = np.array([[0, 200, 50], [0, 10, 240]], np.uint8)
    found, confidence = decode(maps, np.array([5, 6], np.uint64), codebook)
    words = {"none": 0.5 * 0.5, "five": 200.5 * 240.5, "six": 50.5 * 240.5}
    stranger = (200.5 + 50.5) / 2 * (10.5 + 240.5) / 2
    assert found == 5
    assert confidence == round(255 * words["five"] / (sum(words.values()) + stranger))


def test_equally_likely_words_are_refused_and_the_first_wins_where_nothing_is(kernels):
    codebook = Codebook(np.array([[1, 1], [0, 0]], np.uint8), 2)
    ids = np.array([5, 6], np.uint64)
    maps = np.array([[[0, 255, 0], [0, 0, 0]], [[0, 0, 255], [0, 0, 0]]], np.uint8)
    assert decode(maps, ids, codebook)[0].tolist() == [0, 0]
    assert decode(maps, ids, codebook, least_posterior=0.0)[0].tolist() == [6, 0]


def test_a_word_that_most_digits_contradict_is_refused_for_a_stranger(kernels):
    codebook = Codebook(np.zeros((1, 5), np.uint8), 4)
    ids = np.array([5], np.uint64)
    images = np.array([[1, 2, 2], [1, 1, 3], [1, 1, 4], [1, 1, 2], [1, 1, 1]], np.uint8)
    found, confidence = decode(_certain(images, 4), ids, codebook)
    assert found.tolist() == [5, 5, 0]
    assert confidence[0] > 250 > confidence[1] > 128 > confidence[2]


@pytest.mark.parametrize("error", [0.02, 0.2])
def test_the_error_of_a_full_minimal_code_is_that_of_any_digit(kernels, error, rng):
    codebook = minimal_code(64, 4)
    right, wrong, _ = _shares(codebook, error, rng)
    expected = (1 - error) ** codebook.length
    assert abs(right - expected) < 4 * np.sqrt(expected * (1 - expected) / PIXELS)
    assert right + wrong == 1


def test_redundancy_shows_misread_digits_and_mends_them(kernels, rng):
    error, slack = 0.05, 4 * np.sqrt(0.25 / PIXELS)
    shares = {n: _shares(redundant_code(64, 4, n), error, rng) for n in (3, 4, 5, 6)}
    at_most = {n: stats.binom(n, error).cdf for n in shares}
    # Of distances 2, 3 and 4: one misread digit is refused; is mended; is mended, two are refused.
    assert shares[4].wrong < 1 - at_most[4](1) + slack < shares[3].wrong / 5
    assert shares[5].right > at_most[5](1) - slack > shares[3].right + 0.1
    assert shares[6].right > at_most[6](1) - slack
    assert shares[6].wrong < 1 - at_most[6](2) + slack


def test_views_are_decoded_like_copies(kernels, rng):
    codebook, ids = minimal_code(20, 3), np.arange(1, 21, dtype=np.uint64)
    maps = rng.integers(0, 256, (4, 12, 14, 3), np.uint8).transpose(3, 1, 2, 0)[:, ::-1, ::2]
    for view, copy in zip(
        decode(maps, ids, codebook), decode(maps.copy(), ids, codebook), strict=True
    ):
        assert np.array_equal(view, copy)


def test_maps_ids_and_thresholds_that_do_not_fit_are_refused():
    codebook, ids = minimal_code(9, 3), np.arange(1, 10, dtype=np.uint64)
    maps = np.zeros((2, 5, 4), np.uint8)
    for wrong in (maps[:1], maps[..., :3]):
        with pytest.raises(ValueError, match=r"needs \(2, ..., 4\)"):
            decode(wrong, ids, codebook)
    for wrong in (ids[::-1].copy(), ids - 1, np.full(9, 3, np.uint64)):
        with pytest.raises(ValueError, match="got ids out of order, twice or 0"):
            decode(maps, wrong, codebook)
    with pytest.raises(ValueError, match="got 8 ids and 9 words"):
        encode(np.zeros(3, np.uint32), ids[:8], codebook)
    with pytest.raises(ValueError, match="got a least posterior of 1"):
        decode(maps, ids, codebook, least_posterior=1.5)
    with pytest.raises(ValueError, match="got -1 threads"):
        decode(maps, ids, codebook, threads=-1)


def test_the_kernel_refuses_arrays_that_do_not_fit():
    native = extension()
    if native is None:
        pytest.skip("the C++ extension is not built")
    maps, words, names = np.zeros((2, 5, 4), np.uint8), np.ones((3, 2), np.uint8), np.zeros(3)
    names = names.astype(np.uint64)
    labels, confidence = np.zeros(5, np.uint64), np.zeros(5, np.uint8)
    cases = [
        (maps[:1], words, names, labels, confidence),
        (maps, words + np.uint8(3), names, labels, confidence),
        (maps, words, names[:2], labels, confidence),
        (maps, words, names, labels[:4], confidence),
        (maps, words, names, labels, confidence[:4]),
        (maps, words[:0], names[:0], labels, confidence),
    ]
    for maps, words, names, labels, confidence in cases:
        with pytest.raises(ValueError):
            native.decode(maps, words, names, 0.5, 1, labels, confidence)
