"""The transforms, in exact rational numbers."""

from fractions import Fraction

import jax.numpy as jnp
import numpy as np
import pytest

from ops.winograd import calls
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


@pytest.mark.usefixtures("compiled")
@pytest.mark.parametrize(("tile", "taps"), SIZES)
@pytest.mark.parametrize("axis", [0, 1, 2])
def test_the_compiled_transform_of_kernels_is_the_same(tile, taps, axis):
    """Of a kernel with one tap for each output channel: the rows of G."""
    shape = np.where(np.arange(3) == axis, taps, 1)
    d, h, w = (tile if a == axis else 1 for a in range(3))
    taps_apart = jnp.eye(taps, dtype=jnp.float32).reshape(*shape, 1, taps)
    u = calls.transform_weights(taps_apart, (d, h, w))
    lanes = calls.lanes()
    panels = np.asarray(u).reshape(-1, tile, lanes, 2 * lanes)  # panel, element, cin, cout
    found = panels[:, :, 0].swapaxes(0, 1).reshape(tile, -1)
    expected = np.array(kernel_matrix(tile, taps), np.float64)
    np.testing.assert_allclose(found[:, :taps], expected, rtol=2e-7)
    assert not found[:, taps:].any()
    assert not panels[:, :, 1:].any()
