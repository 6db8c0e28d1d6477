"""CREMI files, on small ones that are written here in the published layout."""

from pathlib import Path

import h5py
import numpy as np
import pytest

from data.cremi import open_layers, read_partners
from data.datasets import load

BACKGROUND, INVALID = 0xFFFF_FFFF_FFFF_FFFF, 0xFFFF_FFFF_FFFF_FFFE
RESOLUTION_NM = (40.0, 4.0, 4.0)
PADDING = np.array([2, 3, 4])
RAW = np.arange(8 * 12 * 14, dtype=np.uint8).reshape(8, 12, 14)
NEURITES = np.arange(1, 1 + 4 * 6 * 5, dtype=np.uint64).reshape(4, 6, 5)
CLEFTS = np.full((4, 6, 5), BACKGROUND, np.uint64)
CLEFTS[1, 2:4, 1:3] = 77
CLEFTS[2, 0, 0] = INVALID
IDS = np.array([40, 10, 30, 20], np.uint64)
LOCATIONS_NM = np.array([[40, 8, 4], [0, 4, 8], [80, 4, 0], [120, 20, 16]], float)


def write_volume(file: h5py.File, name: str, voxels: np.ndarray, offset_nm=None) -> None:
    dataset = file.create_dataset(name, data=voxels, compression="gzip")
    dataset.attrs["resolution"] = RESOLUTION_NM
    if offset_nm is not None:
        dataset.attrs["offset"] = offset_nm


def write_sample(path: Path, padded: bool) -> Path:
    """A sample file; padded ones have more image than labels."""
    offset_nm = PADDING * RESOLUTION_NM if padded else None
    inside = tuple(slice(p, p + n) for p, n in zip(PADDING, NEURITES.shape, strict=True))
    with h5py.File(path, "w") as file:
        write_volume(file, "volumes/raw", RAW if padded else RAW[inside])
        write_volume(file, "volumes/labels/neuron_ids", NEURITES, offset_nm)
        write_volume(file, "volumes/labels/clefts", CLEFTS, offset_nm)
        file["annotations/ids"] = IDS
        file["annotations/locations"] = LOCATIONS_NM
        file["annotations/types"] = [b"presynaptic_site"] * 2 + [b"postsynaptic_site"] * 2
        file["annotations/presynaptic_site/partners"] = np.array([[10, 30], [40, 20]], np.uint64)
        if offset_nm is not None:
            file["annotations"].attrs["offset"] = offset_nm
    return path


@pytest.mark.parametrize("padded", [False, True])
def test_image_is_cropped_to_the_labels(padded, tmp_path):
    layers = open_layers(write_sample(tmp_path / "sample.hdf", padded))
    z, y, x = (slice(p, p + n) for p, n in zip(PADDING, NEURITES.shape, strict=True))
    np.testing.assert_array_equal(layers["image"].read(), RAW[z, y, x])
    np.testing.assert_array_equal(layers["neurites"].read(), NEURITES)
    offset = tuple(PADDING.tolist()) if padded else (0, 0, 0)
    assert {volume.offset for volume in layers.values()} == {offset}
    assert {volume.voxel_size_nm for volume in layers.values()} == {RESOLUTION_NM}


def test_clefts_have_background_0_and_so_have_voxels_not_to_be_scored(tmp_path):
    layers = open_layers(write_sample(tmp_path / "sample.hdf", padded=False))
    expected = np.where(CLEFTS == 77, 77, 0).astype(np.uint64)
    np.testing.assert_array_equal(layers["cleft_ids"].read(), expected)
    np.testing.assert_array_equal(layers["clefts"].read(), (expected > 0).astype(np.uint8))
    assert layers["clefts"].dtype == np.uint8


@pytest.mark.parametrize("padded", [False, True])
def test_partners_count_from_the_corner_of_the_image(padded, tmp_path):
    partners = read_partners(write_sample(tmp_path / "sample.hdf", padded))
    shift = PADDING * RESOLUTION_NM if padded else np.zeros(3)
    np.testing.assert_allclose(partners.pre_zyx_nm, LOCATIONS_NM[[1, 0]] + shift)
    np.testing.assert_allclose(partners.post_zyx_nm, LOCATIONS_NM[[2, 3]] + shift)


