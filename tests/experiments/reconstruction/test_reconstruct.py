"""The main job on a small phantom: what it writes, going on after a stop, and what it refuses."""

import csv
import dataclasses
import hashlib
import json
import shutil
from pathlib import Path
from typing import Any

import jax
import numpy as np
import pytest
import tifffile
import zarr
from flax import nnx
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema
from data.opening import open_volume
from data.skeletons import read_swc
from experiments import calibrate
from experiments.reconstruction import planning
from experiments.reconstruction import run as reconstruction
from experiments.reconstruction.engine import BlockError, Stage
from experiments.reconstruction.stages import prediction, tracing
from experiments.reconstruction.weights import with_calibration
from models.architecture import Architecture, build
from models.weights import save_weights

TINY = (
    "data.shape=[6,96,128]",
    "block_shape=[4,64,64]",
    "agglomeration.threshold=0.5",
    "skeletons.least_length_nm=100",
)
VOLUMES = ("membrane.zarr", "supervoxels.zarr", "segmentation.zarr")
STAGES = (
    *("membrane", "supervoxels", "region_graph", "agglomeration", "segmentation"),
    *("skeleton_parts", "skeletons"),
)


@pytest.fixture(autouse=True)
def like_a_user(monkeypatch):
    monkeypatch.setattr(prediction, "CHUNK", (2, 32, 32))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(autouse=True, scope="module")
def several_parts():
    """Skeletons are joined from pieces, as those of large volumes are."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(tracing, "PART", (8, 8, 16))
        yield


@pytest.fixture(scope="module")
def weights(tmp_path_factory):
    """A network that has learnt nothing, but answers differently everywhere."""
    path = tmp_path_factory.mktemp("weights") / "membrane.npz"
    architecture = Architecture("unet2d", ("membrane",), width=4, levels=2, sections=3)
    save_weights(path, architecture, lively(architecture), {"voxel_size_nm": [30, 6, 6]})
    return path


@pytest.fixture(scope="module")
def affinities(tmp_path_factory):
    path = tmp_path_factory.mktemp("weights") / "affinity.npz"
    outputs = ("affinity(-1,0,0)", "affinity(0,-1,0)", "affinity(0,0,-1)", "affinity(0,0,-3)")
    architecture = Architecture("unet3d", outputs, width=4, levels=2, anisotropic_levels=1)
    save_weights(path, architecture, lively(architecture), {})
    return path


def lively(architecture: Architecture) -> nnx.State:
    """Random parameters, with a head that spreads its answers between 0 and 1."""
    network = build(architecture, nnx.Rngs(0))
    params = nnx.state(network, nnx.Param)
    logits = network(jax.random.normal(jax.random.key(1), (1, 4, 64, 64, 1)))
    middle, spread = jax.numpy.median(logits), logits.std()
    flat = dict(nnx.to_flat_state(params))
    flat["body", "head", "kernel"][...] *= 3 / spread
    flat["body", "head", "bias"][...] = -3 * middle / spread
    return params


def configured(weights: Path, *overrides: str):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        found = compose("reconstruct", overrides=[*TINY, f"weights={weights}", *overrides])
        return OmegaConf.to_object(found)


def reconstructed(folder: Path, weights: Path, *overrides: str) -> dict:
    folder.mkdir(exist_ok=True)
    reconstruction.run(configured(weights, *overrides), folder)
    return json.loads((folder / "metrics.json").read_text())


def content(folder: Path) -> dict[str, str]:
    """A hash of every file of the outputs."""
    outputs = [*VOLUMES, "skeletons", "skeletons.precomputed", "neurites.csv"]
    files = [p for name in outputs for p in sorted((folder / name).rglob("*")) or [folder / name]]
    return {
        str(path.relative_to(folder)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory, weights):
    """A run that was left alone."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "CHUNK", (2, 32, 32))
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            reconstructed(folder, weights)
    return folder


def test_every_voxel_has_a_segment_and_the_table_counts_them(whole):
    labels = open_volume(str(whole / "segmentation.zarr")).read()
    ids, voxels = np.unique(labels, return_counts=True)
    assert ids[0] == 1 and len(ids) == ids[-1]  # 1, 2, ..., and 0 nowhere
    with (whole / "neurites.csv").open() as file:
        rows = list(csv.DictReader(file))
    assert [int(row["id"]) for row in rows] == ids.tolist()
    assert [int(row["voxels"]) for row in rows] == voxels.tolist()
    total = sum(float(row["volume_um3"]) for row in rows)
    assert total == pytest.approx(labels.size * 30 * 6 * 6 / 1e9, rel=1e-4)


