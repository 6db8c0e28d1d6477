"""Scales that other tools write into N5 and OME-Zarr, sound and broken."""

import json

import numpy as np
import pytest
import tensorstore as ts
import zarr

from data.opening import open_volume


def n5(folder, attributes):
    """An N5 dataset of sizes (x, y, z) = (4, 3, 2), with these attributes."""
    path = folder / "a.n5"
    spec = {"driver": "n5", "kvstore": {"driver": "file", "path": str(path)}}
    ts.open(spec, create=True, dtype=ts.uint8, shape=(4, 3, 2)).result()
    stored = json.loads((path / "attributes.json").read_text())
    (path / "attributes.json").write_text(json.dumps(stored | attributes))
    return str(path)


def test_transform_of_cosem(tmp_path):
    """It names its axes itself, in the order of C, and may have more keys than we need."""
    transform = {
        "axes": ["z", "y", "x"],
        "ordering": "C",
        "scale": [5.24, 4, 8],
        "translate": [10.48, 4, 0],
        "units": ["nm", "nm", "nm"],
    }
    pixels = {"dimensions": [1, 1, 1], "unit": "nm"}
    volume = open_volume(n5(tmp_path, {"transform": transform, "pixelResolution": pixels}))
    assert (volume.voxel_size_nm, volume.offset) == ((5.24, 4, 8), (2, 1, 0))


@pytest.mark.parametrize(
    "attributes",
    [
        {"pixelResolution": [4, 4, 40]},
        {"pixelResolution": None},
        {"pixelResolution": {"dimensions": [4, 4, 40], "unit": None}},
    ],
)
def test_numbers_without_a_unit_say_nothing(tmp_path, attributes):
    path = n5(tmp_path, attributes)
    with pytest.raises(ValueError, match=r"a.n5: got no voxel size"):
        open_volume(path)
    assert open_volume(path, (40, 4, 4)).shape == (2, 3, 4)


@pytest.mark.parametrize(
    "attributes",
    [
        {"pixelResolution": "4x4x40"},
        {"pixelResolution": {"dimensions": [4, 4], "unit": "nm"}},
        {"pixelResolution": {"dimensions": ["a", "b", "c"], "unit": "nm"}},
        {"offset": [4, 4], "pixelResolution": {"dimensions": [4, 4, 40], "unit": "nm"}},
        {"transform": {"scale": [1, 1, 1]}},
        {"transform": []},
    ],
)
def test_broken_n5_scales_name_their_file(tmp_path, attributes):
    path = n5(tmp_path, attributes)
    with pytest.raises(ValueError, match=r"a.n5/attributes.json: got a scale that cannot be read"):
        open_volume(path)


@pytest.mark.parametrize(
    "change",
    [
        {
            "datasets": [
                {"path": "0", "coordinateTransformations": [{"type": "scale", "scale": [1]}]}
            ]
        },
        {"datasets": [{"path": "0", "coordinateTransformations": [7]}]},
        {"datasets": 7},
        {"axes": [7, 7, 7]},
    ],
)
def test_broken_ome_scales_name_their_file(tmp_path, change):
    group = zarr.open_group(f"{tmp_path}/em.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=np.zeros((4, 6, 8), np.uint8))
    axes = [{"name": name, "type": "space", "unit": "nm"} for name in "zyx"]
    scale = [{"type": "scale", "scale": [30, 6, 6]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    multiscale = {"axes": axes, "datasets": datasets}
    group.attrs["multiscales"] = [multiscale]
    assert open_volume(f"{tmp_path}/em.zarr").voxel_size_nm == (30, 6, 6)
    group.attrs["multiscales"] = [multiscale | change]
    with pytest.raises(ValueError, match=r"em.zarr: got OME-Zarr metadata that cannot be read"):
        open_volume(f"{tmp_path}/em.zarr")


def test_metadata_that_is_no_object(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr/zarr.json").write_text("[1, 2]")
    with pytest.raises(ValueError, match=r"a.zarr/zarr.json: got a JSON list; needs an object"):
        open_volume(f"{tmp_path}/a.zarr")
