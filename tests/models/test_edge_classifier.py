"""The edge classifier: what it learns, that its odds are right, its file, and what it refuses."""

import dataclasses

import numpy as np
import pytest

from models.archive import read_archive, write_archive
from models.edge_classifier import (
    classifier_digest,
    fit,
    is_classifier,
    load_classifier,
    probabilities,
    save_classifier,
)
from models.weights import load_weights

NAMES = ("a", "b", "c")
SCALES = np.array([1, 10, 0.1], np.float32)


@pytest.fixture
def rng():
    return np.random.default_rng(0)


@pytest.fixture
def edges(rng):
    """Features, and a truth that is drawn by known odds."""
    features = rng.normal(size=(4000, 3)).astype(np.float32) * SCALES + 2
    odds = 2 * (features[:, 0] - 2) - 0.3 * (features[:, 1] - 2) + 0.5
    return features, rng.random(4000) < 1 / (1 + np.exp(-odds))


def test_one_feature_decides(rng):
    features = rng.normal(size=(500, 3)).astype(np.float32)
    different = features[:, 1] > 0.2
    features[:, 1] += np.where(different, 0.2, -0.2)
    classifier = fit(NAMES, features, different)
    assert np.abs(classifier.weights).argmax() == 1
    np.testing.assert_array_equal(probabilities(classifier, features) > 0.5, different)


def test_newtons_method_finds_the_same(edges):
    features, different = edges
    classifier = fit(NAMES, features, different)
    rows = np.c_[(features - classifier.mean) / classifier.spread, np.ones(len(features))]
    weights, penalty = np.zeros(4), 4000 * np.diag([1e-2, 1e-2, 1e-2, 0])
    for _ in range(20):
        found = 1 / (1 + np.exp(-rows @ weights))
        curvature = (rows.T * found * (1 - found)) @ rows + penalty
        weights -= np.linalg.solve(curvature, rows.T @ (found - different) + penalty @ weights)
    np.testing.assert_allclose([*classifier.weights, classifier.bias], weights, atol=1e-4)
    expected = 1 / (1 + np.exp(-rows @ weights))
    np.testing.assert_allclose(probabilities(classifier, features), expected, atol=1e-4)


def test_probabilities_are_calibrated_but_for_the_penalty(edges):
    features, different = edges
    found = probabilities(fit(NAMES, features, different), features)
    order = np.argsort(found)
    for part in np.array_split(order, 5):
        assert found[part].mean() == pytest.approx(different[part].mean(), abs=0.1)


def test_a_feature_that_never_varies_is_no_trouble(edges):
    features, different = edges
    features[:, 2] = 7
    found = probabilities(fit(NAMES, features, different), features)
    assert np.isfinite(found).all() and found.min() >= 0 and found.max() <= 1


@pytest.mark.parametrize(("same", "words"), [(True, "between different"), (False, "within one")])
def test_edges_of_one_kind_are_refused(same, words):
    with pytest.raises(ValueError, match=f"got 5 edges, all of them {words}"):
        fit(NAMES, np.zeros((5, 3), np.float32), np.full(5, same))


def test_no_edges_are_refused():
    with pytest.raises(ValueError, match="got 0 edges"):
        fit(NAMES, np.zeros((0, 3), np.float32), np.zeros(0, bool))


def test_a_file_gives_the_same_bits_back(tmp_path, edges):
    features, different = edges
    classifier, path = fit(NAMES, features, different), tmp_path / "edges.npz"
    save_classifier(path, classifier, {"learnt": 1})
    again = load_classifier(path, NAMES)
    assert is_classifier(path)
    assert classifier_digest(again) == classifier_digest(classifier)
    np.testing.assert_array_equal(
        probabilities(again, features), probabilities(classifier, features)
    )
    changed = dataclasses.replace(classifier, bias=classifier.bias + 1)
    assert classifier_digest(changed) != classifier_digest(classifier)


def test_files_of_something_else_are_refused(tmp_path, edges):
    classifier, path = fit(NAMES, *edges), tmp_path / "edges.npz"
    save_classifier(path, classifier, {})
    with pytest.raises(ValueError, match=r"other features \(\['c', 'd'\] differ\).*train it anew"):
        load_classifier(path, ("a", "b", "d"))
    with pytest.raises(ValueError, match="same in another order"):
        load_classifier(path, ("b", "a", "c"))
    with pytest.raises(ValueError, match="weights of no network"):
        load_weights(path)
    network = tmp_path / "network.npz"
    write_archive(network, {"architecture": "", "card": {}}, {})
    with pytest.raises(ValueError, match="other weights than those of an edge classifier"):
        load_classifier(network, NAMES)
    path.write_bytes(path.read_bytes()[:200])
    with pytest.raises(ValueError, match="not a whole file"):
        load_classifier(path, NAMES)


def test_a_card_can_be_changed_without_the_rest(tmp_path, edges):
    classifier, path = fit(NAMES, *edges), tmp_path / "edges.npz"
    save_classifier(path, classifier, {"a": 1})
    about, arrays = read_archive(path)
    write_archive(path, {**about, "card": {"b": 2}}, arrays)
    assert classifier_digest(load_classifier(path, NAMES)) == classifier_digest(classifier)
