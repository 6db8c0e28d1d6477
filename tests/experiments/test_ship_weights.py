"""Weights that go with the project: half the size, findable by name, with a card that tells all."""

import json

import jax
import numpy as np
import pytest
from flax import nnx

from experiments import ship_weights, shipping
from models import pretrained_weights
from models.architecture import Architecture, build
from models.cross_classifier import CrossArchitecture, CrossClassifier
from models.cross_weights import load_cross_weights, save_cross_weights
from models.edge_classifier import classifier_digest, fit, load_classifier, save_classifier
from models.pretrained_weights import find_weights
from models.weights import load_weights, read_card, save_weights


@pytest.fixture
def run(tmp_path):
    """What a finished training leaves behind, as far as shipping needs it."""
    folder = tmp_path / "run"
    (folder / ".hydra").mkdir(parents=True)
    (folder / ".hydra" / "overrides.yaml").write_text(
        "- model=membrane\n- data=isbi2012\n- data.root=/somewhere\n- tracker=disabled\n"
    )
    data = {"name": "isbi2012", "split": "train", "root": "/somewhere"}
    config = {"data": data, "validation_split": "validation"}
    (folder / "config.json").write_text("{}")
    (folder / "metrics.json").write_text("{}")
    machine = {"threads": 2, "cpu": "a CPU", "instruction_set": "avx2", "git": {"commit": "abc"}}
    (folder / "environment.json").write_text(json.dumps(machine))
    architecture = Architecture("shallow", ("membrane",), width=4, levels=1)
    params = nnx.state(build(architecture, nnx.Rngs(0)), nnx.Param)
    card = {"config": config, "step": 7, "validation": {"membrane/f1": 0.75}}
    card["voxel_size_nm"] = [50, 4, 4]
    save_weights(folder / "best.npz", architecture, params, card)
    return folder


@pytest.fixture
def shelf(tmp_path, monkeypatch):
    folder = tmp_path / "pretrained"
    monkeypatch.setattr(ship_weights, "FOLDER", folder)
    monkeypatch.setattr(pretrained_weights, "FOLDER", folder)
    return folder


def test_shipped_weights_are_found_by_name_and_nearly_the_same(run, shelf, capsys):
    assert ship_weights.main([str(run), "fly"]) == 0
    path = find_weights("fly/membrane")
    assert path.parent.parent == shelf and str(path) in capsys.readouterr().out
    ours, theirs = (load_weights(file)[1] for file in (run / "best.npz", path))
    for a, b in zip(jax.tree.leaves(ours), jax.tree.leaves(theirs), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-7)


def test_the_card_tells_data_terms_command_machine_and_scores_but_no_path(run, shelf):
    shipping.ship(run, shelf / "fly")
    card, page = (
        read_card(shelf / "fly" / "membrane.npz"),
        (shelf / "fly" / "README.md").read_text(),
    )
    assert card["command"] == "python -m experiments.train model=membrane data=isbi2012"
    assert "somewhere" not in json.dumps(card) + page
    for told in ("NON-COMMERCIAL", "Arganda", "0.750", "2 threads of a CPU", "step 7", "abc"):
        assert told in page


def test_an_unfinished_run_is_not_shipped(run, shelf, capsys):
    (run / "metrics.json").unlink()
    assert ship_weights.main([str(run), "fly"]) == 2
    assert "finished training" in capsys.readouterr().err
    assert not shelf.exists()


def test_without_both_words_nothing_is_done(shelf, capsys):
    assert ship_weights.main(["only"]) == 2
    assert "needs RUN_DIR NAME" in capsys.readouterr().err


def test_a_cross_classifier_is_shipped_under_its_name(run, shelf):
    card = read_card(run / "best.npz")
    sizes = CrossArchitecture(letters=3, width=2, levels=1)
    params = nnx.state(CrossClassifier(sizes, rngs=nnx.Rngs(0)), nnx.Param)
    save_cross_weights(run / "best.npz", sizes, params, card)
    path = shipping.ship(run, shelf / "fly")
    assert path == find_weights("fly/cross_classifier")
    found, loaded = load_cross_weights(path)
    assert found == sizes and read_card(path)["step"] == 7
    for a, b in zip(jax.tree.leaves(loaded), jax.tree.leaves(params), strict=True):
        np.testing.assert_allclose(a, b, rtol=1e-3, atol=1e-7)
    assert "## cross_classifier" in (shelf / "fly" / "README.md").read_text()


def test_an_edge_classifier_is_shipped_beside_its_network(run, shelf):
    shipping.ship(run, shelf / "fly")
    config = read_card(run / "best.npz")["config"]
    config["model"] = {"name": "agglomeration", "reconstruction": "/somewhere"}
    classifier = fit(("a",), np.array([[1], [2]], np.float32), np.array([True, False]))
    card = {
        "config": config | {"validation_split": "validation"},
        "weights": "fly/membrane",
        "learnt": {"edges": 2.0, "errors": 0.5},
        "voxel_size_nm": [50, 4, 4],
        "agglomeration": {"threshold": 0.6},
    }
    save_classifier(run / "best.npz", classifier, card)
    path = shipping.ship(run, shelf / "fly")
    assert path == find_weights("fly/edges")
    assert classifier_digest(load_classifier(path, ("a",))) == classifier_digest(classifier)
    page = (shelf / "fly" / "README.md").read_text()
    for told in ("has learnt 2 of them, and errs in 50.0%", "'threshold': 0.6", "0.750"):
        assert told in page
    assert "somewhere" not in page + json.dumps(read_card(path))
