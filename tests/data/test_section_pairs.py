"""Which piece of one section goes on at each pixel of another: by hand, and by brute force."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from data.section_pairs import follow

SECTIONS = arrays(np.uint32, (2, 5, 6), elements=st.integers(0, 3))


def section(*rows):
    return np.array(rows, np.uint32)


def test_pieces_are_connected_by_edges_and_go_on_in_their_neurite():
    source = section([7, 7, 0, 9], [0, 0, 9, 0])
    target = section([7, 0, 9, 9], [7, 5, 9, 9])
    pieces, followed = follow(source, target)
    np.testing.assert_array_equal(pieces, [[1, 1, 0, 2], [0, 0, 3, 0]])
    np.testing.assert_array_equal(followed[:, :2], [[1, 0], [1, 0]])
    assert followed[1, 2] == 3 and followed[0, 3] == 2
    assert {followed[0, 2], followed[1, 3]} <= {2, 3}  # as near to one as to the other


def test_where_two_branches_meet_each_pixel_belongs_to_the_nearer_one():
    source, target = section([4, 0, 0, 0, 0, 0, 4]), section([4, 4, 4, 0, 4, 4, 4])
    np.testing.assert_array_equal(follow(source, target)[1], [[1, 1, 1, 0, 2, 2, 2]])


def test_what_the_source_does_not_show_is_nothing():
    source, target = section([1, 1, 0]), section([2, 1, 3])
    np.testing.assert_array_equal(follow(source, target)[1], [[0, 1, 0]])
    nothing = np.zeros((2, 3), np.uint32)
    for pieces in follow(nothing, nothing):
        np.testing.assert_array_equal(pieces, nothing)


def test_a_section_follows_itself_piece_by_piece():
    source = np.random.default_rng(0).integers(0, 3, (20, 20)).astype(np.uint32)
    pieces, followed = follow(source, source)
    np.testing.assert_array_equal(followed, pieces)


@given(SECTIONS)
@settings(deadline=None, max_examples=50)
def test_every_pixel_has_a_nearest_piece_of_its_neurite(pair):
    source, target = pair
    pieces, followed = follow(source, target)
    assert ((pieces == 0) == (source == 0)).all()
    for place in np.ndindex(target.shape):
        same = np.argwhere((source == target[place]) & (target[place] != 0))
        if not len(same):
            assert followed[place] == 0
            continue
        distances = np.square(same - place).sum(axis=1)
        nearest = same[distances == distances.min()]
        assert followed[place] in pieces[tuple(nearest.T)]


@given(SECTIONS)
@settings(deadline=None, max_examples=20)
def test_names_of_neurites_do_not_matter(pair):
    names = np.array([0, 2**63, 5, 2**40], np.uint64)
    for found, expected in zip(follow(*names[pair]), follow(*pair), strict=True):
        assert len(np.unique(np.stack([found, expected]).reshape(2, -1), axis=1).T) == len(
            np.unique(expected)
        )


@pytest.mark.parametrize("dtype", [np.uint8, np.uint16, np.uint64])
def test_all_unsigned_types_are_taken(dtype):
    source = section([1, 1, 2]).astype(dtype)
    assert follow(source, source)[0].dtype == np.uint32


def test_pieces_end_at_the_borders_of_cells():
    source, target = section([7, 7, 7, 7]), section([0, 7, 7, 7])
    cells = section([0, 0, 1, 1])
    pieces, followed = follow(source, target, cells)
    np.testing.assert_array_equal(pieces, [[1, 1, 2, 2]])
    np.testing.assert_array_equal(followed, [[0, 1, 2, 2]])


@given(SECTIONS, arrays(np.uint32, (5, 6), elements=st.integers(0, 2)))
@settings(deadline=None, max_examples=50)
def test_cells_cut_up_the_source_and_nothing_else(pair, cells):
    source, target = pair
    pieces, followed = follow(source, target, cells)
    assert ((pieces == 0) == (source == 0)).all()
    both = np.stack([pieces, source, cells])[:, pieces > 0]
    assert len(np.unique(both, axis=1).T) == pieces.max()  # one neurite and one cell for each
    np.testing.assert_array_equal(followed > 0, np.isin(target, source) & (target > 0))
    neurite = np.zeros(pieces.max() + 1, np.uint32)
    neurite[pieces] = source
    np.testing.assert_array_equal(neurite[followed], np.where(followed > 0, target, 0))


def test_one_cell_cuts_nothing():
    source, target = np.random.default_rng(0).integers(0, 3, (2, 20, 20)).astype(np.uint32)
    one = np.full((20, 20), 4, np.uint32)
    for found, expected in zip(follow(source, target, one), follow(source, target), strict=True):
        np.testing.assert_array_equal(found, expected)
