"""Supervoxels: what they promise, compartments cut by hand, blocks beside the whole volume."""

from typing import Any

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from scipy import ndimage
from skimage import morphology

import ops.segmentation.supervoxels as module
from ops.metrics.contingency import count_pairs
from ops.native import extension
from ops.segmentation.supervoxels import SupervoxelSettings, label_maxima, supervoxels

VOXEL_SIZE = (30.0, 6.0, 6.0)


def texture(rng, shape, scale=5.0) -> np.ndarray:
    """Cells without a pattern: the ridges between smooth random bumps."""
    bumps = ndimage.gaussian_filter(rng.normal(size=shape), (0.6, scale, scale))
    bumps /= bumps.std()
    return np.clip(255 * np.exp(-((bumps / 0.35) ** 2)), 0, 255).astype(np.uint8)


def pieces(labels, in_plane) -> int:
    """Connected parts of equal label."""
    structure = np.ones((3, 3, 3), bool)
    if in_plane:
        structure[[0, 2]] = False
    ids = np.unique(labels[labels > 0])
    return sum(ndimage.label(labels == label, structure)[1] for label in ids)


@pytest.mark.parametrize("in_plane", [True, False])
@settings(deadline=None, max_examples=15)
@given(
    boundary=npst.arrays(np.uint8, (2, 7, 8), elements=st.sampled_from([0, 100, 200])),
    mask=st.none() | npst.arrays(bool, (2, 7, 8)),
)
def test_ids_have_no_gaps_and_each_is_one_piece(in_plane, boundary, mask):
    cutting = SupervoxelSettings(smoothing_nm=3.0, least_diameter_nm=15.0, in_plane=in_plane)
    labels = supervoxels(boundary, VOXEL_SIZE, cutting, mask=mask)
    assert np.array_equal(labels > 0, np.ones(labels.shape, bool) if mask is None else mask)
    ids = np.unique(labels[labels > 0])
    assert ids.tolist() == list(range(1, len(ids) + 1))
    assert pieces(labels, in_plane) == len(ids)


def test_a_membrane_parts_two_cells_and_noise_makes_no_third():
    boundary = np.zeros((1, 40, 60), np.uint8)
    boundary[:, :, 29:31] = 250
    boundary[0, 5, 5:7] = 100
    labels = supervoxels(boundary, VOXEL_SIZE, SupervoxelSettings())
    assert labels.max() == 2
    assert len(np.unique(labels[0, :, :29])) == len(np.unique(labels[0, :, 31:])) == 1
    assert labels[0, 0, 0] != labels[0, 0, -1]


def test_small_regions_are_absorbed_where_something_can_absorb_them():
    boundary = np.full((2, 30, 30), 200, np.uint8)
    boundary[0, 2:20, 2:20] = 0
    boundary[0, 25:28, 25:28] = 0
    boundary[1, 25:28, 25:28] = 0
    cutting = SupervoxelSettings(smoothing_nm=0.0, least_diameter_nm=0.0)
    assert len(np.unique(supervoxels(boundary, VOXEL_SIZE, cutting)[0])) == 2
    mask = np.ones(boundary.shape, bool)
    mask[1, :20] = False
    labels = supervoxels(
        boundary,
        VOXEL_SIZE,
        SupervoxelSettings(smoothing_nm=0.0, least_diameter_nm=120.0),
        mask=mask,
    )
    assert np.unique(labels[0]).tolist() == [1]
    assert np.unique(labels[1]).tolist() == [0, 2]
    huge = SupervoxelSettings(smoothing_nm=0.0, least_diameter_nm=1e4)
    assert np.unique(supervoxels(boundary, VOXEL_SIZE, huge)[1]).tolist() == [3]


@pytest.mark.parametrize("value", [0, 255])
def test_a_volume_without_any_or_with_only_boundary_is_cut_all_the_same(value):
    boundary = np.full((3, 8, 9), value, np.uint8)
    labels = supervoxels(boundary, VOXEL_SIZE, SupervoxelSettings())
    assert [np.unique(section).tolist() for section in labels] == [[1], [2], [3]]
    whole = supervoxels(boundary, VOXEL_SIZE, SupervoxelSettings(in_plane=False))
    assert np.unique(whole).tolist() == [1]


