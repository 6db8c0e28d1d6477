"""Codes by hand, by brute force, and where there is no room for the objects."""

from itertools import combinations

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.codes.codebook import (
    Codebook,
    least_length,
    minimal_code,
    minimum_distance,
    random_code,
    redundant_code,
)


@st.composite
def formats(draw):
    """Objects, letters and a length with words enough."""
    letters, length = draw(st.integers(2, 5)), draw(st.integers(1, 5))
    return draw(st.integers(0, min(letters**length, 60))), letters, length


def test_the_least_length_is_the_logarithm_rounded_up():
    known = {(0, 4): 1, (1, 4): 1, (4, 4): 1, (5, 4): 2, (10, 4): 2, (200, 4): 4, (257, 4): 5}
    assert {case: least_length(*case) for case in known} == known
    assert least_length(2**40, 2) == 40


def test_a_minimal_code_counts():
    words = minimal_code(6, 3).digits
    assert words.tolist() == [[0, 0], [0, 1], [0, 2], [1, 0], [1, 1], [1, 2]]
    assert minimal_code(1, 2).digits.tolist() == [[0]]
    assert minimal_code(0, 4).digits.shape == (0, 1)


@settings(deadline=None, max_examples=40)
@given(formats(), st.integers(0, 9))
def test_random_words_are_as_many_as_objects_and_the_same_for_a_seed(case, seed):
    code = random_code(*case, seed)
    assert code.digits.shape == (case[0], case[2])
    assert np.array_equal(code.digits, random_code(*case, seed).digits)


def test_random_words_use_every_letter_of_every_digit_alike():
    digits = random_code(4000, 4, 10, 3).digits
    counts = np.array([np.bincount(column, minlength=4) for column in digits.T])
    assert (abs(counts - 1000) < 5 * np.sqrt(4000 * 3 / 16)).all()
    assert not np.array_equal(digits, random_code(4000, 4, 10, 4).digits)


@settings(deadline=None, max_examples=40)
@given(formats())
def test_the_minimum_distance_is_that_of_the_nearest_pair(case):
    code = random_code(*case, 0)
    pairs = combinations(code.digits.tolist(), 2)
    distances = [sum(a != b for a, b in zip(*pair, strict=True)) for pair in pairs]
    assert minimum_distance(code) == min(distances, default=case[2])


@settings(deadline=None, max_examples=40)
@given(formats())
def test_redundant_words_keep_within_singletons_bound(case):
    code = redundant_code(*case)
    assert code.digits.shape == (case[0], case[2])
    assert minimum_distance(code) <= case[2] + 1 - least_length(case[0], case[1])


@pytest.mark.parametrize(
    ("objects", "letters", "length", "distance"),
    [
        (2, 2, 7, 7),  # repetition
        (16, 2, 7, 3),  # Hamming
        (256, 2, 8, 1),  # nothing to spare
        (64, 4, 5, 3),  # Reed-Solomon
        (64, 4, 6, 4),  # the hexacode
        (4, 4, 5, 5),  # repetition
        (200, 4, 5, 2),  # a parity check
    ],
)
def test_redundant_words_reach_the_distances_of_the_best_codes(objects, letters, length, distance):
    assert minimum_distance(redundant_code(objects, letters, length)) == distance


@pytest.mark.parametrize("make", [random_code, redundant_code])
def test_too_many_objects_are_told_what_would_do(make):
    seed = (0,) if make is random_code else ()
    with pytest.raises(
        ValueError, match=r"got 65 objects; needs at most 64.*take 4 dig.*5 letters"
    ):
        make(65, 4, 3, *seed)
    with pytest.raises(ValueError, match=r"take 2 digits$"):
        make(300, 255, 1, *seed)


def test_formats_that_are_none_are_refused():
    for letters in (1, 256):
        with pytest.raises(ValueError, match=f"got {letters} letters; needs 2 to 255"):
            minimal_code(3, letters)
    for length in (0, 25):
        with pytest.raises(ValueError, match=f"got words of {length} digits; needs 1 to 24"):
            random_code(1, 2, length, 0)
    with pytest.raises(ValueError, match="1073741824 words to look through"):
        redundant_code(8, 8, 10)


def test_words_that_are_no_code_are_refused():
    with pytest.raises(ValueError, match="got the digit 3; needs digits below 3"):
        Codebook(np.array([[0, 3]], np.uint8), 3)
    with pytest.raises(ValueError, match=r"got the word \[1, 2\] for 2 objects"):
        Codebook(np.array([[1, 2], [0, 0], [1, 2]], np.uint8), 3)
