"""Axes that nobody names are asked for, never guessed."""

import h5py
import numpy as np
import pytest
import tensorstore as ts
import zarr

from data.conversion.job import Options, convert
from data.opening import open_volume

SIZE = (30, 6, 6)


@pytest.fixture
def channels():
    return np.random.default_rng(0).integers(0, 256, (2, 5, 6, 7), np.uint8)


def write(path, voxels):
    """An array as other tools leave it: its shape is all that is known of its axes."""
    if path.suffix == ".h5":
        with h5py.File(path, "w") as file:
            file["raw"] = voxels
        return f"{path}:raw"
    if path.suffix == ".n5":
        spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path)}}
        ts.open(spec, create=True, dtype=ts.uint8, shape=voxels.shape).result().write(
            voxels
        ).result()
    else:
        zarr.save_array(str(path), voxels, zarr_format=2 if path.stem == "v2" else 3)
    return str(path)


@pytest.mark.parametrize("name", ["a.h5", "a.zarr", "v2.zarr", "a.n5"])
def test_four_axes_need_names(tmp_path, channels, name):
    path = write(tmp_path / name, channels)
    with pytest.raises(ValueError, match=rf"{name}.*: got sizes \(2, 5, 6, 7\).*axes=czyx"):
        open_volume(path, SIZE)
    with pytest.raises(ValueError, match=r"got axes=zyx for sizes \(2, 5, 6, 7\)"):
        open_volume(path, SIZE, axes="zyx")
    volume = open_volume(path, SIZE, axes="czyx")
    np.testing.assert_array_equal(volume.read(), np.moveaxis(channels, 0, -1))


@pytest.mark.parametrize("name", ["a.h5", "a.zarr", "v2.zarr", "a.n5"])
def test_three_axes_may_be_named(tmp_path, channels, name):
    path = write(tmp_path / name, channels[0])
    expected = channels[0].T if name == "a.n5" else channels[0]
    np.testing.assert_array_equal(open_volume(path, SIZE).read(), expected)
    named = open_volume(path, SIZE, axes="yxz").read()
    np.testing.assert_array_equal(named, channels[0].transpose(2, 0, 1))


def test_conversion_with_names(tmp_path, channels):
    path = write(tmp_path / "a.h5", channels)
    convert(path, f"{tmp_path}/a.zarr", Options([30.0, 6.0, 6.0], axes="czyx"))
    np.testing.assert_array_equal(
        open_volume(f"{tmp_path}/a.zarr").read(), np.moveaxis(channels, 0, -1)
    )
