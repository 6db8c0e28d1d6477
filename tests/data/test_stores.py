"""What lies on disk, read by others: the zarr package, and the plain JSON of N5 and precomputed."""

import functools
import http.server
import json
import threading
from typing import Any

import numpy as np
import pytest
import tensorstore as ts
import zarr

from data.formats import ome, stores
from data.opening import create_volume, open_volume

SIZE, OFFSET = (30.0, 6.0, 6.5), (10, -4, 8)


def written(path, voxels, format=None, chunk_shape=None):
    volume = create_volume(
        str(path),
        shape=voxels.shape,
        dtype=voxels.dtype,
        voxel_size_nm=SIZE,
        offset=OFFSET,
        format=format,
        chunk_shape=chunk_shape,
    )
    volume.write(voxels)
    return str(path)


def attributes_of(group) -> dict[str, Any]:
    """The attributes of a zarr group, as plain JSON."""
    return group.attrs.asdict()


@pytest.fixture
def voxels():
    return np.random.default_rng(0).integers(0, 2**16, (5, 33, 20), np.uint16)


@pytest.mark.parametrize(("format", "version"), [("zarr3", 3), ("zarr2", 2)])
def test_zarr_package_reads_values_and_scale(tmp_path, voxels, format, version):
    group = zarr.open_group(written(tmp_path / "a.zarr", voxels, format), mode="r")
    array = group["0"]
    assert isinstance(array, zarr.Array)
    assert array.metadata.zarr_format == version
    assert array.chunks == (5, 33, 20)
    np.testing.assert_array_equal(array[:], voxels, strict=True)
    attributes = attributes_of(group)
    metadata = attributes["ome"] if version == 3 else attributes
    multiscale = metadata["multiscales"][0]
    if version == 3:
        assert metadata["version"] == "0.5"
        assert array.metadata.to_dict()["dimension_names"] == ("z", "y", "x")
    else:
        assert multiscale["version"] == "0.4"
    assert [axis["name"] for axis in multiscale["axes"]] == ["z", "y", "x"]
    assert {axis["unit"] for axis in multiscale["axes"]} == {"nanometer"}
    assert {axis["type"] for axis in multiscale["axes"]} == {"space"}
    scale, translation = multiscale["datasets"][0]["coordinateTransformations"]
    assert scale == {"type": "scale", "scale": [30, 6, 6.5]}
    assert translation == {"type": "translation", "translation": [300, -24, 52]}


def test_channels_come_first_in_a_zarr(tmp_path):
    """OME asks for the channel axis before the axes of space."""
    affinities = np.random.default_rng(0).integers(0, 256, (5, 33, 20, 3), np.uint8)
    group = zarr.open_group(written(tmp_path / "a.zarr", affinities), mode="r")
    array = group["0"]
    assert isinstance(array, zarr.Array)
    np.testing.assert_array_equal(array[:], np.moveaxis(affinities, -1, 0))
    assert array.metadata.to_dict()["dimension_names"] == ("c", "z", "y", "x")
    multiscale = attributes_of(group)["ome"]["multiscales"][0]
    assert multiscale["axes"][0] == {"name": "c", "type": "channel"}
    assert multiscale["datasets"][0]["coordinateTransformations"][0]["scale"] == [1, 30, 6, 6.5]


@pytest.mark.parametrize(
    ("dtype", "kind", "encoding"),
    [
        ("uint8", "image", "raw"),
        ("uint16", "image", "raw"),
        ("uint32", "segmentation", "compressed_segmentation"),
        ("uint64", "segmentation", "compressed_segmentation"),
    ],
)
def test_precomputed_info(tmp_path, voxels, dtype, kind, encoding):
    path = written(tmp_path / "a.precomputed", voxels.astype(dtype), chunk_shape=(4, 16, 8))
    info = json.loads((tmp_path / "a.precomputed/info").read_text())
    scale = info["scales"][0]
    assert (info["type"], info["data_type"], info["num_channels"]) == (kind, dtype, 1)
    assert scale["resolution"] == [6.5, 6, 30]
    assert scale["voxel_offset"] == [8, -4, 10]
    assert scale["size"] == [20, 33, 5]
    assert scale["chunk_sizes"] == [[8, 16, 4]]
    assert scale["encoding"] == encoding
    if encoding == "raw":  # x runs fastest: the first chunk, decoded by hand
        chunk = np.fromfile(f"{path}/{scale['key']}/8-16_-4-12_10-14", dtype).reshape(4, 16, 8)
        np.testing.assert_array_equal(chunk, voxels[:4, :16, :8].astype(dtype))


