"""Sets that are no volumes: digits, vesicle patches, skeletons and synapse tables."""

import dataclasses
import gzip
import struct
from pathlib import Path

import h5py
import hypothesis
import numpy as np
import pytest
from hypothesis.extra.numpy import array_shapes, arrays

from data.datasets import hemibrain_skeletons, hydra_vesicles, mnist
from data.datasets.hemibrain_skeletons import NEURONS, read_neuron, read_synapse_table
from data.datasets.hydra_vesicles import CELL_7_13, FIRST_VALIDATION_CENTRE, read_patches
from data.datasets.mnist import read_idx, read_mnist


def idx_bytes(array: np.ndarray) -> bytes:
    header = struct.pack(f">BBBB{array.ndim}I", 0, 0, 8, array.ndim, *array.shape)
    return header + array.tobytes()


@hypothesis.given(arrays(np.uint8, array_shapes(min_side=0, max_side=5)))
@hypothesis.settings(
    deadline=None, suppress_health_check=[hypothesis.HealthCheck.function_scoped_fixture]
)
def test_idx_file_gives_back_the_array(tmp_path, array):
    path = tmp_path / "array.gz"
    path.write_bytes(gzip.compress(idx_bytes(array)))
    np.testing.assert_array_equal(read_idx(path), array)


@pytest.mark.parametrize(
    "content",
    [
        b"",
        b"\0\0\x08",
        b"\0\0\x08\x02\0\0\0\x01\0",
        b"\0\0\x0d\x01\0\0\0\x01\0\0\0\0",
        idx_bytes(np.zeros((2, 3), "u1"))[:-1],
    ],
)
def test_idx_file_of_another_kind_or_cut_short_is_an_error(content, tmp_path):
    path = tmp_path / "array.gz"
    path.write_bytes(gzip.compress(content))
    with pytest.raises(ValueError, match=r"array\.gz"):
        read_idx(path)


def test_mnist_splits(data_root):
    images, labels = read_mnist(data_root)
    late_images, late_labels = read_mnist(data_root, "validation")
    assert (images.shape, late_images.shape) == ((50000, 28, 28), (10000, 28, 28))
    assert labels[:10].tolist() == [5, 0, 4, 1, 9, 2, 1, 3, 1, 4]
    assert len(labels) == 50000 and set(late_labels.tolist()) == set(range(10))
    every, _ = read_mnist(data_root, "all")
    np.testing.assert_array_equal(every, np.concatenate([images, late_images]))


@pytest.mark.parametrize("read", [read_mnist, read_patches])
def test_unknown_split_and_missing_files(read, tmp_path):
    with pytest.raises(ValueError, match="got split 'test'"):
        read(tmp_path, "test")
    with pytest.raises(FileNotFoundError, match="is missing; get it from github"):
        read(tmp_path)


def test_patches_of_a_split(data_root):
    train, validation = read_patches(data_root), read_patches(data_root, "validation")
    assert (len(train.images), len(validation.images)) == (326, 30)
    assert train.negatives_reliable.sum() == 86 and validation.negatives_reliable.all()
    every = read_patches(data_root, "all")
    assert every.negatives_reliable.sum() == 116
    for field in dataclasses.fields(every):
        assert len(getattr(every, field.name)) == 356
    np.testing.assert_array_equal(validation.vesicles, validation.vesicle_ids > 0)
    assert not train.neuron_masks[~train.negatives_reliable].any()
    assert (train.vesicles[86:].reshape(240, -1).max(axis=1) == 0).sum() == 49


def test_no_voxel_or_vesicle_is_in_train_and_validation_patches(data_root):
    with h5py.File(data_root / CELL_7_13.path) as file:
        centres = file["centre"][:].astype(int)
    late = centres[:, 0] >= FIRST_VALIDATION_CENTRE
    distance = np.abs(centres[late][:, None] - centres[~late][None])
    assert not (distance < (5, 31, 31)).all(-1).any()
    train = read_patches(data_root).vesicle_ids
    validation = read_patches(data_root, "validation").vesicle_ids
    assert not np.intersect1d(train[train > 0], validation[validation > 0]).size


SYNAPSES = """connector_id,node_id,type,x,y,z,roi,confidence
0,2,pre,10,20,30,LH(R),0.9
1,1,post,1,2,3,,0.5
"""


def test_synapses_come_in_nm_along_zyx(tmp_path: Path):
    (tmp_path / "synapses.csv").write_text(SYNAPSES)
    table = read_synapse_table(tmp_path / "synapses.csv")
    assert table.positions_nm.tolist() == [[240, 160, 80], [24, 16, 8]]
    assert table.presynaptic.tolist() == [True, False]
    assert table.regions == ("LH(R)", "")
    assert table.nodes.tolist() == [2, 1]


def test_synapse_table_without_rows(tmp_path: Path):
    (tmp_path / "synapses.csv").write_text(SYNAPSES.splitlines()[0])
    assert read_synapse_table(tmp_path / "synapses.csv").positions_nm.shape == (0, 3)


@pytest.mark.parametrize("neuron", NEURONS)
def test_neurons_of_the_hemibrain_are_trees_with_their_synapses_beside_them(neuron, data_root):
    skeleton, synapses = read_neuron(neuron, data_root)
    nearest = skeleton.positions_nm[synapses.nodes - 1]
    distance_nm = np.linalg.norm(nearest - synapses.positions_nm, axis=1)
    assert np.median(distance_nm) < 1000
    assert 0 < synapses.presynaptic.mean() < 1


def test_unknown_neuron_is_an_error(tmp_path: Path):
    with pytest.raises(ValueError, match="got neuron 7"):
        read_neuron(7, tmp_path)


def test_every_set_without_volumes_names_its_reader():
    for module in (mnist, hydra_vesicles, hemibrain_skeletons):
        reader = module.ENTRY.read_with.rsplit(".", 1)
        assert reader[0] == f"data.datasets.{module.ENTRY.name}"
        assert callable(getattr(module, reader[1]))
