"""Round trips through every format, and what a path may mean."""

from typing import Any

import numpy as np
import pytest
import tensorstore as ts
from hypothesis import given, settings
from hypothesis import strategies as st

from data.formats import sections
from data.opening import create_volume, open_volume

FORMATS = {
    "zarr3": "a.zarr",
    "zarr2": "b.zarr",
    "n5": "a.n5",
    "precomputed": "a.precomputed",
    "tif": "a.tif",
    "hdf5": "a.h5:volumes/raw",
}
DTYPES = ("uint8", "uint16", "uint32", "uint64", "float32")


def random_voxels(shape, dtype, seed=0):
    """Voxels that use the whole range of an integer dtype, or [0, 1) of floats."""
    rng = np.random.default_rng(seed)
    if np.dtype(dtype).kind == "f":
        return rng.random(shape, np.float32).astype(dtype)
    return rng.integers(0, np.iinfo(dtype).max, shape, dtype, endpoint=True)


@pytest.mark.parametrize("dtype", DTYPES)
@pytest.mark.parametrize("format", FORMATS)
def test_round_trip(tmp_path, format, dtype):
    path = f"{tmp_path}/{FORMATS[format]}"
    voxels = random_voxels((5, 33, 20), dtype)
    chunk = None if format == "tif" else (4, 16, 16)
    volume = create_volume(
        path,
        shape=voxels.shape,
        dtype=dtype,
        voxel_size_nm=(33.3, 6, 6.5),
        offset=(7, -2, 1000),
        chunk_shape=chunk,
        format=format,
    )
    volume.write(voxels)
    again = open_volume(path)
    np.testing.assert_array_equal(again.read(), voxels, strict=True)
    assert again.voxel_size_nm == (33.3, 6, 6.5)
    assert again.offset == (7, -2, 1000)
    pieces = {"tif": (1, 33, 20), "hdf5": (5, 33, 20)}  # at a time of stores without their own
    assert again.chunk_shape == pieces.get(format, chunk)


@pytest.mark.parametrize("format", [name for name in FORMATS if name != "tif"])
def test_round_trip_with_channels(tmp_path, format):
    path = f"{tmp_path}/{FORMATS[format]}"
    affinities = random_voxels((5, 33, 20, 3), "uint8")
    volume = create_volume(
        path, shape=affinities.shape, dtype="uint8", voxel_size_nm=(30, 6, 6), format=format
    )
    volume.write(affinities)
    again = open_volume(path)
    assert again.axes == ("z", "y", "x", "channel")
    np.testing.assert_array_equal(again.read(), affinities, strict=True)
    np.testing.assert_array_equal(again[1:3, 4:9, 2:].read(), affinities[1:3, 4:9, 2:])


@pytest.mark.parametrize("format", FORMATS)
def test_parts_are_written_and_read(tmp_path, format):
    """A part that shares chunks with its neighbours leaves these as they are."""
    path = f"{tmp_path}/{FORMATS[format]}"
    voxels = random_voxels((5, 33, 20), "uint16")
    volume = create_volume(
        path, shape=voxels.shape, dtype="uint16", voxel_size_nm=(30, 6, 6), format=format
    )
    assert not volume.read().any()
    volume[1:4, 3:30, 5:].write(voxels[1:4, 3:30, 5:])
    expected = np.zeros_like(voxels)
    expected[1:4, 3:30, 5:] = voxels[1:4, 3:30, 5:]
    again = open_volume(path)
    np.testing.assert_array_equal(again.read(), expected)
    np.testing.assert_array_equal(again[2:5, 7:8, 1:9].read(), expected[2:5, 7:8, 1:9])


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    offset=st.tuples(*[st.integers(-100, 10**6)] * 3),
    size=st.tuples(*[st.floats(0.25, 1e4)] * 3),
    format=st.sampled_from([name for name in FORMATS if name not in ("hdf5", "tif")]),
)
def test_any_place_and_size_survive_in_memory(shape, offset, size, format):
    voxels = random_voxels(shape, "uint8")
    volume = create_volume(
        "memory://survive/volume",
        shape=shape,
        dtype="uint8",
        voxel_size_nm=size,
        offset=offset,
        format=format,
        overwrite=True,
    )
    volume.write(voxels)
    again = open_volume("memory://survive/volume")
    np.testing.assert_array_equal(again.read(), voxels)
    np.testing.assert_allclose(again.voxel_size_nm, size, rtol=1e-15)
    assert again.offset == offset


