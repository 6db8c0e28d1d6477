"""Training of the edge classifier on a small phantom, and reconstructing by it."""

import dataclasses
import json
import shutil
from pathlib import Path

import jax
import numpy as np
import pytest
import tifffile
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema
from data.opening import open_volume
from experiments import calibrate
from experiments.reconstruction import run as reconstruction
from experiments.reconstruction.stages import prediction
from experiments.training import edges
from models.edge_classifier import load_classifier, save_classifier
from models.pretrained_weights import find_weights
from models.weights import read_card
from ops.segmentation.edge_features import NAMES

DATA = ("data.shape=[6,96,128]", "seed=0")
TINY = (*DATA, "split=test", "block_shape=[4,64,64]", "skeletons.least_length_nm=100")
LEARN = (*DATA, "model=agglomeration", "weights=phantom", "tracker=disabled")


@pytest.fixture(autouse=True)
def like_a_user(monkeypatch):
    monkeypatch.setattr(prediction, "CHUNK", (2, 32, 32))
    monkeypatch.setattr(reconstruction, "write_report", lambda *_: None)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def configured(entry_point: str, *overrides: str):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose(entry_point, overrides=list(overrides)))


def reconstructed(folder: Path, *overrides: str) -> dict:
    """A run whose folder can be calibrated, as Hydra leaves it."""
    (folder / ".hydra").mkdir(parents=True, exist_ok=True)
    words = [*TINY, *overrides]
    (folder / ".hydra" / "overrides.yaml").write_text("".join(f"- {word}\n" for word in words))
    reconstruction.run(configured("reconstruct", *words), folder)
    return json.loads((folder / "metrics.json").read_text())


@pytest.fixture(scope="module")
def learnt(tmp_path_factory):
    """The run directory of a training."""
    folder = tmp_path_factory.mktemp("learnt")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "CHUNK", (2, 32, 32))
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            edges.run(configured("train", *LEARN), folder)
    return folder


def test_a_training_leaves_its_record_and_a_classifier(learnt):
    figures = json.loads((learnt / "metrics.json").read_text())
    assert figures["edges"] > 100 and figures["errors"] < 0.5 * figures["different"]
    card = read_card(learnt / "best.npz")
    assert card["weights"] == "phantom" and card["learnt"] == figures
    assert load_classifier(learnt / "best.npz", NAMES).features == NAMES


def test_a_finished_training_is_not_done_again(learnt, monkeypatch):
    monkeypatch.setattr(edges, "reconstruct", lambda *_: pytest.fail("ran again"))
    figures = edges.run(configured("train", *LEARN), learnt)
    assert figures == json.loads((learnt / "metrics.json").read_text())


def test_a_training_goes_on_with_what_is_done(learnt, tmp_path, monkeypatch):
    shutil.copytree(learnt, tmp_path / "again")
    for name in ("metrics.json", "best.npz"):
        (tmp_path / "again" / name).unlink()
    monkeypatch.setattr(prediction, "_answer", lambda *_: pytest.fail("predicted again"))
    edges.run(configured("train", *LEARN), tmp_path / "again")
    first, second = (load_classifier(f / "best.npz", NAMES) for f in (learnt, tmp_path / "again"))
    np.testing.assert_array_equal(first.weights, second.weights)