@pytest.mark.parametrize("labels", [True, False])
@pytest.mark.parametrize("dtype", ["uint8", "uint16", "uint32", "uint64"])
def test_precomputed_of_labels_by_request(tmp_path, voxels, dtype, labels):
    path = f"{tmp_path}/a.precomputed"
    volume = create_volume(path, shape=voxels.shape, dtype=dtype, voxel_size_nm=SIZE, labels=labels)
    volume.write(voxels.astype(dtype))
    info = json.loads((tmp_path / "a.precomputed/info").read_text())
    assert info["type"] == ("segmentation" if labels else "image")
    np.testing.assert_array_equal(open_volume(path).read(), voxels.astype(dtype))


def test_n5_attributes(tmp_path, voxels):
    written(tmp_path / "a.n5", voxels, chunk_shape=(4, 16, 8))
    attributes = json.loads((tmp_path / "a.n5/attributes.json").read_text())
    assert attributes["n5"] == "4.0.0"
    assert attributes["axes"] == ["x", "y", "z"]
    assert attributes["dimensions"] == [20, 33, 5]
    assert attributes["blockSize"] == [8, 16, 4]
    assert attributes["dataType"] == "uint16"
    assert attributes["resolution"] == [6.5, 6, 30]
    assert attributes["units"] == ["nm", "nm", "nm"]
    assert attributes["offset"] == [52, -24, 300]
    assert attributes["pixelResolution"] == {"dimensions": [6.5, 6, 30], "unit": "nm"}


def test_n5_without_axes_or_units(tmp_path):
    """Paintera's attributes: x first, in nanometres; the finest level lies in s0."""
    spec = {
        "driver": "n5",
        "kvstore": {"driver": "file", "path": f"{tmp_path}/a.n5/raw/s0"},
        "metadata": {
            "dimensions": [4, 3, 2],
            "blockSize": [4, 3, 2],
            "dataType": "uint8",
            "compression": {"type": "raw"},
            "resolution": [4, 5, 40],
            "offset": [8, 15, 80],
        },
    }
    ts.open(spec, create=True).result().write(np.arange(24, dtype=np.uint8).reshape(4, 3, 2))
    volume = open_volume(f"{tmp_path}/a.n5/raw")
    assert (volume.shape, volume.voxel_size_nm, volume.offset) == ((2, 3, 4), (40, 5, 4), (2, 3, 2))
    with pytest.raises(ValueError, match="needs a zarr, N5"):
        open_volume(f"{tmp_path}/a.n5")


@pytest.mark.parametrize(
    ("unit", "factor"),
    [("micrometer", 1000), ("angstrom", 0.1), ("nanometer", 1), ("millimeter", 1e6), ("um", 1000)],
)
@pytest.mark.parametrize("version", [3, 2])
def test_foreign_ome_in_other_units(tmp_path, unit, factor, version):
    """Time and channel axes of size 1, levels with other names, a scale of the whole group."""
    path = f"{tmp_path}/em.zarr"
    group = zarr.open_group(path, mode="w", zarr_format=version)
    voxels = np.arange(4 * 6 * 8, dtype=np.uint8).reshape(1, 1, 4, 6, 8)
    group.create_array("s0", data=voxels, chunks=(1, 1, 2, 3, 4))
    group.create_array("s1", data=voxels[..., ::2, ::2], chunks=(1, 1, 2, 3, 4))
    axes = [{"name": "t", "type": "time"}, {"name": "c", "type": "channel"}]
    axes += [{"name": name, "type": "space", "unit": unit} for name in "zyx"]

    def dataset(key, scale):
        return {
            "path": key,
            "coordinateTransformations": [
                {"type": "scale", "scale": [1, 1, *scale]},
                {"type": "translation", "translation": [0, 0, 8, 4, 2]},
            ],
        }

    multiscale = {
        "axes": axes,
        "datasets": [dataset("s0", (4, 2, 1)), dataset("s1", (4, 4, 2))],
        "coordinateTransformations": [{"type": "scale", "scale": [1, 1, 0.5, 0.5, 0.5]}],
    }
    attributes = {"multiscales": [multiscale]}
    group.attrs.update({"ome": attributes} if version == 3 else attributes)
    volume = open_volume(path)
    assert volume.voxel_size_nm == pytest.approx((2 * factor, 1 * factor, 0.5 * factor))
    assert volume.offset == (2, 2, 2)
    assert volume.chunk_shape == (2, 3, 4)
    np.testing.assert_array_equal(volume.read(), voxels[0, 0])
    level = open_volume(f"{path}/s1")
    assert level.voxel_size_nm == pytest.approx((2 * factor, 2 * factor, 1 * factor))
    np.testing.assert_array_equal(level.read(), voxels[0, 0, :, ::2, ::2])


