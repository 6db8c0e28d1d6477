"""The cross-classifier: its face, its passes over a pair of sections, and its file."""

import json

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from flax import nnx

from models.cross_classifier import CrossArchitecture, CrossClassifier
from models.cross_weights import (
    cross_digest,
    is_cross_classifier,
    load_cross_classifier,
    load_cross_weights,
    save_cross_weights,
)
from models.crossing import cross_classify
from models.weights import load_weights, read_card

TINY = CrossArchitecture(letters=3, width=4, levels=2)


@pytest.fixture(scope="module")
def network(filled):
    return filled(lambda rngs: CrossClassifier(TINY, rngs=rngs))


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def unchecked(monkeypatch):
    """Types unchecked, as where users call it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.fixture
def path(tmp_path, network):
    path = tmp_path / "weights.npz"
    save_cross_weights(path, TINY, nnx.state(network, nnx.Param), {"score": 0.5})
    return path


def sections(rng, shape, digits, views=1):
    source, target = rng.normal(size=(2, *shape, views)).astype(np.float32)
    return source, target, rng.integers(0, 4, (digits, *shape), np.uint8)


def test_logits_have_a_class_for_each_letter_and_one_for_none(network):
    section = jax.ShapeDtypeStruct((2, 8, 16, 1), jnp.float32)
    colours = jax.ShapeDtypeStruct((2, 8, 16), jnp.uint8)
    logits = nnx.eval_shape(network, section, section, colours)
    assert logits.shape == (2, 8, 16, 4) and logits.dtype == jnp.float32
    assert network.channels == 4 and network.multiple == (1, 4, 4) and network.reach[0] == 0


def test_both_sections_and_the_colours_are_seen(network, rng):
    source, target, colours = sections(rng, (8, 16), 1)
    found = cross_classify(network, source, target, colours)
    for changed in (
        (2 * source, target, colours),
        (source, 2 * target, colours),
        (source, target, 1 + colours % 3),
    ):
        assert (cross_classify(network, *changed) != found).any()


def test_paintings_do_not_meet_and_probabilities_are_those_of_the_network(network, rng):
    source, target, colours = sections(rng, (8, 16), 3)
    found = cross_classify(network, source, target, colours)
    alone = [cross_classify(network, source, target, colours[i : i + 1])[0] for i in range(3)]
    np.testing.assert_array_equal(found, alone)
    logits = nnx.jit(network)(jnp.asarray(source)[None], jnp.asarray(target)[None], colours[:1])
    np.testing.assert_allclose(found[:1], 255 * jax.nn.softmax(logits), atol=0.51)
    assert found.dtype == np.uint8 and (abs(found.sum(-1, dtype=int) - 255) <= 2).all()


def test_sections_of_any_size_are_padded_by_their_mirror_image(network, rng):
    source, target, colours = sections(rng, (7, 14), 2)
    found = cross_classify(network, source, target, colours)
    pad = [(0, 1), (0, 2), (0, 0)]
    whole = [np.pad(s, pad, mode="symmetric") for s in (source, target)]
    padded = np.pad(colours, [(0, 0), (0, 1), (0, 2)], mode="symmetric")
    assert found.shape == (2, 7, 14, 4)
    np.testing.assert_array_equal(found, cross_classify(network, *whole, padded)[:, :7, :14])


def test_membranes_are_seen_beside_the_images(filled, rng):
    sizes = CrossArchitecture(letters=3, width=4, levels=1, membranes=True)
    network = filled(lambda rngs: CrossClassifier(sizes, rngs=rngs))
    source, target, colours = sections(rng, (4, 4), 1, views=2)
    found = cross_classify(network, source, target, colours)
    source[..., 1] += 1
    assert (cross_classify(network, source, target, colours) != found).any()


@pytest.mark.usefixtures("unchecked")
def test_what_does_not_fit_is_refused(network, rng):
    source, target, colours = sections(rng, (8, 8), 2)
    with pytest.raises(ValueError, match=r"colours up to 4; needs .* up to 3"):
        cross_classify(network, source, target, colours + 1)
    with pytest.raises(ValueError, match="got 0 paintings"):
        cross_classify(network, source, target, colours[:0])
    with pytest.raises(ValueError, match=r"needs \(batch, y, x, 1\)"):
        cross_classify(network, np.repeat(source, 2, -1), target, colours)
    with pytest.raises(ValueError, match="multiples of 4 and 4"):
        network(source[None, :7], target[None, :7], jnp.asarray(colours[:1, :7]))


@pytest.mark.parametrize(
    ("sizes", "words"),
    [
        ((0, 4, 2), "letters=0; needs 1 to 255"),
        ((256, 4, 2), "letters=256"),
        ((2, 0, 2), "width=0"),
    ],
)
def test_sizes_out_of_range_are_refused(sizes, words):
    with pytest.raises(ValueError, match=words):
        CrossArchitecture(*sizes)


def test_weights_go_round_bit_by_bit(path, network, rng):
    inputs = sections(rng, (8, 8), 1)
    again = load_cross_classifier(path)
    np.testing.assert_array_equal(cross_classify(again, *inputs), cross_classify(network, *inputs))
    assert load_cross_weights(path, TINY)[0] == TINY and read_card(path) == {"score": 0.5}


def test_a_digest_tells_networks_apart_whatever_their_cards_say(tmp_path, path, network):
    digest, params = cross_digest(path), nnx.state(network, nnx.Param)
    save_cross_weights(tmp_path / "card.npz", TINY, params, {"score": 0.6})
    assert cross_digest(tmp_path / "card.npz") == digest
    other = jax.tree.map(lambda array: array + 1e-3, params)
    save_cross_weights(tmp_path / "other.npz", TINY, other, {"score": 0.5})
    assert cross_digest(tmp_path / "other.npz") != digest


def test_files_of_something_else_are_refused(tmp_path, path):
    assert is_cross_classifier(path)
    with pytest.raises(ValueError, match="no network that sees images alone"):
        load_weights(path)
    with pytest.raises(ValueError, match=r"weights.npz: got weights of .*letters=3.*needs.*=4"):
        load_cross_weights(path, CrossArchitecture(letters=4, width=4, levels=2))
    for entries, words in (
        ({"cross_classifier": None}, "other weights than those of a cross-classifier"),
        ({"cross_classifier": {"letters": 3}}, "missing"),
        ({"cross_classifier": {"letters": 0, "width": 4, "levels": 2}}, "letters=0"),
        ({"cross_classifier": {"letters": 3, "width": 8, "levels": 2}}, "of shape"),
        ({"cross_classifier": {"letters": 3, "width": 4, "levels": 1}}, "is unknown to"),
    ):
        rewrite(path, tmp_path / "other.npz", entries)
        with pytest.raises(ValueError, match=f"other.npz: .*{words}"):
            load_cross_weights(tmp_path / "other.npz")


def rewrite(path, to, entries):
    """The file with other entries of what is said about it; None takes one away."""
    with np.load(path) as file:
        found = {name: file[name] for name in file.files}
    about = json.loads(str(found["about"])) | entries
    found["about"] = np.array(json.dumps({k: v for k, v in about.items() if v is not None}))
    np.savez(to, **found)
