"""The main job by cross-classification: a lost section, going on after a stop, the report."""

import dataclasses
import hashlib
import json
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
from data.synthetic import Phantom, PhantomParameters
from experiments.reconstruction import planning
from experiments.reconstruction import run as reconstruction
from experiments.reconstruction.engine import BlockError
from experiments.reconstruction.stages import prediction, tracking
from experiments.reconstruction.tracked_pair import TrackedPair, errors_of, middle_pair
from experiments.reconstruction.tracking_report import CODES, STEPS
from models.architecture import Architecture, build
from models.cross_classifier import CrossArchitecture, CrossClassifier
from models.cross_weights import save_cross_weights
from models.weights import save_weights

SHAPE, LOST = (5, 64, 96), 2


@pytest.fixture(autouse=True)
def like_a_user(monkeypatch):
    monkeypatch.setattr(prediction, "CHUNK", (2, 32, 32))
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def common(tmp_path_factory) -> list[str]:
    """A stack with a black section, its truth, and networks that have learnt nothing."""
    folder = tmp_path_factory.mktemp("common")
    volumes = Phantom(PhantomParameters(shape=SHAPE, seed=3)).volumes()
    image = volumes["image"].read()
    image[LOST] = 0
    for name, voxels in (("image", image), ("labels", volumes["neurites"].read())):
        tifffile.imwrite(folder / f"{name}.tif", voxels, photometric="minisblack")
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        sizes = Architecture("unet2d", ("membrane",), width=4, levels=1)
        params = nnx.state(build(sizes, nnx.Rngs(0)), nnx.Param)
        save_weights(folder / "membrane.npz", sizes, params, {"voxel_size_nm": [30, 6, 6]})
        crossing = CrossArchitecture(letters=3, width=4, levels=1, reduction=2, membranes=True)
        network = CrossClassifier(crossing, rngs=nnx.Rngs(0))
        dict(nnx.to_flat_state(nnx.state(network)))["body", "head", "kernel"][...] *= 100  # sure
        card: dict[str, Any] = {"agglomeration": {"threshold": 0.6}}
        save_cross_weights(folder / "cross.npz", crossing, nnx.state(network, nnx.Param), card)
    return [
        *("data=files", f"data.image={folder / 'image.tif'}", "data.voxel_size_nm=[30,6,6]"),
        *(f"data.labels={folder / 'labels.tif'}", f"weights={folder / 'membrane.npz'}"),
        *(f"cross_classifier={folder / 'cross.npz'}", "segmenter=3c", "block_shape=[2,64,96]"),
    ]


def configured(*overrides: str) -> Any:
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("reconstruct", overrides=[*overrides]))


def reconstructed(folder: Path, common: list[str], *overrides: str) -> dict[str, Any]:
    folder.mkdir(exist_ok=True)
    reconstruction.run(configured(*common, *overrides), folder)
    return json.loads((folder / "metrics.json").read_text())


def content(run: Path) -> dict[str, str]:
    files = [p for name in ("region_graph", "segmentation.zarr") for p in (run / name).rglob("*")]
    return {
        str(path.relative_to(run)): hashlib.sha256(path.read_bytes()).hexdigest()
        for path in files
        if path.is_file()
    }


@pytest.fixture(scope="module")
def whole(tmp_path_factory, common):
    """A run that was left alone, and what it said."""
    folder = tmp_path_factory.mktemp("whole")
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(prediction, "CHUNK", (2, 32, 32))
        said = []
        patch.setattr(reconstruction.log, "warning", lambda *words: said.append(words))
        with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
            metrics = reconstructed(folder, common)
    return folder, metrics, [words[0] % words[1:] for words in said]


def test_a_black_section_is_told_of_and_bridged(whole):
    folder, metrics, said = whole
    assert metrics["lost_sections"] == [LOST]
    (words,) = [line for line in said if "nothing to follow" in line]
    assert f"Section {LOST}: nothing to follow there; bridged" in words
    assert (
        f"Section {LOST}: nothing to follow there; bridged" in (folder / "report.html").read_text()
    )
    pieces = open_volume(str(folder / "supervoxels.zarr")).read()
    edges = [np.load(path)["edges"] for path in (folder / "region_graph").glob("*.npz")]
    over = [
        np.isin(pair[:, 0], pieces[LOST - 1]) & np.isin(pair[:, 1], pieces[LOST + 1])
        for pair in edges
    ]
    assert any(found.any() for found in over)


