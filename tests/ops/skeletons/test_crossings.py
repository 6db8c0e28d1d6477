"""Crossings of skeletons, by hand."""

import numpy as np
import pytest

from ops.skeletons.crossings import crossing
from ops.skeletons.skeleton import Skeleton


def star(branches: int, at: tuple[float, float, float] = (0, 0, 0)) -> Skeleton:
    """Branches that meet at a place."""
    ends = np.array([[0, 0, 900], [0, 900, 0], [900, 0, 0], [0, 0, -900]], float)[:branches]
    positions = np.concatenate([np.zeros((1, 3)), ends]) + at
    return Skeleton(positions, np.array([-1] + [0] * branches), np.zeros(branches + 1))


def test_four_branches_that_meet_three_that_meet_and_a_path():
    assert [crossing(star(n))[0] for n in (4, 3, 2)] == [2, 1, 0]


def test_a_crossing_is_where_the_branches_meet():
    assert crossing(star(4, at=(50, 60, 70)))[1].tolist() == [50, 60, 70]


@pytest.mark.parametrize(("apart", "met"), [(100, 2), (300, 1)])
def test_two_branchings_are_one_crossing_if_they_are_near(apart, met):
    positions = [
        [0, 0, 0],
        [0, 0, apart],
        [0, 900, 0],
        [900, 0, 0],
        [0, 900, apart],
        [900, 0, apart],
    ]
    skeleton = Skeleton(
        np.array(positions, float), np.array([-1, 0, 0, 0, 1, 1]), np.zeros(len(positions))
    )
    assert crossing(skeleton)[0] == met


def test_a_skeleton_without_nodes_is_refused():
    with pytest.raises(ValueError, match="without nodes"):
        crossing(Skeleton(np.zeros((0, 3)), np.zeros(0, int), np.zeros(0)))
