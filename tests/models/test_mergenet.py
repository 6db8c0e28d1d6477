"""MergeNet: its face, windows along objects, and its file."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from models.merge_scan import probabilities, scan
from models.merge_weights import (
    is_mergenet,
    load_merge_weights,
    load_mergenet,
    save_merge_weights,
)
from models.mergenet import MergeArchitecture, MergeNet
from models.weights import load_weights, read_card
from ops.shape_windows import cut_windows

TINY = MergeArchitecture((8, 8, 8), 30.0, width=4, levels=2)


@pytest.fixture(scope="module")
def network(filled):
    return filled(lambda rngs: MergeNet(TINY, rngs=rngs))


@pytest.fixture
def path(tmp_path, network):
    path = tmp_path / "weights.npz"
    save_merge_weights(path, TINY, nnx.state(network, nnx.Param), {"score": 0.5})
    return path


@pytest.mark.parametrize("window", [(8, 8, 8), (1, 16, 16), (8, 16, 24)])
def test_every_window_has_a_logit(window, filled):
    net = filled(lambda rngs: MergeNet(MergeArchitecture(window, 1.0, 4, 2), rngs=rngs))
    windows = np.random.default_rng(0).random((3, *window, 1)).astype(np.float32).round()
    logits = net(jnp.asarray(windows))
    assert logits.shape == (3,) and len(set(np.asarray(logits).tolist())) == 3
    alone = net(jnp.asarray(windows[1:2]))
    np.testing.assert_allclose(alone[0], logits[1], rtol=1e-4, atol=1e-5)


def test_the_trunk_is_fully_convolutional(network):
    assert network.trunk(jnp.zeros((1, 16, 8, 24, 1))).shape == (1, 4, 2, 6, 8)


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        (((8, 8, 8), 30.0, 4, 3), "multiples of 16"),
        (((8, 1, 8), 30.0, 4, 1), "1 along z"),
        (((8, 8, 8), 0.0, 4, 1), "a length > 0"),
        (((8, 8, 8), 30.0, 0, 1), "at least 1"),
    ],
)
def test_sizes_out_of_range_are_refused(sizes, words):
    with pytest.raises(ValueError, match=words):
        MergeArchitecture(*sizes)


def test_windows_of_another_shape_are_refused(network):
    with pytest.raises(ValueError, match=r"needs \(8, 8, 8\)"):
        network(jnp.zeros((1, 8, 8, 4, 1)))


def test_a_scan_is_the_answer_at_each_place(network):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 3, (20, 20, 20)).astype(np.uint32)
    centres, ids = rng.integers(0, 20, (40, 3)), rng.integers(1, 3, (40, 1)).astype(np.uint32)
    heat = scan(network, labels, ids, centres)
    windows = cut_windows(labels, ids, centres, (8, 8, 8))
    expected = jax.nn.sigmoid(network(jnp.asarray(windows[..., None], jnp.float32)))
    np.testing.assert_allclose(heat, expected, rtol=1e-4)
    np.testing.assert_array_equal(heat, probabilities(network, windows))
    assert scan(network, labels, ids[:0], centres[:0]).shape == (0,)


def test_mirrored_answers_are_the_same_for_mirrored_windows(network):
    windows = np.random.default_rng(0).random((5, *TINY.window)) < 0.5
    found = probabilities(network, windows, mirrored=True)
    turned = probabilities(network, windows[:, ::-1, :, ::-1], mirrored=True)
    np.testing.assert_allclose(turned, found, rtol=1e-5)
    assert abs(found - probabilities(network, windows)).max() > 1e-6


def test_a_file_gives_back_the_network(path, network):
    assert is_mergenet(path) and read_card(path) == {"score": 0.5}
    windows = np.random.default_rng(0).random((2, 8, 8, 8)) < 0.5
    found = probabilities(load_mergenet(path), windows)
    np.testing.assert_array_equal(found, probabilities(network, windows))
    assert load_merge_weights(path, TINY)[0] == TINY
    finer = MergeArchitecture((8, 8, 8), 20.0, width=4, levels=2, least_voxels=9)
    assert load_merge_weights(path, finer)[0] == TINY  # to go on from, with smaller voxels


def test_files_that_do_not_fit_are_refused(path):
    with pytest.raises(ValueError, match="needs those of"):
        load_merge_weights(path, MergeArchitecture((8, 8, 8), 30.0, width=8, levels=2))
    with pytest.raises(ValueError, match=r"weights\.npz"):
        load_weights(path)