def test_segments_are_unions_of_supervoxels(whole):
    pieces, segments = (
        open_volume(str(whole / name)).read() for name in ("supervoxels.zarr", "segmentation.zarr")
    )
    pairs = np.unique(np.stack([pieces.ravel(), segments.ravel()]), axis=1)
    assert len(np.unique(pairs[0])) == pairs.shape[1]
    assert len(np.unique(pairs[1])) < pairs.shape[1]


def test_skeletons_lie_in_their_segments(whole):
    segmentation = open_volume(str(whole / "segmentation.zarr"))
    labels, size = segmentation.read(), np.array(segmentation.voxel_size_nm)
    paths = list((whole / "skeletons").glob("*.swc"))
    assert paths
    for path in paths:
        places = (read_swc(path).positions_nm / size).astype(int)
        coarse = labels[places[:, 0]][:, ::1]  # whole sections: a node may lie a coarse voxel off
        assert (coarse == int(path.stem)).any(axis=(1, 2)).all()


def test_volumes_open_elsewhere_with_their_scale(whole):
    about: Any = json.loads((whole / "segmentation.zarr" / "zarr.json").read_text())
    level = about["attributes"]["ome"]["multiscales"][0]["datasets"][0]
    assert level["coordinateTransformations"][0]["scale"] == [30, 6, 6]
    array = zarr.open_array(whole / "segmentation.zarr" / level["path"], mode="r")
    assert array.shape == (6, 96, 128)


def test_the_report_tells_scores_times_and_settings(whole):
    page = (whole / "report.html").read_text()
    for words in ("adapted_rand_error", "region_graph", "In space", "linkage", "instruction_set"):
        assert words in page
    assert "http://" not in page.replace("http://www.w3.org", "")
    scores = json.loads((whole / "metrics.json").read_text())["scores"]
    assert scores["vi"]["interval"][0] <= scores["vi"]["value"] <= scores["vi"]["interval"][1]


def test_a_second_run_does_nothing_again(whole, weights, monkeypatch):
    before = content(whole)
    monkeypatch.setattr(prediction, "_answer", lambda *_: pytest.fail("predicted again"))
    reconstructed(whole, weights)
    assert content(whole) == before


@pytest.mark.parametrize("stopped", STAGES)
def test_a_run_that_is_stopped_in_a_stage_goes_on_to_the_same_bytes(
    tmp_path, weights, whole, monkeypatch, stopped
):
    make = planning.plan

    def failing(*arguments):
        found = make(*arguments)
        stages = [fails_late(s) if s.name == stopped else s for s in found.stages]
        return dataclasses.replace(found, stages=tuple(stages))

    monkeypatch.setattr(reconstruction, "write_report", lambda *_: None)  # which costs most
    with monkeypatch.context() as patch, pytest.raises(BlockError, match=f"stage {stopped}"):
        patch.setattr(reconstruction, "plan", failing)
        reconstructed(tmp_path, weights)
    assert not (tmp_path / "metrics.json").exists()
    rate = reconstructed(tmp_path, weights)["mb_per_s"]
    # A rate is only told if no stage has lost the time of the run that was stopped.
    assert (rate is None) == (
        stopped in ("membrane", "supervoxels", "region_graph", "segmentation", "skeleton_parts")
    )
    assert content(tmp_path) == content(whole)


def fails_late(stage: Stage) -> Stage:
    """The stage, whose last block is done but breaks before it is noted."""

    def work(block):
        stage.work(block)
        if block == stage.blocks[-1]:
            raise RuntimeError("the lights went out")

    return dataclasses.replace(stage, work=work)


def test_another_threshold_redoes_only_what_depends_on_it(tmp_path, weights, monkeypatch):
    reconstructed(tmp_path, weights)
    pieces = content(tmp_path)["supervoxels.zarr/zarr.json"]
    monkeypatch.setattr(prediction, "_answer", lambda *_: pytest.fail("predicted again"))
    few = reconstructed(tmp_path, weights, "agglomeration.threshold=1.0")["segments"]
    many = reconstructed(tmp_path, weights, "agglomeration.threshold=0.0")["segments"]
    assert few < many
    assert content(tmp_path)["supervoxels.zarr/zarr.json"] == pieces


