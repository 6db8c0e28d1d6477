"""Digits that wander through a stack: as many as asked for, near home, the same each time."""

import numpy as np
import pytest

from data.moving_digits import SQUARE, WANDER, moving_digits

DIGITS = np.zeros((2, 28, 28), np.uint8)
DIGITS[0, 8:20, 8:20] = 255
DIGITS[1, 4:24, 12:16] = 255


def test_every_digit_is_there_in_every_section_near_where_it_was():
    image, ids = moving_digits(DIGITS, (6, 96, 128), 12, seed=1)
    assert image.shape == ids.shape == (6, 96, 128)
    for number in range(1, 13):
        centres = np.array([np.argwhere(section == number).mean(axis=0) for section in ids])
        assert np.abs(np.diff(centres, axis=0)).max() < 8
        assert np.ptp(centres, axis=0).max() <= WANDER + 8
    assert image[ids > 0].mean() > image[ids == 0].mean() + 80


def test_the_same_seed_gives_the_same_stack_and_another_seed_another():
    first, again, other = (moving_digits(DIGITS, (2, 64, 64), 3, seed) for seed in (0, 0, 1))
    np.testing.assert_array_equal(first[0], again[0])
    np.testing.assert_array_equal(first[1], again[1])
    assert (first[1] != other[1]).any()


@pytest.mark.parametrize("count", [0, 5])
def test_more_digits_than_squares_are_refused(count):
    with pytest.raises(ValueError, match="needs 1 to 4"):
        moving_digits(DIGITS, (2, 2 * SQUARE, 2 * SQUARE), count, seed=0)
