"""Suite `tracking`: ways to follow regions and their costs."""

import jax
import numpy as np
import pytest
from flax import nnx

from experiments.benchmarks.tracking import followers
from experiments.benchmarks.tracking.followers import by_codes, code_for, one_by_one, touching
from experiments.benchmarks.tracking.stacks import Stack, pieces_of
from experiments.benchmarks.tracking.tracking import scores, track
from models.cross_classifier import CrossArchitecture, CrossClassifier
from ops.codes.neighbours import edge_distances


@pytest.fixture(autouse=True)
def like_a_user():
    """optax and Matplotlib mix number types, which the strict setting of the tests refuses."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def network(letters: int) -> CrossClassifier:
    return CrossClassifier(CrossArchitecture(letters, 4, 1), rngs=nnx.Rngs(0))


@pytest.fixture
def stack(monkeypatch) -> Stack:
    """Squares that stay where they are, and a network that says so: colours go straight on."""

    def straight_on(network, source, target, colours):
        told = np.zeros((*colours.shape, network.channels), np.uint8)
        np.put_along_axis(told, colours[..., None].astype(np.int64), 255, axis=-1)
        return told

    monkeypatch.setattr(followers, "cross_classify", straight_on)
    y, x = np.indices((64, 256)) // 16
    neurites = np.tile((1 + 16 * y + x)[None].astype(np.uint64), (4, 1, 1))
    return Stack(np.zeros((4, 64, 256, 1), np.float32), pieces_of(neurites), neurites)


@pytest.mark.parametrize("both", [True, False])
def test_what_goes_straight_on_is_followed_without_an_error_by_all(stack, both):
    for follow in (
        by_codes(network(4), "random", 0, seed=0),
        one_by_one(network(1), windows=False),
        one_by_one(network(1), windows=True),
    ):
        found = track(stack, follow, both=both)
        assert scores(stack, found.graph, [0.5])[0] == {"vi": 0, "vi_split": 0, "vi_merge": 0}


def test_passes_are_digits_for_codes_and_objects_one_by_one(stack):
    coded = track(stack, by_codes(network(4), "random", 1, seed=0), both=False)
    single = track(stack, one_by_one(network(1), windows=False), both=False)
    windows = track(stack, one_by_one(network(1), windows=True), both=False)
    assert (coded.passes, single.passes, windows.passes) == (4, 64, 64)
    assert single.mega_pixels == 64 * 64 * 256 / 1e6 > windows.mega_pixels
    assert stack.objects == 64


def test_codes_are_of_the_kind_and_length_asked_for():
    regions = np.repeat(np.arange(1, 17, dtype=np.uint64), 8)[None].repeat(4, axis=0)
    ids = np.unique(regions)
    edges = touching(regions, ids)
    np.testing.assert_array_equal(edges, [[i, i + 1] for i in range(15)])
    for kind in ("random", "redundant", "neighbour-aware"):
        assert code_for(regions, ids, 4, kind, 1, 0).length == 3
    aware = code_for(regions, ids, 4, "neighbour-aware", 1, 0)
    assert edge_distances(aware, edges).min() >= 2
