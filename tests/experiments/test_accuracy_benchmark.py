"""Errors are those of the convolution, and contenders differ in nothing but the convolution."""

import csv
import itertools
import json
from pathlib import Path
from typing import Any

import jax
import numpy as np
import optax
import pytest
from flax import nnx
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from PIL import Image
from scipy import ndimage

from configs import schema
from experiments.benchmarks.accuracy import curves, errors, suite, training
from experiments.benchmarks.run import run
from models.convolution import Conv

TINY = (
    "suite=accuracy",
    "seed=2",
    "phantom.shape=[8,64,64]",
    "accuracy.channels=[8]",
    "accuracy.features=4",
    "accuracy.crop_shape=[4,20,20]",
    "accuracy.steps=5",
    "accuracy.seeds=2",
)


def configured(*overrides: str) -> Any:
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("benchmark", overrides=list(overrides)))


def rows(path: Path) -> list[dict[str, str]]:
    with path.open(newline="") as stream:
        return list(csv.DictReader(stream))


def test_the_exact_result_is_that_of_scipy():
    rng = np.random.default_rng(0)
    x, w, dy = (rng.normal(size=s) for s in ((1, 5, 6, 2), (3, 3, 2, 4), (1, 5, 6, 4)))
    y, dx, dw = errors.exact(x, w, dy)
    for out in range(4):
        parts = [ndimage.correlate(x[0, ..., c], w[..., c, out], mode="constant") for c in range(2)]
        np.testing.assert_allclose(y[0, ..., out], sum(parts), atol=1e-12)
    # Both gradients are adjoint to the convolution.
    np.testing.assert_allclose([np.vdot(x, dx), np.vdot(w, dw)], np.vdot(y, dy), rtol=1e-12)


def test_every_class_and_xla_have_errors_of_rounding(monkeypatch):
    monkeypatch.setattr(errors, "SIZES", {2: (9, 10)})
    found = errors.error_rows([8], seed=0)
    assert [(row["images"], row["convolution"]) for row in found] == [
        (images, name)
        for images in ("normal", "after relu")
        for name in ("high", "default", "fast", "XLA")
    ]
    measured = np.array([row[f"{q}_rms"] for row in found for q in errors.QUANTITIES], float)
    assert 1e-8 < measured.min() < measured.max() < 2e-5


def test_a_result_that_is_one_percent_off_has_errors_of_one_percent(monkeypatch):
    monkeypatch.setattr(errors, "SIZES", {3: (4, 5, 6)})
    off = {"XLA": lambda x, w: 1.01 * errors.lax_conv(x, w)}
    monkeypatch.setattr(errors, "_contenders", lambda: off)
    for row in errors.error_rows([8], seed=0):
        for quantity, kind in itertools.product(errors.QUANTITIES, ("rms", "max")):
            assert row[f"{quantity}_{kind}"] == pytest.approx(0.01, rel=1e-3)


def test_bounds_are_the_published_ones():
    assert errors.bound("high", 128) == errors.bound("high", 32) == 5e-7
    assert [errors.bound(name, 256) for name in ("default", "fast", "XLA")] == [6e-6, 4e-5, ""]
    assert errors.bound("high", 512) == pytest.approx(1e-6)


def test_the_share_of_a_bound_is_the_worst_of_both_quantities_that_have_one():
    row = {"convolution": "high", "bound": 4e-7, "y_rms": 1e-7, "dx_rms": 3e-7, "dw_rms": 9e-7}
    other = {**row, "convolution": "XLA", "bound": ""}
    assert suite.share_of_bound([row, {**row, "dx_rms": 2e-7}, other], "high") == 0.75


def test_contenders_begin_with_the_same_parameters():
    networks = [training.make_network(layer, 4, 1) for layer in training.CONTENDERS.values()]
    first, *others = (jax.tree.leaves(nnx.state(network)) for network in networks)
    assert len(first) == 8
    for state in others:
        assert all(np.array_equal(a, b) for a, b in zip(state, first, strict=True))


def test_training_lowers_the_loss_of_one_image():
    images = np.random.default_rng(0).uniform(-1, 1, (1, 4, 12, 12, 1)).astype(np.float32)
    network = training.make_network(Conv, 4, seed=0)
    lesson = (images, (images < 0).astype(np.float32))
    losses = training.train(network, optax.sgd(0.3), [lesson], steps=20)
    assert len(losses) == 20
    assert losses[-1] < 0.7 * losses[0]


def test_curves_are_smoothed_then_compared():
    steps = np.arange(20.0)
    curve = {
        training.XLA: np.array([steps, steps + 2]),
        "neuropil": np.array([steps + 1, steps + 4]),
    }
    assert training.pass_length(20) == 2
    np.testing.assert_allclose(curves.smoothed(curve[training.XLA])[0], steps[:-1] + 0.5)
    np.testing.assert_allclose(curves.difference(curve, "neuropil"), 1.5)
    np.testing.assert_allclose(curves.spread(curve), np.sqrt(2))


@pytest.fixture
def lenient():
    """Lets dtypes mix, as optax's Adam does when it raises a float to a count of steps."""
    with jax.numpy_dtype_promotion("standard"):
        yield


@pytest.mark.usefixtures("lenient")
def test_the_suite_writes_its_tables_its_picture_and_what_they_say(tmp_path, monkeypatch):
    monkeypatch.setattr(errors, "SIZES", {2: (9, 10), 3: (5, 6, 7)})
    run(configured(*TINY), tmp_path)
    assert sorted(path.name for path in tmp_path.iterdir()) == [
        "accuracy.json",
        "accuracy.md",
        "environment.json",
        "errors.csv",
        "loss_curves.csv",
        "loss_curves.pdf",
        "loss_curves.png",
    ]
    figures = json.loads((tmp_path / "accuracy.json").read_text())
    losses = [row for row in figures["rows"] if row["experiment"] == "losses"]
    assert [row["seed"] for row in losses] == [2, 3] * 3
    ours, fast, xlas = np.array([row["losses"] for row in losses]).reshape(3, 10)
    np.testing.assert_allclose([ours, fast], [xlas, xlas], atol=1e-3)
    np.testing.assert_allclose([ours[::5], fast[::5]], [xlas[::5]] * 2, rtol=1e-5)  # first steps
    assert len(rows(tmp_path / "errors.csv")) == 2 * 1 * 2 * 4
    assert figures["share_of_bound"].keys() == {"high", "default", "fast"}
    assert 0 <= figures["difference_to_xla"]["neuropil"] < figures["spread_of_seeds"]
    words = (tmp_path / "accuracy.md").read_text()
    assert "| 3-D, 8 channels | after relu | XLA |  |" in words
    assert "of the published bound" in words and "by which seeds differ" in words
    with Image.open(tmp_path / "loss_curves.png") as picture:
        assert picture.width > 600


def test_one_seed_has_nothing_to_be_compared_with(tmp_path):
    with pytest.raises(ValueError, match=r"got accuracy.seeds=1.*at least 2 seeds"):
        run(configured("suite=accuracy", "accuracy.seeds=1"), tmp_path)
