"""From the data of a config to volumes."""

import numpy as np
import pytest
import tifffile

from configs.sources import Data, FilesData, NamedData, PhantomData
from data.synthetic import LAYERS, PhantomParameters
from experiments.source import open_source, phantom_parameters, split_seed


def tiny(split: str = "train") -> PhantomData:
    return PhantomData(name="phantom", split=split, shape=[4, 32, 32])


def test_a_phantom_has_all_layers_of_the_shape_asked_for():
    source = open_source(tiny(), seed=5)
    assert (source.name, source.split, len(source.volumes)) == ("phantom", "train", 1)
    assert set(source.volumes[0]) == set(LAYERS)
    assert source.volumes[0]["image"].shape == (4, 32, 32)
    assert source.volumes[0]["image"].voxel_size_nm == (30, 6, 6)


def test_the_config_reaches_the_phantom():
    data = tiny()
    data.tissue.pitch_nm, data.imaging.noise = 300.0, 0.2
    parameters = phantom_parameters(data, seed=5)
    assert parameters.shape == (4, 32, 32)
    assert parameters.seed == 5
    assert parameters.tissue.pitch_nm == 300
    assert parameters.imaging.noise == 0.2
    assert hash(parameters) is not None  # lists have become tuples


def test_defaults_are_those_of_the_phantom():
    assert phantom_parameters(PhantomData(name="phantom"), seed=0) == PhantomParameters()


def test_splits_are_tissues_of_their_own():
    seeds = {split_seed(seed, split) for seed in range(3) for split in ("train", "validation")}
    assert len(seeds) == 6
    assert split_seed(2, "train") == 2
    assert split_seed(2, "validation") == split_seed(2, "validation")
    first, second = (
        open_source(tiny(split), seed=1).volumes[0]["image"].read()
        for split in ("train", "validation")
    )
    assert not np.array_equal(first, second)


def test_an_unknown_split_of_the_phantom_names_those_there_are():
    with pytest.raises(ValueError, match="got split 'all'; needs one of train, validation, test"):
        open_source(tiny("all"), seed=0)


@pytest.mark.parametrize("seed", [-1, 2**31])
def test_a_seed_out_of_range(seed):
    with pytest.raises(ValueError, match=f"got seed={seed}"):
        open_source(tiny(), seed=seed)


def test_a_named_set(data_root):
    source = open_source(NamedData("fib_tiny", "train", str(data_root)), seed=0)
    assert source.name == "fib_tiny"
    assert {"image", "neurites"} <= set(source.volumes[0])


def test_a_named_set_without_a_root(monkeypatch):
    monkeypatch.delenv("NEUROPIL_DATA", raising=False)
    with pytest.raises(ValueError, match="NEUROPIL_DATA"):
        open_source(NamedData("fib25", "train", None), seed=0)


@pytest.fixture
def stack(tmp_path):
    def write(name, shape, dtype):
        voxels = np.arange(np.prod(shape)).reshape(shape).astype(dtype)
        tifffile.imwrite(tmp_path / name, voxels, photometric="minisblack")
        return str(tmp_path / name), voxels

    return write


def test_files_with_labels(stack):
    image, voxels = stack("image.tif", (3, 8, 9), np.uint8)
    labels, ids = stack("labels.tif", (3, 8, 9), np.uint16)
    data = FilesData(
        "files", image=image, labels=labels, voxel_size_nm=[30.0, 6.0, 6.0], offset=[1, 2, 3]
    )
    layers = open_source(data, seed=0).volumes[0]
    np.testing.assert_array_equal(layers["image"].read(), voxels)
    np.testing.assert_array_equal(layers["neurites"].read(), ids)
    assert layers["image"].voxel_size_nm == (30, 6, 6)
    assert layers["neurites"].offset == (1, 2, 3)


def test_files_without_labels(stack):
    image, _ = stack("image.tif", (3, 8, 9), np.uint8)
    data = FilesData("files", image=image, voxel_size_nm=[30.0, 6.0, 6.0])
    assert set(open_source(data, seed=0).volumes[0]) == {"image"}


def test_files_that_are_no_image_or_no_labels(stack):
    image, _ = stack("image.tif", (3, 8, 9), np.uint8)
    scores, _ = stack("scores.tif", (3, 8, 9), np.float32)
    ids, _ = stack("ids.tif", (3, 8, 9), np.uint32)
    size = [30.0, 6.0, 6.0]
    with pytest.raises(ValueError, match=r"scores.tif: got labels of dtype float32"):
        open_source(FilesData("files", image=image, labels=scores, voxel_size_nm=size), seed=0)
    with pytest.raises(ValueError, match=r"ids.tif: got an image of dtype uint32"):
        open_source(FilesData("files", image=ids, voxel_size_nm=size), seed=0)


def test_files_of_different_shapes(stack):
    image, _ = stack("image.tif", (3, 8, 9), np.uint8)
    labels, _ = stack("labels.tif", (3, 8, 8), np.uint16)
    data = FilesData("files", image=image, labels=labels, voxel_size_nm=[30.0, 6.0, 6.0])
    with pytest.raises(ValueError, match="got shape"):
        open_source(data, seed=0)


def test_files_have_no_splits(stack):
    image, _ = stack("image.tif", (3, 8, 9), np.uint8)
    data = FilesData("files", "validation", image, voxel_size_nm=[30.0, 6.0, 6.0])
    with pytest.raises(ValueError, match=r"got split 'validation'.*data\.image"):
        open_source(data, seed=0)


def test_data_of_no_known_kind():
    with pytest.raises(ValueError, match="configs/data"):
        open_source(Data("nothing"), seed=0)
