"""The main job with synapses, on a small phantom and networks that have learnt nothing."""

import json
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import tifffile
from flax import nnx
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema
from data.opening import open_volume
from experiments import calibrate
from experiments.reconstruction import run as reconstruction
from experiments.reconstruction import synapse_calibration
from experiments.reconstruction.stages import prediction
from experiments.reconstruction.weights import synapse_rules, synapse_weights
from models.architecture import Architecture, build
from models.weights import read_card, save_weights

TINY = (
    "data.shape=[6,96,128]",
    "block_shape=[4,64,64]",
    "agglomeration.threshold=0.5",
    "skeletons.least_length_nm=100",
    "synapses.rules.least_nm3=20000",
    "synapses.rules.least_section_nm2=300",
    "synapses.rules.least_vesicles_nm3=1",
    "synapses.rules.vesicle_reach_nm=60",
)
FILES = ("synapses.csv", "connectome.graphml", "adjacency.npz", "adjacency_ids.npy")


@pytest.fixture(autouse=True)
def like_a_user(monkeypatch):
    monkeypatch.setattr(prediction, "CHUNK", (2, 32, 32))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def networks(tmp_path_factory) -> dict[str, Path]:
    """One network for each output, and one of all."""
    folder = tmp_path_factory.mktemp("weights")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        return {
            "membrane": saved(folder, ("membrane",), 0),
            "cleft": saved(folder, ("cleft",), 1),
            "vesicle": saved(folder, ("vesicle",), 2),
            "joint": saved(folder, ("membrane", "cleft", "vesicle"), 3),
        }


def saved(folder: Path, outputs: tuple[str, ...], seed: int) -> Path:
    """Random parameters, with a head that spreads its answers between 0 and 1."""
    architecture = Architecture("unet2d", outputs, width=4, levels=2, sections=3)
    network = build(architecture, nnx.Rngs(seed))
    params = nnx.state(network, nnx.Param)
    logits = network(jax.random.normal(jax.random.key(1), (1, 4, 64, 64, 1)))
    flat = dict(nnx.to_flat_state(params))
    flat["body", "head", "kernel"][...] *= 3 / logits.std()
    middle = jax.numpy.median(logits, axis=(0, 1, 2, 3))
    flat["body", "head", "bias"][...] = -3 * middle / logits.std()
    path = folder / f"{'_'.join(outputs)}.npz"
    card: dict[str, Any] = {"voxel_size_nm": [30, 6, 6]}
    if outputs == ("cleft",):
        card |= {"synapse_rules": {"shell_nm": 40.0, "cleft_probability": 0.6}}
    save_weights(path, architecture, params, card)
    return path


def configured(*overrides: str) -> Any:
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("reconstruct", overrides=[*TINY, *overrides]))


def reconstructed(folder: Path, *overrides: str) -> dict:
    folder.mkdir(exist_ok=True)
    reconstruction.run(configured(*overrides), folder)
    return json.loads((folder / "metrics.json").read_text())


def chosen(networks: dict[str, Path]) -> list[str]:
    return [f"weights={networks['joint']}"]


@pytest.fixture(scope="module")
def whole(tmp_path_factory, networks):
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "CHUNK", (2, 32, 32))
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            reconstructed(folder, *chosen(networks))
    return folder


def test_a_run_ends_with_a_directed_graph_and_its_scores(whole):
    metrics = json.loads((whole / "metrics.json").read_text())
    assert not {"cleft", "vesicle"} & metrics["seconds"].keys()  # one network answered all
    assert metrics["synapses"]["synapses"] > 2 and metrics["synapses"]["edges"] > 0
    assert "one_to_one/synapse_f1" in metrics["synapse_scores"]
    graph = metrics["synapse_scores"]["neuropil_graph_v1/edge_min1_f1"]
    assert "Hungarian" in graph["settings"]["correspondence"]
    page = (whole / "report.html").read_text()
    for words in ("Synapses found", "The graph", "one_to_one/synapse_f1", "Hungarian"):
        assert words in page
    labels = open_volume(str(whole / "clefts.zarr")).read()
    assert len(np.unique(labels)) - 1 == metrics["synapses"]["synapses"]


@pytest.fixture
def again(tmp_path, whole, monkeypatch):
    """A copy of the run, in which nothing may be predicted again; without a report."""
    monkeypatch.setattr(prediction, "_answer", lambda *_: pytest.fail("predicted again"))
    monkeypatch.setattr(reconstruction, "write_report", lambda *_: None)
    return shutil.copytree(whole, tmp_path / "again")


def test_other_processes_find_the_same(again, networks, whole):
    for name in (*FILES, "cleft_pieces", "cleft_objects", "synapse_search", "synapses"):
        path = again / name
        shutil.rmtree(path) if path.is_dir() else path.unlink()
    reconstructed(again, *chosen(networks), "engine=processes", "engine.workers=2")
    for name in FILES:
        assert (again / name).read_bytes() == (whole / name).read_bytes(), name


def test_another_rule_looks_for_synapses_again_and_no_more(again, networks):
    before = json.loads((again / "metrics.json").read_text())["synapses"]["synapses"]
    rule = "synapses.rules.least_vesicles_nm3=2e6"
    assert reconstructed(again, *chosen(networks), rule)["synapses"]["synapses"] < before
    rule = "synapses.evidence=[cleft]"
    less = reconstructed(again, *chosen(networks), rule)["synapses"]
    assert less["synapses"] >= before and less["edges"] == 0