@settings(max_examples=25, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 9)] * 3),
    offset=st.tuples(*[st.integers(-100, 10**6)] * 3),
    size=st.tuples(*[st.floats(0.25, 1e4)] * 3),
    name=st.sampled_from(["any.tif", "any.h5:raw"]),
)
def test_any_place_and_size_survive_in_a_file(tmp_path_factory, shape, offset, size, name):
    path = f"{tmp_path_factory.mktemp('any')}/{name}"
    voxels = random_voxels(shape, "uint16")
    volume = create_volume(path, shape=shape, dtype="uint16", voxel_size_nm=size, offset=offset)
    volume.write(voxels)
    again = open_volume(path)
    np.testing.assert_array_equal(again.read(), voxels)
    assert (again.voxel_size_nm, again.offset) == (size, offset)


@pytest.mark.parametrize("format", FORMATS)
def test_booleans_become_uint8(tmp_path, format):
    path = f"{tmp_path}/{FORMATS[format]}"
    volume = create_volume(
        path, shape=(2, 3, 4), dtype=bool, voxel_size_nm=(30, 6, 6), format=format
    )
    assert volume.dtype == open_volume(path).dtype == np.uint8


def test_boolean_zarr_is_read_as_uint8(tmp_path):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{tmp_path}/mask"}}
    mask = np.eye(4, dtype=bool)[None]
    ts.open(spec, create=True, dtype=ts.bool, shape=mask.shape).result().write(mask).result()
    volume = open_volume(f"{tmp_path}/mask", (30, 6, 6))
    np.testing.assert_array_equal(volume.read(), mask.astype(np.uint8), strict=True)


@pytest.mark.parametrize("format", FORMATS)
def test_arguments_win_over_the_file(tmp_path, format):
    path = f"{tmp_path}/{FORMATS[format]}"
    create_volume(
        path,
        shape=(2, 3, 4),
        dtype="uint8",
        voxel_size_nm=(30, 6, 6),
        offset=(1, 2, 3),
        format=format,
    )
    volume = open_volume(path, [40, 4, 4], [0, 0, 9])
    assert volume.voxel_size_nm == (40, 4, 4)
    assert volume.offset == (0, 0, 9)


def test_missing_voxel_size_says_how_to_give_it(tmp_path):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{tmp_path}/bare"}}
    ts.open(spec, create=True, dtype=ts.uint8, shape=[2, 3, 4]).result()
    with pytest.raises(ValueError, match=r"bare: got no voxel size.*give voxel_size_nm=\[z,y,x\]"):
        open_volume(f"{tmp_path}/bare")
    assert open_volume(f"{tmp_path}/bare", (30, 6, 6)).shape == (2, 3, 4)


def test_complex_voxels_are_refused(tmp_path):
    spec = {"driver": "zarr3", "kvstore": {"driver": "file", "path": f"{tmp_path}/waves"}}
    ts.open(spec, create=True, dtype=ts.complex64, shape=[2, 3, 4]).result()
    with pytest.raises(ValueError, match="waves: got voxels of dtype complex64"):
        open_volume(f"{tmp_path}/waves", (30, 6, 6))
    with pytest.raises(ValueError, match="dtype object"):
        create_volume(f"{tmp_path}/o.zarr", shape=(2, 3, 4), dtype=object, voxel_size_nm=(1, 1, 1))


def test_nothing_there(tmp_path):
    with pytest.raises(FileNotFoundError, match="no such file or folder"):
        open_volume(f"{tmp_path}/none.zarr")
    with pytest.raises(FileNotFoundError, match="none"):
        open_volume("memory://none/a.zarr")
    (tmp_path / "notes.txt").write_text("hello")
    with pytest.raises(ValueError, match=r"needs a zarr, N5 or precomputed volume"):
        open_volume(f"{tmp_path}/notes.txt")
    with pytest.raises(ValueError, match=r"\['notes.txt'\]"):
        open_volume(str(tmp_path))