def test_foreign_ome_with_several_times_or_no_units(tmp_path):
    group = zarr.open_group(f"{tmp_path}/em.zarr", mode="w", zarr_format=2)
    group.create_array("0", data=np.zeros((3, 1, 4, 6, 8), np.uint8))
    scale = [{"type": "scale", "scale": [1, 1, 30, 6, 6]}]
    datasets = [{"path": "0", "coordinateTransformations": scale}]
    group.attrs["multiscales"] = [{"axes": [*"tczyx"], "datasets": datasets}]
    with pytest.raises(ValueError, match=r"got axes \(t, c, z, y, x\)"):
        open_volume(f"{tmp_path}/em.zarr", (30, 6, 6))
    assert ome.read_levels(f"{tmp_path}/em.zarr")[0].scale.voxel_size_nm is None
    group.attrs["multiscales"] = [{"axes": [*"tczyx"], "datasets": [{"name": "0"}]}]
    with pytest.raises(ValueError, match=r"em.zarr: got OME-Zarr metadata without 'path'"):
        open_volume(f"{tmp_path}/em.zarr")


def test_bare_zarr_of_another_tool(tmp_path, voxels):
    zarr.save_array(f"{tmp_path}/bare.zarr", voxels)
    volume = open_volume(f"{tmp_path}/bare.zarr", (30, 6, 6))
    np.testing.assert_array_equal(volume.read(), voxels)


class Quiet(http.server.SimpleHTTPRequestHandler):
    """A file server that prints nothing."""

    def log_message(self, format, *args):
        pass


@pytest.fixture
def address(tmp_path):
    """URL of a web server, on loopback, of the test's folder."""
    handler = functools.partial(Quiet, directory=tmp_path)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), handler) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        yield f"http://127.0.0.1:{server.server_port}"
        server.shutdown()
        thread.join()


@pytest.mark.parametrize(
    ("name", "format"),
    [("a.zarr", "zarr3"), ("b.zarr", "zarr2"), ("a.n5", "n5"), ("a.precomputed", "precomputed")],
)
def test_http(tmp_path, voxels, address, name, format):
    written(tmp_path / name, voxels, format)
    volume = open_volume(f"{address}/{name}")
    np.testing.assert_array_equal(volume[1:4, 5:9].read(), voxels[1:4, 5:9])
    assert (volume.voxel_size_nm, volume.offset) == (SIZE, OFFSET)
    with pytest.raises(FileNotFoundError, match="no zarr, N5 or precomputed"):
        open_volume(f"{address}/other.zarr")


def test_specs_of_urls():
    assert stores.kvstore_spec("s3://bucket/em/a.zarr") == {
        "driver": "s3",
        "bucket": "bucket",
        "path": "em/a.zarr/",
    }
    assert stores.kvstore_spec("gs://bucket/em/a.zarr/") == {
        "driver": "gcs",
        "bucket": "bucket",
        "path": "em/a.zarr/",
    }
    assert stores.kvstore_spec("https://example.org/a.n5")["driver"] == "http"
    assert stores.kvstore_spec("memory://a")["driver"] == "memory"
    assert stores.kvstore_spec("/em/a.zarr") == {"driver": "file", "path": "/em/a.zarr/"}