def test_test_files_without_labels_give_the_whole_image_and_no_partners(tmp_path):
    path = tmp_path / "sample.hdf"
    with h5py.File(path, "w") as file:
        write_volume(file, "volumes/raw", RAW)
    layers = open_layers(path)
    assert list(layers) == ["image"]
    assert layers["image"].shape == RAW.shape
    assert read_partners(path).pre_zyx_nm.shape == (0, 3)


def test_labels_outside_the_image_are_an_error(tmp_path):
    path = tmp_path / "sample.hdf"
    with h5py.File(path, "w") as file:
        write_volume(file, "volumes/raw", RAW)
        write_volume(file, "volumes/labels/neuron_ids", NEURITES, np.array([400.0, 0.0, 0.0]))
    with pytest.raises(ValueError, match=r"\[10, 0, 0\] to \[14, 6, 5\].*inside the image"):
        open_layers(path)


def test_labels_of_two_extents_are_an_error(tmp_path):
    path = tmp_path / "sample.hdf"
    with h5py.File(path, "w") as file:
        write_volume(file, "volumes/raw", RAW)
        write_volume(file, "volumes/labels/neuron_ids", NEURITES)
        write_volume(file, "volumes/labels/clefts", CLEFTS[1:])
    with pytest.raises(ValueError, match="differ in offset or shape"):
        open_layers(path)


@pytest.mark.parametrize("offset_nm", [(20.0, 0.0, 0.0), (0.0, 1.0, 0.0)])
def test_offsets_of_part_of_a_voxel_are_an_error(offset_nm, tmp_path):
    path = tmp_path / "sample.hdf"
    with h5py.File(path, "w") as file:
        write_volume(file, "volumes/raw", RAW)
        write_volume(file, "volumes/labels/neuron_ids", NEURITES, np.array(offset_nm))
    with pytest.raises(ValueError, match="needs whole voxels"):
        open_layers(path)


def test_files_of_another_layout_are_an_error(tmp_path):
    path = tmp_path / "sample.hdf"
    with h5py.File(path, "w") as file:
        file["image"] = RAW
    with pytest.raises(ValueError, match="volumes/raw"):
        open_layers(path)
    with h5py.File(path, "w") as file:
        file["volumes/raw"] = RAW
    with pytest.raises(ValueError, match="resolution"):
        open_layers(path)


def test_partners_that_are_not_annotated_are_an_error(tmp_path):
    path = write_sample(tmp_path / "sample.hdf", padded=False)
    with h5py.File(path, "a") as file:
        file["annotations/presynaptic_site/partners"][0, 0] = 99
    with pytest.raises(ValueError, match="99"):
        read_partners(path)


def test_the_samples_that_are_there_are_loaded(tmp_path):
    (tmp_path / "cremi").mkdir()
    with pytest.raises(FileNotFoundError, match=r"sample_A_20160501.hdf is missing"):
        load("cremi", tmp_path)
    path = write_sample(tmp_path / "cremi/sample_B_20160501.hdf", padded=False)
    (layers,) = load("cremi", tmp_path, split="all").volumes
    assert layers["image"].name == "cremi (sample B, all) image"
    (tmp_path / "cremi/sample_C_20160501.hdf").write_bytes(path.read_bytes()[:-100])
    with pytest.raises(ValueError, match=r"sample_C_20160501.hdf: cannot be opened as HDF5"):
        load("cremi", tmp_path, split="all")


def test_the_named_set_is_three_volumes(tmp_path):
    (tmp_path / "cremi").mkdir()
    for letter in "ABC":
        write_sample(tmp_path / "cremi" / f"sample_{letter}_20160501.hdf", padded=False)
    loaded = load("cremi", tmp_path, split="all")
    assert len(loaded.volumes) == 3
    for layers in loaded.volumes:
        assert set(layers) == set(loaded.entry.layers)
        assert {volume.shape for volume in layers.values()} == {NEURITES.shape}
