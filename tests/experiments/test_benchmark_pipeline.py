"""The benchmark of the main job: it runs, and the peer segments the same image."""

import json
from typing import cast

import jax
import numpy as np
import pytest
from flax import nnx
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema
from data.creating import create_volume
from experiments.benchmarks.pipeline import peer, suite
from experiments.benchmarks.run import run
from models.architecture import Architecture, build
from models.weights import save_weights


@pytest.fixture(autouse=True)
def like_a_user():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture
def weights(tmp_path):
    path = tmp_path / "membrane.npz"
    architecture = Architecture("unet2d", ("membrane",), width=4, levels=2)
    params = nnx.state(build(architecture, nnx.Rngs(0)), nnx.Param)
    save_weights(path, architecture, params, {"agglomeration": {"threshold": 0.5}})
    return path


def test_every_stage_is_measured_and_what_is_missing_is_told(
    tmp_path, weights, monkeypatch, caplog
):
    monkeypatch.delenv("NEUROPIL_DATA", raising=False)  # then AC4 is not here
    monkeypatch.setattr(suite, "WEIGHTS", {"phantom": {suite.FAST: str(weights)}})
    monkeypatch.setattr(suite, "peers", lambda: {"PyTorch": None, "waterz": None})
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        chosen = ["suite=pipeline", "rounds=1", "phantom.shape=[4,64,64]", "root=null"]
        config = cast(
            schema.BenchmarkRun, OmegaConf.to_object(compose("benchmark", overrides=chosen))
        )
    run(config, tmp_path)
    results = json.loads((tmp_path / "benchmark.json").read_text())["results"]
    names = [result["name"].rpartition(": ")[2] for result in results]
    assert names[0] == "whole" and {"membrane", "agglomeration", "skeletons"} < set(names)
    assert all(result["highest"]["neuropil"] > 0 for result in results)
    assert "left out: PyTorch and waterz" in caplog.text


def test_the_peer_segments(tmp_path, weights):
    pytest.importorskip("torch")
    pytest.importorskip("waterz")
    path = tmp_path / "image.zarr"
    image = np.random.default_rng(0).integers(0, 255, (5, 64, 64), np.uint8)
    create_volume(str(path), shape=image.shape, dtype=np.uint8, voxel_size_nm=(30, 6, 6)).write(
        image
    )
    found = peer.peer_segmentation(path, weights)
    assert found.shape == image.shape and found.min() >= 1