@pytest.mark.parametrize("in_plane", [True, False])
def test_threads_change_nothing(in_plane, rng):
    boundary = texture(rng, (5, 70, 80))
    cutting = SupervoxelSettings(in_plane=in_plane)
    one = supervoxels(boundary, VOXEL_SIZE, cutting, threads=1)
    assert np.array_equal(supervoxels(boundary, VOXEL_SIZE, cutting, threads=4), one)


def overlap(first, second) -> float:
    """Share of voxels in the best match of their region, in the worse direction."""
    table = count_pairs(first, second)
    best = [
        sum(table.counts[ids == label].max() for label in np.unique(ids))
        for ids in (table.truth, table.prediction)
    ]
    return min(best) / first.size


@pytest.mark.parametrize("in_plane", [True, False])
def test_a_block_with_a_halo_is_cut_as_the_whole_volume_is(in_plane, rng):
    if module.extension() is None:
        pytest.skip("scikit-image leaves the order of seeds open")
    cutting = SupervoxelSettings(deepest_nm=150.0, in_plane=in_plane)
    boundary = texture(rng, (18, 260, 270))
    whole = supervoxels(boundary, VOXEL_SIZE, cutting)
    y, x, halo = 101, 83, int((150 + 4 * cutting.smoothing_nm) / 6)
    block = np.s_[:, y - halo : y + 80 + halo, x - halo : x + 80 + halo]
    part = supervoxels(boundary[block], VOXEL_SIZE, cutting)[:, halo:-halo, halo:-halo]
    assert overlap(whole[:, y : y + 80, x : x + 80], part) > 0.995
    if not in_plane:
        part = supervoxels(boundary[1:17], VOXEL_SIZE, cutting)[7:-7]
        assert overlap(whole[8:10], part) > 0.995


@settings(deadline=None, max_examples=40)
@given(
    npst.arrays(np.float32, (3, 5, 6), elements=st.sampled_from([0.0, 1.0, 2.0, 3.0])),
    st.booleans(),
)
def test_maxima_are_those_of_scikit_image(values, in_plane):
    labels = label_maxima(values, in_plane=in_plane)
    count = 0
    for part, found in zip(values, labels, strict=True) if in_plane else [(values, labels)]:
        highest = morphology.local_maxima(np.pad(part, 1), connectivity=part.ndim)
        inner = highest[(slice(1, -1),) * part.ndim] & (part > 0)
        expected, more = ndimage.label(inner, np.ones((3,) * part.ndim))
        assert np.array_equal(found, np.where(expected > 0, expected + count, 0))
        count += more


@pytest.mark.parametrize("shape", [(1, 1, 1), (4, 3, 70), (3, 50, 2), (5, 33, 97)])
@pytest.mark.parametrize("sigma", [(0.0, 2.0, 2.0), (0.4, 1.3, 0.7), (3.0, 0.0, 0.0)])
def test_smoothing_is_that_of_scipy(shape, sigma, rng):
    native = extension()
    if native is None:
        pytest.skip("the C++ extension is not built")
    values = rng.random(shape, np.float32)
    expected = ndimage.gaussian_filter(values.astype(float), sigma, mode="nearest", truncate=4)
    native.smooth(values, sigma, 2)
    assert np.allclose(values, expected, rtol=1e-5)


def test_impossible_settings_are_refused():
    with pytest.raises(ValueError, match="threshold 0"):
        SupervoxelSettings(threshold=0)
    impossible: list[dict[str, Any]] = [
        {"smoothing_nm": -1.0},
        {"least_diameter_nm": np.inf},
        {"deepest_nm": 0.0},
    ]
    for lengths in impossible:
        with pytest.raises(ValueError, match="needs finite lengths"):
            SupervoxelSettings(**lengths)
    with pytest.raises(ValueError, match="needs one shape"):
        supervoxels(
            np.zeros((2, 3, 4), np.uint8),
            VOXEL_SIZE,
            SupervoxelSettings(),
            mask=np.ones((1, 3, 4), bool),
        )
