"""Pyramids: factors by voxel size, means, label-safe levels, scales in the metadata."""

from typing import Any

import numpy as np
import pytest
import zarr

from data import pyramid
from data.opening import create_volume, open_volume
from data.pyramid import commonest, halved, mean, write_pyramid


def test_sections_are_halved_until_voxels_are_near_cubes():
    assert halved((100, 1024, 1024), (30, 6, 6)) == (1, 2, 2)
    assert halved((100, 512, 512), (30, 12, 12)) == (1, 2, 2)
    assert halved((100, 256, 256), (30, 24, 24)) == (2, 2, 2)
    assert halved((100, 256, 256), (8, 8, 8)) == (2, 2, 2)
    assert halved((1, 256, 256), (1, 8, 8)) == (1, 2, 2)
    assert halved((1, 1, 1), (8, 8, 8)) == (1, 1, 1)


@pytest.mark.parametrize("factors", [(1, 2, 2), (2, 2, 2), (2, 1, 2)])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "float32"])
def test_mean_is_numpy_s_mean(factors, dtype):
    voxels = np.random.default_rng(0).integers(0, 200, (4, 6, 8)).astype(dtype)
    fz, fy, fx = factors
    expected = voxels.reshape(4 // fz, fz, 6 // fy, fy, 8 // fx, fx).mean((1, 3, 5))
    expected = expected if dtype == "float32" else np.rint(expected)
    np.testing.assert_allclose(mean(voxels, factors), expected.astype(dtype), rtol=1e-6)


def test_means_at_an_odd_edge_repeat_the_last_voxels():
    voxels = np.array([[[1, 3, 9]]], np.uint8)
    np.testing.assert_array_equal(mean(voxels, (1, 2, 2)), [[[2, 9]]])


def test_commonest_takes_the_majority_and_then_the_first():
    voxels = np.array([[[7, 5, 1, 2], [5, 5, 2, 1]]], np.uint64)
    np.testing.assert_array_equal(commonest(voxels, (1, 2, 2)), [[[5, 1]]])


def test_commonest_agrees_with_counting():
    voxels = np.random.default_rng(0).integers(0, 4, (4, 6, 8)).astype(np.uint32)
    result = commonest(voxels, (2, 2, 2))
    for z, y, x in np.ndindex(2, 3, 4):
        box = voxels[2 * z : 2 * z + 2, 2 * y : 2 * y + 2, 2 * x : 2 * x + 2].ravel()
        counts = [(box == value).sum() for value in box]
        assert result[z, y, x] == box[np.argmax(counts)]


@pytest.mark.parametrize("format", ["zarr3", "zarr2"])
@pytest.mark.parametrize("dtype", ["uint8", "uint32"])
def test_levels_and_their_scale(tmp_path, monkeypatch, format, dtype):
    """Small blocks give the levels that whole volumes would; zarr reads them in their place."""
    monkeypatch.setattr(pyramid, "BLOCK_BYTES", 4096)
    monkeypatch.setattr(pyramid, "CHUNK", (2, 8, 8))
    path = f"{tmp_path}/a.zarr"
    voxels = np.random.default_rng(0).integers(0, 5, (6, 45, 39)).astype(dtype)
    create_volume(
        path,
        shape=voxels.shape,
        dtype=dtype,
        voxel_size_nm=(40, 10, 10),
        offset=(3, 2, 1),
        format=format,
        chunk_shape=(4, 16, 16),
    ).write(voxels)
    assert write_pyramid(path, levels=4) == 4
    reduce = commonest if dtype == "uint32" else mean
    first = reduce(voxels, (1, 2, 2))
    second = reduce(first, (1, 2, 2))
    levels = [voxels, first, second, reduce(second, (2, 2, 2))]
    group = zarr.open_group(path, mode="r")
    attributes: Any = group.attrs.asdict()
    attributes = attributes["ome"] if format == "zarr3" else attributes
    datasets = attributes["multiscales"][0]["datasets"]
    sizes = [(40, 10, 10), (40, 20, 20), (40, 40, 40), (80, 80, 80)]
    for number, (dataset, size, level) in enumerate(zip(datasets, sizes, levels, strict=True)):
        array = group[dataset["path"]]
        assert isinstance(array, zarr.Array)
        np.testing.assert_array_equal(array[:], level, strict=True)
        scale, translation = dataset["coordinateTransformations"]
        assert scale["scale"] == list(size)
        # The first voxel begins where that of level 0 begins: half a voxel before its centre.
        start = np.array(translation["translation"]) - np.array(size) / 2
        np.testing.assert_allclose(start, np.array([120, 20, 10]) - np.array([40, 10, 10]) / 2)
        opened = open_volume(f"{path}/{number}")
        assert opened.voxel_size_nm == size
        np.testing.assert_array_equal(opened.read(), level)
    assert open_volume(path).offset == (3, 2, 1)


def test_levels_end_when_they_are_small(tmp_path):
    path = f"{tmp_path}/a.zarr"
    create_volume(path, shape=(4, 600, 200), dtype="uint8", voxel_size_nm=(40, 8, 8))
    assert write_pyramid(path) == 4  # 600, 300, 150, and 75 along y


def test_channels_are_kept(tmp_path):
    path = f"{tmp_path}/a.zarr"
    affinities = np.random.default_rng(0).integers(0, 256, (4, 6, 8, 3), np.uint8)
    create_volume(path, shape=affinities.shape, dtype="uint8", voxel_size_nm=(8, 8, 8)).write(
        affinities
    )
    write_pyramid(path, levels=2)
    np.testing.assert_array_equal(open_volume(f"{path}/1").read(), mean(affinities, (2, 2, 2)))


def test_labels_by_request(tmp_path):
    path = f"{tmp_path}/a.zarr"
    labels = np.random.default_rng(0).choice(np.array([0, 200], np.uint16), (4, 6, 8))
    create_volume(path, shape=(4, 6, 8), dtype="uint16", voxel_size_nm=(8, 8, 8)).write(labels)
    write_pyramid(path, levels=2, labels=True)
    assert set(np.unique(open_volume(f"{path}/1").read())) <= {0, 200}


def test_only_an_ome_zarr_has_a_pyramid(tmp_path):
    path = f"{tmp_path}/a.n5"
    create_volume(path, shape=(4, 6, 8), dtype="uint8", voxel_size_nm=(8, 8, 8))
    with pytest.raises(ValueError, match=r"a.n5: got no OME-Zarr group"):
        write_pyramid(path)
