"""Specks go to the neurite around them; everything else stays."""

import numpy as np
import pytest

from data.synthetic.specks import remove_specks


def _two_blocks() -> np.ndarray:
    labels = np.ones((6, 20, 20), np.uint32)
    labels[:, :, 10:] = 2
    return labels


SPECKS = [np.s_[2, 5, 15], np.s_[1:3, 5, 15], np.s_[0, 0:2, 19], np.s_[2, 5, 12:19]]


@pytest.mark.parametrize("speck", SPECKS)
def test_a_speck_takes_the_label_around_it(speck):
    labels = _two_blocks()
    labels[speck] = 1
    remove_specks(labels, largest=5)
    np.testing.assert_array_equal(labels, _two_blocks())


@pytest.mark.parametrize(
    "piece",
    [
        np.s_[2, 5, 10:14],  # hangs on to its body
        np.s_[2, 5, 13:20],  # touches the rim, where it may go on
        np.s_[2:4, 5:7, 14:16],  # a block
    ],
)
def test_what_is_no_speck_stays(piece):
    labels = _two_blocks()
    labels[piece] = 1
    before = labels.copy()
    remove_specks(labels, largest=5)
    np.testing.assert_array_equal(labels, before)


def test_a_single_section_has_specks_too():
    labels = _two_blocks()[:1]
    labels[0, 4, 15] = 1
    remove_specks(labels, largest=5)
    np.testing.assert_array_equal(labels, _two_blocks()[:1])
