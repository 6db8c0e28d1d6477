"""Surfaces: closed, of the right volume and place, and those of scikit-image."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from skimage.measure import marching_cubes

from ops.meshes import mesh

SIZE_NM = (30.0, 6.0, 6.0)


def ball(radius_nm, size_nm=SIZE_NM, margin=2):
    """A ball whose middle is that of the array, and the array's shape in nm."""
    shape = [2 * (int(radius_nm / s) + margin) for s in size_nm]
    extent = np.array(shape) * size_nm
    middles = (np.indices(shape) + 0.5) * np.reshape(size_nm, (3, 1, 1, 1))
    away = np.linalg.norm(middles - extent.reshape(3, 1, 1, 1) / 2, axis=0)
    return away <= radius_nm, extent


def is_closed(faces) -> bool:
    """Whether every edge has two triangles, which pass it in opposite directions."""
    edges = np.concatenate([faces[:, [0, 1]], faces[:, [1, 2]], faces[:, [2, 0]]])
    there, back = (np.unique(e, axis=0, return_counts=True) for e in (edges, edges[:, ::-1]))
    return np.array_equal(there[0], back[0]) and np.array_equal(there[1], back[1])


@pytest.mark.parametrize("factors", [(1, 1, 1), (1, 4, 4), (2, 8, 8)])
def test_a_ball_has_its_volume_and_its_middle(factors):
    mask, extent = ball(360.0)
    surface = mesh(mask, SIZE_NM, factors=factors, offset=(10, 0, 0))
    assert is_closed(surface.faces)
    assert abs(surface.volume_nm3() / (4 / 3 * np.pi * 360**3) - 1) < 0.03
    middle = surface.vertices_nm.mean(0) - (300, 0, 0)
    np.testing.assert_allclose(middle, extent / 2, atol=3)
    assert abs(surface.vertices_nm - (300, 0, 0) - extent / 2).max() < 360 + 30


def test_coarser_surfaces_have_fewer_triangles():
    mask, _ = ball(360.0)
    fine, coarse = mesh(mask, SIZE_NM), mesh(mask, SIZE_NM, factors=(1, 4, 4))
    assert len(coarse.faces) < len(fine.faces) / 4


def test_a_mask_that_fills_the_array_is_closed_at_its_faces():
    surface = mesh(np.ones((4, 20, 20), bool), SIZE_NM)
    assert is_closed(surface.faces)
    np.testing.assert_allclose(surface.vertices_nm.min(0), 0)
    np.testing.assert_allclose(surface.vertices_nm.max(0), (120, 120, 120))


@settings(deadline=None, max_examples=30)
@given(st.integers(0, 2**32 - 1))
def test_any_mask_has_the_closed_surface_of_scikit_image(seed):
    rng = np.random.default_rng(seed)
    mask = rng.random(rng.integers(1, 7, 3)) < 0.4
    surface = mesh(mask, SIZE_NM)
    assert is_closed(surface.faces)
    if not mask.any():
        return
    vertices, faces, _, _ = marching_cubes(
        np.pad(mask, 1).astype(np.float32), 0.5, allow_degenerate=False
    )
    assert len(faces) == len(surface.faces)
    expected = (vertices - 0.5) * SIZE_NM
    order = [np.lexsort(v.round(3).T) for v in (expected, surface.vertices_nm)]
    np.testing.assert_allclose(expected[order[0]], surface.vertices_nm[order[1]], atol=1e-3)


def test_what_is_too_thin_for_a_coarse_voxel_has_no_surface():
    mask = np.zeros((4, 8, 8), bool)
    mask[1, 2, 3] = True
    assert len(mesh(mask, SIZE_NM, factors=(1, 4, 4)).faces) == 0
    assert len(mesh(mask, SIZE_NM).faces) == 8
