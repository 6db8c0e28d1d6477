"""HDF5 datasets: CREMI's scale, lazy reads, and errors that name the file."""

import h5py
import numpy as np
import pytest

from data.formats import hdf5
from data.opening import create_volume, open_volume


@pytest.fixture
def voxels():
    return np.random.default_rng(0).integers(0, 2**32, (6, 20, 30), np.uint32)


def test_cremi_attributes(tmp_path, voxels):
    with h5py.File(tmp_path / "cremi.hdf", "w") as file:
        dataset = file.create_dataset("volumes/labels/neuron_ids", data=voxels, chunks=(2, 8, 9))
        dataset.attrs.update({"resolution": (40.0, 4.0, 4.0), "offset": (120.0, 8.0, 0.0)})
    volume = open_volume(f"{tmp_path}/cremi.hdf:volumes/labels/neuron_ids")
    assert (volume.voxel_size_nm, volume.offset) == ((40, 4, 4), (3, 2, 0))
    assert volume.chunk_shape == (6, 20, 30)  # pieces are not as small as the dataset's chunks
    np.testing.assert_array_equal(volume.read(), voxels, strict=True)
    np.testing.assert_array_equal(volume[1:3, 7:, :5].read(), voxels[1:3, 7:, :5])


@pytest.mark.parametrize(
    "options", [{}, {"compression": "gzip", "shuffle": True}, {"dtype": ">u8"}]
)
def test_layouts(tmp_path, voxels, options):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file.create_dataset("raw", data=voxels, **options)
    volume = open_volume(f"{tmp_path}/a.h5:/raw", (30, 6, 6))
    np.testing.assert_array_equal(volume.read(), voxels)


def test_others_read_what_we_write(tmp_path, voxels):
    path = f"{tmp_path}/a.h5"
    for name in ("volumes/raw", "volumes/labels"):
        create_volume(
            f"{path}:{name}",
            shape=voxels.shape,
            dtype=voxels.dtype,
            voxel_size_nm=(30, 6, 6),
            offset=(1, 2, 3),
        ).write(voxels)
    with h5py.File(path) as file:
        np.testing.assert_array_equal(file["volumes/raw"], voxels, strict=True)
        assert file["volumes/labels"].attrs["resolution"].tolist() == [30, 6, 6]
        assert file["volumes/labels"].attrs["offset"].tolist() == [30, 12, 18]


def test_overwriting_a_dataset_keeps_the_others(tmp_path, voxels):
    path = f"{tmp_path}/a.h5"
    for name in ("raw", "labels"):
        create_volume(f"{path}:{name}", shape=(2, 3, 4), dtype="uint8", voxel_size_nm=(1, 1, 1))
    with pytest.raises(FileExistsError, match="overwrite=true"):
        create_volume(f"{path}:raw", shape=(2, 3, 4), dtype="uint8", voxel_size_nm=(1, 1, 1))
    create_volume(
        f"{path}:raw", shape=(5, 3, 4), dtype="uint8", voxel_size_nm=(1, 1, 1), overwrite=True
    )
    assert open_volume(f"{path}:raw").shape == (5, 3, 4)
    assert open_volume(f"{path}:labels").shape == (2, 3, 4)


def test_wrong_dataset_lists_those_there(tmp_path, voxels):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volumes/raw"] = voxels
        file["volumes/labels/ids"] = voxels
    listed = r"a.h5:volumes/labels/ids  \(6, 20, 30\) uint32\s+.*a.h5:volumes/raw"
    for path in (":volumes/rav", ":volumes", ""):
        with pytest.raises(ValueError, match=listed):
            open_volume(f"{tmp_path}/a.h5{path}")
    with pytest.raises(FileNotFoundError, match=r"b.h5: there is no such file"):
        open_volume(f"{tmp_path}/b.h5:raw")


def test_truncated_file(tmp_path, voxels):
    path = tmp_path / "a.h5"
    with h5py.File(path, "w") as file:
        file["raw"] = voxels
    path.write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"a.h5: cannot be opened as HDF5 .*truncated"):
        open_volume(f"{path}:raw", (30, 6, 6))
    path.write_text("hello")
    with pytest.raises(ValueError, match=r"a.h5: cannot be opened as HDF5"):
        open_volume(f"{path}:raw", (30, 6, 6))


@pytest.mark.parametrize(
    ("values", "message"),
    [
        (np.zeros((3, 4, 5), np.complex64), "dtype complex64"),
        (np.array([[["a"]]], dtype=h5py.string_dtype()), "dtype object"),
        (np.zeros((3, 4), np.uint8), r"got shape \(3, 4\)"),
    ],
)
def test_what_is_no_volume(tmp_path, values, message):
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["raw"] = values
    with pytest.raises(ValueError, match=rf"a.h5:raw: .*{message}"):
        open_volume(f"{tmp_path}/a.h5:raw", (30, 6, 6))


def test_other_axes_are_refused(tmp_path):
    """Patches (n, z, y, x) are no volume with channels."""
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["patches"] = np.zeros((9, 5, 6, 7), np.uint8)
        file["patches"].attrs["axes"] = "nzyx"
    with pytest.raises(ValueError, match=r"got axes \(n, z, y, x\)"):
        open_volume(f"{tmp_path}/a.h5:patches", (30, 6, 6))


def test_paths():
    assert hdf5.split("/em/a.h5:volumes/raw") == ("/em/a.h5", "volumes/raw")
    assert hdf5.split("a.HDF5:/raw/") == ("a.HDF5", "raw")
    assert hdf5.split("a.h5") is None
    assert hdf5.split("s3://bucket/a.zarr") is None


def test_real_dataset(data_root):
    volume = open_volume(f"{data_root}/fib25_medulla/fib25_train.h5:volumes/raw")
    assert (volume.shape, volume.voxel_size_nm) == ((170, 250, 250), (10, 10, 10))
    assert volume.chunk_shape == (34, 100, 250)  # of chunks of (34, 50, 50)
