"""Training and evaluation of a MergeNet: planted merges, going on bit for bit, bad input."""

import json
import os
import signal
from pathlib import Path

import jax
import numpy as np
import pytest
import tifffile
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema
from configs.schema import EvaluationRun
from configs.training import TrainRun
from data.merging.examples import find_examples
from data.merging.shapes import read_shapes
from data.volume import from_array
from experiments import shipping
from experiments.evaluation import merge_errors
from experiments.evaluation import run as evaluation
from experiments.evaluation.real_merges import true_merges
from experiments.training import loop, merging
from experiments.training.merge_data import MergeData, source_of
from models.merge_weights import load_merge_weights, load_mergenet

TINY = (
    *("model=mergenet", "model.window=[16,16,16]", "model.width=8", "model.levels=2"),
    *("model.least_voxels=60", "model.pairs=300", "model.validation_pairs=60"),
    *("steps=6", "batch_size=8", "validate_every=3", "save_every=2", "tracker=disabled"),
)


@pytest.fixture(autouse=True)
def like_a_user():
    """optax mixes number types, which the strict setting of the tests refuses."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def tubes(seed: int, edge: int = 112) -> np.ndarray:
    """Layers of tubes, thick and thin, that lie crosswise on the layer below; half are combs.

    So merges are crossings, and single objects branch too, as neurites do.
    """
    rng = np.random.default_rng(seed)
    labels = np.zeros((edge, edge, edge), np.uint32)
    z, y, x = np.indices(labels.shape)
    height, layer = 0.0, 0
    while height < edge:
        across, along = (y, x) if layer % 4 in (1, 2) else (x, y)
        comb, place, thickest = layer % 2 == 0, rng.uniform(0, 12), 0.0
        radius = rng.uniform(2.5, 5)
        if comb:
            beyond = (along + 4) % 36  # from the lower side of the trunk of each comb
            trunk = (z - height - radius) ** 2 + (beyond - 6) ** 2 < radius**2
            number = labels.max() + 1 + ((along + 4) // 36).astype(np.uint32)
            labels[trunk] = number[trunk]
        while place < edge:
            radius = radius if comb else rng.uniform(2.5, 6)
            inside = (z - height - radius) ** 2 + (across - place) ** 2 < radius**2
            if comb:
                inside &= (beyond >= 6) & (beyond < 30)
                labels[inside] = number[inside]
            else:
                labels[inside & (labels == 0)] = labels.max() + 1
            place, thickest = place + 2 * radius + rng.uniform(7, 14), max(thickest, radius)
        height, layer = height + 2 * thickest - 1.5, layer + 1
    return labels


def shapes_of(labels: np.ndarray):
    return read_shapes(from_array(labels, (30.0, 30.0, 30.0), name="tubes"), 30.0)


def data_of(seed: int, pairs: int) -> MergeData:
    shapes = shapes_of(tubes(seed))
    examples = find_examples(shapes, (16, 16, 16), 60, pairs, seed)
    return MergeData(
        source_of([(shapes, examples)], (16, 16, 16)),
        examples.features,
        ((shapes, examples),),
        (30.0, 30.0, 30.0),
    )


@pytest.fixture(scope="module")
def both():
    """Tubes to learn from and to validate."""
    return data_of(0, 1000), data_of(1, 60)


@pytest.fixture
def with_tubes(monkeypatch, both):
    found = {"train": both[0], "validation": both[1]}
    monkeypatch.setattr(merging, "load_merge_data", lambda data, *_: found[data.split])


def configured(entry_point: str, *overrides: str):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose(entry_point, overrides=[*overrides]))


def trained(folder: Path, *overrides: str) -> dict[str, float]:
    folder.mkdir(exist_ok=True)
    config = configured("train", *TINY, *overrides)
    assert isinstance(config, TrainRun)
    return merging.run(config, folder)


def left_behind(folder: Path) -> list:
    """All that a training leaves, as bytes."""
    params = jax.tree.leaves(load_merge_weights(folder / "best.npz")[1])
    texts = [(folder / name).read_bytes() for name in ("metrics.jsonl", "metrics.json")]
    return [*texts, *(np.asarray(array).tobytes() for array in params)]


def test_a_run_leaves_its_record_and_goes_on_bit_for_bit(tmp_path, with_tubes, monkeypatch):
    figures = trained(tmp_path / "whole")
    names = {"roc_auc", "average_precision", "calibration_error", "brier", "localisation_nm"}
    assert set(figures) == names
    final = json.loads((tmp_path / "whole" / "metrics.json").read_text())
    assert final["roc_auc"] == figures["roc_auc"]
    assert final["score"] >= final["roc_auc"] - 1e-6  # one of them has been a float32
    assert (tmp_path / "whole" / "samples" / "000006" / "sample.png").stat().st_size > 500

    def interrupt(values, at, folder):
        if at == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(loop, "check_finite", interrupt)
        trained(tmp_path / "cut")
    assert stopped.value.code == 128 + signal.SIGTERM
    trained(tmp_path / "cut", f"resume={tmp_path / 'cut'}")
    assert left_behind(tmp_path / "whole") == left_behind(tmp_path / "cut")


@pytest.fixture(scope="module")
def detector(tmp_path_factory, both):
    """A network that has learnt tubes for some seconds, and its run directory."""
    folder = tmp_path_factory.mktemp("detector")
    found = {"train": both[0], "validation": both[1]}
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(merging, "load_merge_data", lambda data, *_: found[data.split])
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            figures = trained(folder, "steps=200", "batch_size=32", "validate_every=200")
    return load_mergenet(folder / "best.npz"), figures, folder


def crossed() -> np.ndarray:
    """Two tubes that touch crosswise, 1 and 2, and far from them one that branches, 3."""
    labels = np.zeros((96, 48, 48), np.uint32)
    z, y, x = np.indices(labels.shape)
    labels[(z - 20) ** 2 + (y - 24) ** 2 < 12] = 1
    labels[((z - 26) ** 2 + (x - 24) ** 2 < 12) & (labels == 0)] = 2
    labels[(z - 72) ** 2 + (y - 24) ** 2 < 12] = 3
    labels[((z - 72) ** 2 + (x - 24) ** 2 < 12) & (y >= 24)] = 3
    return labels


def test_real_merges_are_told_from_films():
    truth = crossed()
    found = np.where(truth == 2, 1, truth).astype(np.uint32)
    found[(truth == 3) & (np.indices(truth.shape)[2] > 30)] = 4  # a split is no merge
    assert set(true_merges(shapes_of(found), shapes_of(truth), 40)) == {1}
    film = truth.copy()
    film[26:30, :, 24] = np.where(truth[26:30, :, 24] == 2, 1, truth[26:30, :, 24])
    assert true_merges(shapes_of(film), shapes_of(truth), 20) == {}


def evaluated(folder: Path, *overrides: str) -> dict[str, dict]:
    folder.mkdir()
    config = configured("evaluate", "task=merge_errors", "resampling.draws=50", *overrides)
    assert isinstance(config, EvaluationRun)
    evaluation.run(config, folder)
    metrics = json.loads((folder / "metrics.json").read_text())["metrics"]
    return {f"{m['convention']}/{m['name']}": m for m in metrics}


def written(path: Path, labels: np.ndarray) -> str:
    tifffile.imwrite(path, labels.astype(np.uint16), photometric="minisblack")
    return str(path)


def test_real_merges_of_files_are_scored_and_listed(tmp_path, detector):
    truth = crossed()
    merged = np.where(truth == 2, 1, truth)
    paths = [written(tmp_path / n, a) for n, a in (("t.tif", truth), ("p.tif", merged))]
    words = [f"truth={paths[0]}", f"prediction={paths[1]}", "voxel_size_nm=[30,30,30]"]
    found = evaluated(tmp_path / "e", f"checkpoint={detector[2]}", *words)
    assert found["mergenet/roc_auc"]["value"] == 1
    assert {"object_size/roc_auc", "thickness/roc_auc", "skeleton/roc_auc"} <= set(found)
    assert found["mergenet/localisation"]["value"] <= 300
    rows = (tmp_path / "e" / "merge_errors.csv").read_text().splitlines()
    assert rows[0].startswith("object,probability,z_nm") and rows[1].startswith("1,")


def test_made_merges_are_scored_beside_rules_of_thumb(tmp_path, detector, both, monkeypatch):
    monkeypatch.setattr(merge_errors, "load_merge_data", lambda *_: both[1])
    found = evaluated(tmp_path / "e", f"checkpoint={detector[2]}", "data=phantom")
    assert abs(found["mergenet/roc_auc"]["value"] - detector[1]["roc_auc"]) < 0.1  # of one view
    for rule in ("object_size", "foreground", "depth", "neck", "skeleton"):
        assert 0 <= found[f"{rule}/roc_auc"]["value"] <= 1
    assert abs(found["foreground/roc_auc"]["value"] - 0.5) < 0.2  # they are matched in it


def test_weights_are_shipped_as_mergenet(tmp_path, detector, monkeypatch):
    folder = tmp_path / "run"
    folder.mkdir()
    for name in ("best.npz", "metrics.json", "environment.json", "config.json"):
        (folder / name).write_bytes((detector[2] / name).read_bytes())
    (folder / ".hydra").mkdir()
    (folder / ".hydra" / "overrides.yaml").write_text("- model=mergenet\n")
    path = shipping.ship(folder, tmp_path / "tissue")
    assert path.name == "mergenet.npz" and "roc_auc" in (path.parent / "README.md").read_text()
    assert load_mergenet(path).architecture == detector[0].architecture


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.window=[20,16,16]"], "multiples of 8"),
        (["model.layer=nothing"], "needs model.layer"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(tmp_path, overrides, words):
    with pytest.raises(ValueError, match=words):
        trained(tmp_path, "data.shape=[4,32,32]", *overrides)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_weights_of_another_kind_are_refused(tmp_path, with_tubes):
    with pytest.raises(ValueError, match="other weights than those of a MergeNet"):
        trained(tmp_path, "weights=phantom/membrane")


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["data=phantom"], "without a checkpoint"),
        (["checkpoint={}"], "without data"),
        (["checkpoint={}", "prediction=a.tif"], "got no truth"),
        (
            ["checkpoint={}", "data=phantom", "data.shape=[4,32,32]", "task.layer=nothing"],
            "got layer nothing",
        ),
    ],
)
def test_what_cannot_be_evaluated_is_refused(tmp_path, detector, overrides, words):
    given = [word.format(detector[2]) for word in overrides]
    with pytest.raises(ValueError, match=words):
        evaluated(tmp_path / "e", *given)
