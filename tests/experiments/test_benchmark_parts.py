"""The benchmark compares like with like, in turns, and its table says what was measured."""

import numpy as np
import tifffile

from experiments.benchmarks import peers
from experiments.benchmarks.data_suite import AUGMENTATION
from experiments.benchmarks.result import OURS, Result, markdown, take_turns


def test_contenders_take_turns():
    order = []
    contenders = {
        name: lambda name=name: order.append(name) or float(len(order)) for name in ("a", "b")
    }
    figures = take_turns(contenders, rounds=2)
    assert order == ["a", "b", "a", "b"]
    assert figures == {"a": [1.0, 3.0], "b": [2.0, 4.0]}


def test_a_result_counts_by_its_median_and_its_ratio_is_ours_to_theirs():
    result = Result("crops", "crops/s", {OURS: [1.0, 30.0, 20.0], "slow": [10.0, 10.0, 10.0]})
    assert result.as_dict()["medians"] == {OURS: 20.0, "slow": 10.0}
    assert "| crops | 20 crops/s | slow: 10 crops/s | 2 |" in markdown([result])


def test_a_result_without_a_peer_has_a_row_too():
    assert "| tissue | 5 Mvoxel/s | | |" in markdown([Result("tissue", "Mvoxel/s", {OURS: [5.0]})])


def test_the_scipy_peer_keeps_shape_range_and_ids():
    rng = np.random.default_rng(0)
    image = rng.random((4, 48, 48), np.float32)
    labels = rng.integers(0, 4, image.shape).astype(np.uint32)
    found, ids = peers.augment_with_scipy(rng, image, labels, AUGMENTATION)
    assert found.shape == ids.shape == image.shape
    assert found.dtype == np.float32 and ids.dtype == np.uint32
    assert 0 <= found.min() <= found.max() <= 1
    assert set(np.unique(ids)) <= {0, 1, 2, 3}


def test_the_tifffile_peer_cuts_the_same_place_from_both(tmp_path):
    voxels = np.arange(6 * 20 * 30, dtype=np.uint16).reshape(6, 20, 30)
    for name in ("image.tif", "labels.tif"):
        tifffile.imwrite(tmp_path / name, voxels, photometric="minisblack")
    paths = tmp_path / "image.tif", tmp_path / "labels.tif"
    image, labels = peers.load_with_tifffile(np.random.default_rng(0), *paths, 6, [2, 8, 9])
    assert image.shape == (2, 8, 9)
    np.testing.assert_array_equal(image, labels)
    z, y, x = np.unravel_index(image[0, 0, 0], voxels.shape)
    np.testing.assert_array_equal(image, voxels[z : z + 2, y : y + 8, x : x + 9])