def test_partners_may_be_looked_up_in_the_truth(again, networks):
    found = reconstructed(again, *chosen(networks), "synapses.true_neurites=true")
    how = found["synapse_scores"]["neuropil_graph_v1/edge_min1_f1"]["settings"]
    assert how["correspondence"] == "partners looked up in the true neurites"


def test_weights_of_no_clefts_look_for_no_synapses(tmp_path, networks, caplog):
    config = configured(f"weights={networks['membrane']}", "dry_run=true")
    assert synapse_weights(config, networks["membrane"]) == {}
    with caplog.at_level("INFO"):
        reconstruction.run(config, tmp_path)
    assert "skeletons: 1 blocks" in caplog.text and "synapse" not in caplog.text


def test_calibration_finds_rules_that_score_no_worse(again, networks, monkeypatch, capsys):
    own = again / "mine.npz"
    shutil.copy(networks["cleft"], own)
    few = {"least_nm3": (2e4, 4e4), "least_sections": (1, 2)}
    monkeypatch.setattr(synapse_calibration, "TRIED", few)
    overrides = [*TINY, *chosen(networks)]
    (again / ".hydra").mkdir()
    (again / ".hydra" / "overrides.yaml").write_text("".join(f"- {word}\n" for word in overrides))
    assert calibrate.main(["synapses", str(again), str(own)]) == 0
    assert "synapse_f1" in capsys.readouterr().out
    rows = json.loads((again / "synapse_calibration.json").read_text())["settings"]
    assert rows[-1]["score"] == max(row["score"] for row in rows)
    scores = json.loads((again / "metrics.json").read_text())["synapse_scores"]
    assert rows[0]["synapse_f1"] == pytest.approx(scores["one_to_one/synapse_f1"]["value"])
    assert rows[0]["partner_f1"] == pytest.approx(scores["cremi2016/partner_f1"]["value"])
    noted = read_card(own)["synapse_rules"]
    assert all(noted[name] == rows[-1][name] for name in (*few, "steepness"))


def test_what_has_no_maps_of_clefts_cannot_be_calibrated(tmp_path, capsys):
    assert calibrate.main(["synapses", str(tmp_path)]) == 2
    assert "needs a run directory" in capsys.readouterr().err
    assert calibrate.main(["synapses"]) == 2


def test_confidence_follows_how_often_the_direction_is_right():
    asymmetry = np.full(1000, 0.5)
    right = np.arange(1000) < 880
    steepness = synapse_calibration.fit_steepness(asymmetry, right)
    assert 1 / (1 + np.exp(-steepness * 0.5)) == pytest.approx(881 / 1002, abs=1e-4)


def test_each_output_may_have_a_network_of_its_own(tmp_path, networks, monkeypatch):
    monkeypatch.setattr(reconstruction, "write_report", lambda *_: None)
    names = ("cleft", "vesicle")
    words = [f"weights={networks['membrane']}", *(f"synapses.{n}={networks[n]}" for n in names)]
    found = reconstructed(tmp_path, "data.shape=[4,64,64]", *words)
    assert {"membrane", "cleft", "vesicle", "synapses"} <= found["seconds"].keys()
    for name in ("cleft_probability.zarr", "vesicles.zarr"):
        assert np.ptp(open_volume(str(tmp_path / name)).read()) > 100


def test_shipped_weights_bring_their_clefts_and_vesicles(networks, caplog):
    path = networks["membrane"]
    found = synapse_weights(configured("weights=phantom"), path)
    assert [file.name for file in found.values()] == ["cleft.npz", "vesicle.npz"]
    assert list(synapse_weights(configured("weights=sstem_fly"), path)) == ["cleft"]
    assert "no synapse has a direction" in caplog.text
    assert synapse_weights(configured("weights=phantom", "synapses.evidence=[]"), path) == {}


def test_rules_are_those_of_the_card_unless_the_config_says_otherwise(networks):
    rules = synapse_rules(configured("synapses.rules.shell_nm=44"), networks["cleft"])
    assert (rules.shell_nm, rules.cleft_probability, rules.least_sections) == (44, 0.6, 1)
    with pytest.raises(ValueError, match="needs a probability"):
        synapse_rules(configured("synapses.rules.cleft_probability=7"), networks["cleft"])


def test_weights_without_the_output_asked_for_are_refused(networks):
    path = networks["membrane"]
    with pytest.raises(ValueError, match="needs one of cleft"):
        synapse_weights(configured(f"synapses.cleft={path}"), path)
    with pytest.raises(ValueError, match="needs some of cleft, membrane, vesicle"):
        synapse_weights(configured("synapses.evidence=[clefts]"), path)
    with pytest.raises(FileNotFoundError):
        synapse_weights(configured("synapses.vesicle=nowhere"), path)


def test_data_without_true_neurites_have_none_to_look_up(tmp_path, networks):
    image = np.random.default_rng(0).integers(0, 255, (4, 64, 64), np.uint8)
    tifffile.imwrite(tmp_path / "image.tif", image, photometric="minisblack")
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        words = [
            "data=files",
            f"data.image={tmp_path / 'image.tif'}",
            "data.voxel_size_nm=[30,6,6]",
            "agglomeration.threshold=0.5",
            "synapses.true_neurites=true",
            *chosen(networks),
        ]
        config: Any = OmegaConf.to_object(compose("reconstruct", overrides=words))
    with pytest.raises(ValueError, match=r"needs synapses\.true_neurites=false"):
        reconstruction.run(config, tmp_path / "run")