def test_the_report_shows_how_a_pair_was_followed(whole):
    folder, _, _ = whole
    page = (folder / "report.html").read_text()
    for words in ("Following regions", "pictures of 3 colours", "Errors, by the truth"):
        assert words in page
    assert all((folder / name).stat().st_size < 300_000 for name in (CODES, STEPS))


def test_a_run_that_is_stopped_goes_on_to_the_same_bytes(tmp_path, common, whole, monkeypatch):
    make = planning.plan

    def failing(*arguments):
        found = make(*arguments)
        stages = [fails_late(s) if s.name == "region_graph" else s for s in found.stages]
        return dataclasses.replace(found, stages=tuple(stages))

    monkeypatch.setattr(reconstruction, "write_report", lambda *_: None)
    with monkeypatch.context() as patch, pytest.raises(BlockError, match="stage region_graph"):
        patch.setattr(reconstruction, "plan", failing)
        reconstructed(tmp_path, common)
    followed = []
    follow = tracking.Tracking.work
    monkeypatch.setattr(
        tracking.Tracking, "work", lambda self, block: (followed.append(block), follow(self, block))
    )
    assert reconstructed(tmp_path, common)["lost_sections"] == [LOST]
    assert len(followed) == 1  # the block that was being worked on
    assert content(tmp_path) == content(whole[0])


def fails_late(stage):
    """The stage, whose last block is done but breaks before it is noted."""

    def work(block):
        stage.work(block)
        if block == stage.blocks[-1]:
            raise RuntimeError("the lights went out")

    return dataclasses.replace(stage, work=work)


def test_watershed_loses_no_section(tmp_path, common, monkeypatch):
    monkeypatch.setattr(reconstruction, "write_report", lambda *_: None)
    asked = ("segmenter=watershed", "agglomeration.threshold=0.5")
    assert "lost_sections" not in reconstructed(tmp_path, common, *asked)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (("segmenter=4c",), "got segmenter=4c; needs watershed or 3c"),
        (("segmenter=3c", "weights=sstem_fly"), "sstem_fly: comes without a cross-classifier"),
        (
            ("segmenter=3c", "cross_classifier=phantom/membrane"),
            "other weights than those of a cross-classifier",
        ),
    ],
)
def test_what_cannot_be_followed_is_said_before_any_work(tmp_path, overrides, words):
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        reconstruction.run(configured("data=phantom", "data.shape=[4,64,64]", *overrides), tmp_path)
    assert not list(tmp_path.iterdir())


def test_the_pair_shown_is_near_the_middle_and_not_lost():
    assert middle_pair(16, []) == (7, 8)
    assert middle_pair(5, [2]) in ((0, 1), (3, 4))
    assert middle_pair(1, []) is None and middle_pair(3, [1]) is None


def test_errors_by_hand():
    regions = np.array([[1, 1, 1, 2, 2, 0]], np.uint64)
    before, now = np.array([[[7, 7, 8, 8, 8, 0]], [[7, 8, 9, 8, 8, 0]]], np.uint64)
    tracked = np.array([[1, 1, 1, 2, 0, 2]], np.uint64)
    grey, bytes_ = np.zeros((1, 6), np.float32), np.zeros((1, 6), np.uint8)
    pair = TrackedPair(
        *(0, 1, (grey, grey), (regions, regions), bytes_[None], bytes_[None], 4),
        *(tracked, bytes_, (before, now), (6.0, 6.0)),
    )
    found = errors_of(pair)
    # Region 1 is neurite 7, region 2 is 8. 9 is new: it was given away, and could not be found.
    assert found.wrong.tolist() == [[False, True, True, False, False, False]]
    assert found.missed.tolist() == [[False, False, False, False, True, False]]
    assert found.known.sum() == 5
    with pytest.raises(ValueError, match="needs true neurites"):
        errors_of(dataclasses.replace(pair, truth=None))