def test_processes_give_the_same_bytes(tmp_path, weights, whole):
    reconstructed(tmp_path, weights, "engine=processes", "engine.workers=2")
    ours, theirs = (
        [open_volume(str(f / name)).read() for name in VOLUMES] for f in (tmp_path, whole)
    )
    for a, b in zip(ours, theirs, strict=True):
        np.testing.assert_array_equal(a, b)


def test_a_network_of_affinities_segments_too(tmp_path, affinities):
    metrics = reconstructed(tmp_path, affinities, "data.shape=[4,64,64]")
    assert metrics["segments"] >= 1
    assert open_volume(str(tmp_path / "affinities.zarr")).shape == (4, 64, 64, 4)


def test_a_plan_does_nothing(tmp_path, weights, caplog):
    with caplog.at_level("INFO"):
        reconstruction.run(configured(weights, "dry_run=true"), tmp_path)
    assert "8 blocks" in caplog.text and "GB of disk" in caplog.text
    assert list(tmp_path.iterdir()) == []


def stack_of(image: np.ndarray, folder: Path, weights: Path) -> Any:
    """A config that reconstructs an image from a TIFF stack."""
    path = folder / "image.tif"
    tifffile.imwrite(path, image, photometric="minisblack")
    chosen = [
        "data=files",
        f"data.image={path}",
        "data.voxel_size_nm=[30,6,6]",
        f"weights={weights}",
        "agglomeration.threshold=0.5",
    ]
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("reconstruct", overrides=chosen))


@pytest.mark.parametrize(
    ("image", "words"),
    [
        (np.full((5, 64, 64), 100, np.uint8), "grey values are all about"),
        (np.zeros((5, 64, 64), np.uint64), "needs axes"),
    ],
)
def test_what_is_no_image_is_refused(tmp_path, weights, image, words):
    with pytest.raises(ValueError, match=words):
        reconstruction.run(stack_of(image, tmp_path, weights), tmp_path / "run")


def test_one_small_section_is_segmented(tmp_path, weights):
    image = np.random.default_rng(0).integers(0, 255, (1, 20, 24), np.uint8)
    config, folder = stack_of(image, tmp_path, weights), tmp_path / "run"
    folder.mkdir()
    reconstruction.run(config, folder)
    assert open_volume(str(folder / "segmentation.zarr")).read().min() == 1


def test_voxels_of_another_size_are_warned_of(tmp_path, weights, caplog):
    reconstruction.run(configured(weights, "data.voxel_size_nm=[30,9,9]", "dry_run=true"), tmp_path)
    assert "expect errors, or say resample=true" in caplog.text


def test_calibration_foretells_the_scores_of_a_reconstruction(tmp_path, weights, capsys):
    own, run = tmp_path / "mine.npz", tmp_path / "run"
    shutil.copy(weights, own)
    run.mkdir()
    (run / ".hydra").mkdir()
    overrides = [*TINY, f"weights={own}", "agglomeration.linkage=quantile"]
    (run / ".hydra" / "overrides.yaml").write_text("".join(f"- {word}\n" for word in overrides))
    scores = reconstructed(run, own, "agglomeration.linkage=quantile")["scores"]
    assert calibrate.main([str(run), str(own)]) == 0
    assert "quantile 0.5" in capsys.readouterr().out
    rows = json.loads((run / "calibration.json").read_text())["settings"]
    (same,) = [row for row in rows if (row["name"], row["threshold"]) == ("quantile 0.5", 0.5)]
    for name in ("vi", "vi_split", "adapted_rand_error"):
        assert same[name] == pytest.approx(scores[name]["value"])
    best = min(rows, key=lambda row: row["vi"])
    noted = with_calibration(configured(own, "agglomeration.threshold=null"), own).agglomeration
    assert (noted.threshold, noted.linkage) == (best["threshold"], best["linkage"])
    config = configured(weights, "agglomeration.threshold=null")
    with pytest.raises(ValueError, match="how far to join"):
        with_calibration(config, weights)


def test_what_cannot_be_calibrated_is_said(tmp_path, capsys):
    assert calibrate.main([str(tmp_path)]) == 2
    assert "needs a run directory of experiments.reconstruct" in capsys.readouterr().err
    assert calibrate.main([]) == 2


def test_a_stack_of_other_voxels_is_resampled_by_option(tmp_path, weights):
    wide = ["data.voxel_size_nm=[30,9,9]", "data.shape=[3,64,64]"]
    reconstructed(tmp_path, weights, *wide, "resample=true")
    found = open_volume(str(tmp_path / "segmentation.zarr"))
    assert found.voxel_size_nm == (30, 6, 6) and found.shape == (3, 96, 96)
