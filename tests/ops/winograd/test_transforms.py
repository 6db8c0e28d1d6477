"""The transforms, in exact rational numbers."""

from fractions import Fraction

import numpy as np
import pytest

from ops.winograd.plan import BUILT
from ops.winograd.transforms import input_matrix, kernel_matrix, output_matrix, points

SIZES = [(tile, taps) for tile, built in BUILT.items() for taps in built]


@pytest.mark.parametrize(("tile", "taps"), SIZES)
def test_the_bilinear_identity_holds_exactly(tile, taps):
    """sum_e A^T[k, e] G[e, j] B^T[e, i] is 1 where i = k + j, and 0 elsewhere."""
    b, g, a = input_matrix(tile), kernel_matrix(tile, taps), output_matrix(tile, taps)
    for k in range(tile - taps + 1):
        for j in range(taps):
            for i in range(tile):
                total = sum((a[k][e] * g[e][j] * b[e][i] for e in range(tile)), Fraction(0))
                assert total == (i == k + j)


@pytest.mark.parametrize("tile", BUILT)
def test_points_are_different_and_come_in_pairs(tile):
    finite = points(tile)
    assert len(set(finite)) == tile - 1
    assert finite[1::2] == [-p for p in finite[2::2]]


def test_f_2_3_is_the_one_of_the_papers():
    # Lavin & Gray, equation 4 (their third row of B^T and of A^T have the other sign).
    assert np.array(input_matrix(4)).astype(int).tolist() == [
        [-1, 0, 1, 0],
        [0, 1, 1, 0],
        [0, -1, 1, 0],
        [0, -1, 0, 1],
    ]