def test_damaged_metadata_is_named(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    (tmp_path / "a.zarr/zarr.json").write_text('{"zarr_format": 3,')
    with pytest.raises(ValueError, match=r"a.zarr/zarr.json: got text that is not JSON"):
        open_volume(f"{tmp_path}/a.zarr")


def test_existing_output_is_kept(tmp_path):
    path = f"{tmp_path}/a.zarr"
    volume = create_volume(path, shape=(2, 3, 4), dtype="uint8", voxel_size_nm=(30, 6, 6))
    volume.write(np.ones((2, 3, 4), np.uint8))
    with pytest.raises(FileExistsError, match="overwrite=true"):
        create_volume(path, shape=(2, 3, 4), dtype="uint8", voxel_size_nm=(30, 6, 6))
    assert open_volume(path).read().all()
    create_volume(path, shape=(2, 2, 2), dtype="uint8", voxel_size_nm=(30, 6, 6), overwrite=True)
    assert not open_volume(path).read().any()


def test_folder_of_other_things_is_never_overwritten(tmp_path):
    (tmp_path / "thesis.zarr").mkdir()
    (tmp_path / "thesis.zarr/chapter1.tex").write_text("It was a dark night")
    with pytest.raises(FileExistsError, match="a folder without a volume"):
        create_volume(
            f"{tmp_path}/thesis.zarr",
            shape=(2, 3, 4),
            dtype="uint8",
            voxel_size_nm=(30, 6, 6),
            overwrite=True,
        )
    assert (tmp_path / "thesis.zarr/chapter1.tex").exists()


def test_unwritable_output(tmp_path):
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match=r"file/a.zarr: cannot be written"):
        create_volume(
            f"{tmp_path}/file/a.zarr", shape=(2, 3, 4), dtype="uint8", voxel_size_nm=(30, 6, 6)
        )


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.mrc", {}, r"needs a name that ends in .zarr"),
        ("a.zarr", {"format": "zarr4"}, "format 'zarr4'"),
        ("a.tif", {"shape": (2, 3, 4, 3)}, "TIFF holds"),
        ("a.tif", {"chunk_shape": (1, 2, 2)}, "without chunks"),
        ("a.zarr", {"shape": (2, 3)}, "needs \\(z, y, x"),
        ("a.zarr", {"shape": (2, 0, 4)}, "each at least 1"),
        ("a.zarr", {"chunk_shape": (16, 0, 16)}, "sizes >= 1"),
        ("a.zarr", {"voxel_size_nm": (30, 6)}, "three numbers > 0"),
        ("a.precomputed", {"dtype": "float64"}, "a.precomputed: cannot be opened"),
    ],
)
def test_what_a_format_cannot_hold(tmp_path, name, options, message):
    given: dict[str, Any] = {
        "shape": (2, 3, 4),
        "dtype": "uint8",
        "voxel_size_nm": (30, 6, 6),
        **options,
    }
    with pytest.raises(ValueError, match=message):
        create_volume(f"{tmp_path}/{name}", **given)
    assert not (tmp_path / name).exists()


@pytest.mark.parametrize(
    "path", ["http://127.0.0.1:1/a.zarr", "s3://bucket/a.tif", "gs://bucket/a.h5:raw"]
)
def test_urls_that_cannot_be_written(path):
    with pytest.raises(ValueError, match=r"needs a local path, or .zarr"):
        create_volume(path, shape=(2, 3, 4), dtype="uint8", voxel_size_nm=(30, 6, 6))


def test_natural_order():
    names = ["s10.png", "s9.png", "s1_b12.png", "s1_b2.png"]
    ordered = ["s1_b2.png", "s1_b12.png", "s9.png", "s10.png"]
    assert sorted(names, key=sections.natural_order) == ordered
