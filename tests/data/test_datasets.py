"""The named datasets themselves: files, shapes, polarity, splits. Skipped where they are absent."""

from pathlib import Path

import numpy as np
import pytest

from data.datasets import DATASETS, Dataset, load, status
from data.datasets.verification import overall_state
from data.volume import Volume

SHAPES = {
    ("snemi3d", "train"): [(80, 1024, 1024)],
    ("snemi3d", "validation"): [(20, 1024, 1024)],
    ("isbi2012", "train"): [(15, 512, 512)],
    ("isbi2012", "validation"): [(5, 512, 512)],
    ("isbi2012", "test"): [(30, 512, 512)],
    ("vnc", "train"): [(20, 512, 1024)],
    ("vnc", "validation"): [(20, 192, 1024)],
    ("fib25", "train"): [(136, 250, 250)],
    ("fib25", "validation"): [(34, 250, 250)],
    ("fib_tiny", "train"): [(50, 100, 200)],
    ("fib_tiny", "validation"): [(50, 100, 200)],
    ("fib_tiny", "all"): [(50, 100, 200)] * 2,
    ("isbi2012", "all"): [(20, 512, 512)],
    ("hydra_vesicles", "all"): [(80, 460, 1000)],
    ("pinky40", "train"): [(384, 512, 512)],
    ("pinky40", "validation"): [(128, 512, 512)],
}
HERE = sorted({name for name, _ in SHAPES} | {"mnist", "hemibrain_skeletons"})
IDS = ("neurites", "neuron_ids", "supervoxels", "ffn_segmentation", "cleft_ids", "vesicle_ids")
MASKS = ("membrane", "clefts", "mitochondria", "vesicles", "neuron_mask")


def extent(volume: Volume) -> set[tuple[int, int]]:
    """(z, y) of the volume's rows in its stack."""
    z, y, _ = (range(o, o + n) for o, n in zip(volume.offset, volume.shape, strict=True))
    return {(section, row) for section in z for row in y}


def only(loaded: Dataset) -> dict[str, Volume]:
    (layers,) = loaded.volumes
    return layers


@pytest.mark.parametrize("name", HERE)
def test_files_are_those_of_the_catalog(name, data_root):
    assert overall_state(status(DATASETS[name], data_root)) == "verified"


@pytest.mark.parametrize(("name", "split"), SHAPES)
def test_splits_have_their_shapes_and_layers_their_conventions(name, split, data_root):
    loaded = load(name, data_root, split)
    assert [next(iter(v.values())).shape for v in loaded.volumes] == SHAPES[name, split]
    for layers in loaded.volumes:
        assert set(layers) <= set(loaded.entry.layers)
        assert len({(v.shape, v.offset, v.voxel_size_nm) for v in layers.values()}) == 1
        for layer, volume in layers.items():
            voxels = volume[:2].read()
            assert volume.voxel_size_nm == loaded.entry.voxel_size_nm
            assert voxels.dtype == np.uint8 or layer not in ("image", *MASKS)
            assert np.issubdtype(voxels.dtype, np.unsignedinteger) or layer not in IDS
            assert layer not in MASKS or set(np.unique(voxels)) <= {0, 1}


@pytest.mark.parametrize("name", ["snemi3d", "isbi2012", "vnc", "fib25", "pinky40"])
def test_train_and_validation_are_disjoint_and_together_all(name, data_root):
    parts = [next(iter(only(load(name, data_root, s)).values())) for s in ("train", "validation")]
    train, validation = (extent(part) for part in parts)
    everything = next(iter(only(load(name, data_root, "all")).values()))
    assert not train & validation
    assert train | validation == extent(everything)


@pytest.mark.parametrize(("name", "fraction"), [("isbi2012", 0.22), ("vnc", 0.21)])
def test_membrane_is_1_whatever_the_file_holds(name, fraction, data_root):
    layers = only(load(name, data_root, "all"))
    membrane, image = layers["membrane"].read(), layers["image"].read()
    assert membrane.mean() == pytest.approx(fraction, abs=0.01)
    assert image[membrane == 1].mean() < image[membrane == 0].mean() - 20


def test_vnc_masks_agree_with_its_ids_and_classes(data_root):
    layers = {name: v.read() for name, v in only(load("vnc", data_root, "all")).items()}
    np.testing.assert_array_equal(layers["clefts"], layers["cleft_ids"] > 0)
    assert len(np.unique(layers["cleft_ids"])) == 34
    assert 0.8 < layers["mitochondria"][layers["classes"] == 191].mean() <= 1


def test_snemi3d_has_400_neurites_and_the_image_stacks_both_files(data_root):
    layers = only(load("snemi3d", data_root, "all"))
    neurites = layers["neurites"].read()
    assert len(np.unique(neurites)) == 401
    assert (neurites == 0).mean() == pytest.approx(0.15, abs=0.01)
    seam = layers["image"][48:52].read().astype(float)
    assert np.abs(seam[2] - seam[1]).mean() < 2 * np.abs(seam[1] - seam[0]).mean()


def test_fib25_neurites_are_the_components(data_root):
    layers = {n: v[:40].read() for n, v in only(load("fib25", data_root, "all")).items()}
    bodies = {}
    for piece, body in np.unique(
        np.stack([layers["neurites"].ravel(), layers["neuron_ids"].ravel()]), axis=1
    ).T:
        assert bodies.setdefault(piece, body) == body


def test_fib_tiny_has_its_bodies(data_root):
    blocks = [v["neurites"].read() for v in load("fib_tiny", data_root, "all").volumes]
    assert [len(np.unique(block[block > 0])) for block in blocks] == [87, 132]
    assert all(0.06 < (block == 0).mean() < 0.1 for block in blocks)


def test_hydra_label_volume_has_its_vesicles_inside_the_neurons(data_root):
    layers = {n: v.read() for n, v in only(load("hydra_vesicles", data_root, "all")).items()}
    assert len(np.unique(layers["vesicle_ids"])) == 333
    np.testing.assert_array_equal(layers["vesicles"], layers["vesicle_ids"] > 0)
    assert layers["neuron_mask"][layers["vesicles"] == 1].mean() > 0.95


def test_nothing_is_loaded_from_an_empty_root(tmp_path: Path):
    with pytest.raises(FileNotFoundError, match=r"train-input_z000-049\.tif is missing.*icon_arch"):
        load("snemi3d", tmp_path)


@pytest.mark.parametrize(
    ("name", "split", "message"),
    [
        ("snemi", "train", "needs one of phantom, snemi3d"),
        ("snemi3d", "test", "needs one of train, validation, all"),
        ("mnist", "train", r"data\.datasets\.mnist\.read_mnist"),
        ("phantom", "train", r"data\.synthetic"),
        ("hydra_vesicles", "train", r"needs one of all; .*read_patches"),
    ],
)
def test_wrong_names_and_splits_say_which_there_are(name, split, message, tmp_path):
    with pytest.raises(ValueError, match=message):
        load(name, tmp_path, split)


def test_splits_in_words():
    assert DATASETS["snemi3d"].describe_splits() == {"train": "z 0-79", "validation": "z 80-99"}
    assert DATASETS["vnc"].describe_splits() == {"train": "y 0-511", "validation": "y 512-703"}
    assert DATASETS["fib_tiny"].describe_splits() == {"train": "train.h5", "validation": "test.h5"}
    assert DATASETS["cremi"].describe_splits() == {"train": "z 0-99", "validation": "z 100-124"}