def test_it_is_calibrated_reconstructs_and_a_changed_one_redoes_the_joining(
    learnt, tmp_path, monkeypatch, capsys
):
    run, own = tmp_path / "run", tmp_path / "mine.npz"
    shutil.copy(learnt / "best.npz", own)
    chosen = ("weights=phantom", f"agglomeration.classifier={own}", "synapses.evidence=[]")
    with pytest.raises(ValueError, match=r"mine.npz: its card says not how far to join"):
        reconstructed(run, *chosen)
    reconstructed(run, *chosen, "agglomeration.threshold=0.5")
    assert calibrate.main([str(run), str(own)]) == 0
    assert "classifier" in capsys.readouterr().out
    rows = json.loads((run / "calibration.json").read_text())["settings"]
    best = min(rows, key=lambda row: row["vi"])
    monkeypatch.setattr(prediction, "_answer", lambda *_: pytest.fail("predicted again"))
    found = reconstructed(run, *chosen)["scores"]["vi"]["value"]
    assert found == pytest.approx(best["vi"])
    segments = open_volume(str(run / "segmentation.zarr")).read()
    reconstructed(run, *chosen, "engine=processes", "engine.workers=1")
    np.testing.assert_array_equal(open_volume(str(run / "segmentation.zarr")).read(), segments)

    classifier, card = load_classifier(own, NAMES), read_card(own)
    same = dataclasses.replace(classifier, weights=0 * classifier.weights, bias=0.0)
    save_classifier(own, same, card)  # every boundary is as strong as another
    markers = {path.name for path in (run / ".done").iterdir()}
    reconstructed(run, *chosen, "agglomeration.threshold=0.4")
    changed = {
        path.name.split("-")[0] for path in (run / ".done").iterdir() if path.name not in markers
    }
    assert changed == {
        "agglomeration",
        "merge_errors",
        "segmentation",
        "skeleton_parts",
        "skeletons",
    }
    ids = open_volume(str(run / "segmentation.zarr")).read()
    pieces = open_volume(str(run / "supervoxels.zarr")).read()
    assert ids.max() == len(np.unique(pieces))


def test_a_finished_reconstruction_is_learnt_from(tmp_path, learnt):
    run, folder = tmp_path / "run", tmp_path / "learnt"
    reconstructed(run, "weights=phantom", "split=train", "agglomeration.threshold=0.5")
    folder.mkdir()
    source = f"model.reconstruction={run}"
    wanted = configured("train", *LEARN, source)
    with initialize_config_module("configs", version_base="1.3"):  # as an entry point does it
        figures = edges.run(wanted, folder)
    assert figures["edges"] > 100 and not (folder / "reconstruction").exists()
    for words, error in (
        (["data.shape=[6,96,96]"], "got a reconstruction of"),
        (["weights=phantom/vesicle"], "needs one of affinities or membranes"),
        (["weights=sstem_fly_l1"], "got a reconstruction by the weights phantom"),
    ):
        with pytest.raises(ValueError, match=error):
            edges.run(configured("train", *LEARN, source, *words), tmp_path / "other")
    (run / "metrics.json").unlink()
    with pytest.raises(FileNotFoundError, match="needs a finished run directory"):
        edges.run(configured("train", *LEARN, source), tmp_path / "other")


def test_what_cannot_be_learnt_from_is_refused(tmp_path):
    folder, image = tmp_path / "run", tmp_path / "image.tif"
    tifffile.imwrite(image, np.zeros((3, 8, 8), np.uint8), photometric="minisblack")
    stack = ("data=files", f"data.image={image}", "data.voxel_size_nm=[30,6,6]")
    for words, error in (
        ((*LEARN, "weights=null"), "got no weights"),
        ((*LEARN, "data.split=validation"), "which thresholds are chosen on"),
        ((*LEARN[2:], *stack), "needs true neurites"),
    ):
        with pytest.raises(ValueError, match=error):
            edges.run(configured("train", *words), folder)
    assert not folder.exists()


def test_a_classifier_for_another_network_or_beside_a_linkage_is_refused(learnt, tmp_path):
    chosen = [f"agglomeration.classifier={learnt}", "agglomeration.threshold=0.5"]
    with pytest.raises(ValueError, match="learnt from the answers of phantom"):
        reconstructed(tmp_path, "weights=sstem_fly_l1", *chosen)
    with pytest.raises(ValueError, match="with a linkage or quantile"):
        reconstructed(tmp_path, "weights=phantom", *chosen, "agglomeration.linkage=mean")
    with pytest.raises(ValueError, match="other weights than those of an edge classifier"):
        network = find_weights("phantom/membrane")
        reconstructed(tmp_path, "weights=phantom", f"agglomeration.classifier={network}")
