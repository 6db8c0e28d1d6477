"""Training: what it leaves behind, going on bit for bit, stopping, and what it refuses."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import jax
import numpy as np
import pytest
from hydra import compose, initialize_config_module
from hydra.errors import ConfigCompositionException
from omegaconf import OmegaConf

from configs import schema
from experiments.training import loop
from experiments.training import run as training
from models.weights import load_weights, read_card

TINY = (
    "data.shape=[6,160,160]",
    "data.tissue.synapses_per_um3=20",
    "tracker=disabled",
    "model.width=4",
    "model.levels=2",
    "model.crop_shape=[1,32,32]",
    "steps=6",
    "batch_size=2",
    "validate_every=3",
    "save_every=2",
)


@pytest.fixture(autouse=True)
def like_a_user():
    """optax mixes number types, which the strict setting of the tests refuses."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def configured(*overrides: str):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("train", overrides=[*TINY, *overrides]))


def trained(folder: Path, *overrides: str) -> dict[str, float]:
    folder.mkdir(exist_ok=True)
    return training.run(configured(*overrides), folder)


def history(folder: Path) -> list[dict]:
    return [json.loads(line) for line in (folder / "metrics.jsonl").read_text().splitlines()]


def parameters(folder: Path) -> list[np.ndarray]:
    return [np.asarray(a) for a in jax.tree.leaves(load_weights(folder / "best.npz")[1])]


def same_run(first: Path, second: Path) -> bool:
    assert (first / "metrics.jsonl").read_bytes() == (second / "metrics.jsonl").read_bytes()
    assert (first / "metrics.json").read_bytes() == (second / "metrics.json").read_bytes()
    pairs = zip(parameters(first), parameters(second), strict=True)
    return all(np.array_equal(a, b) for a, b in pairs)


def test_a_run_leaves_its_record_weights_and_pictures(tmp_path):
    figures = trained(tmp_path)
    assert 0 <= figures["membrane/f1"] <= 1
    assert [line["step"] for line in history(tmp_path)] == [3, 6]
    assert (
        json.loads((tmp_path / "metrics.json").read_text())["membrane/f1"] == figures["membrane/f1"]
    )
    architecture, _ = load_weights(tmp_path / "best.npz")
    assert architecture.outputs == ("membrane",)
    assert read_card(tmp_path / "best.npz")["config"]["data"]["name"] == "phantom"
    assert (tmp_path / "samples" / "000006" / "sample.png").stat().st_size > 1000


@pytest.mark.parametrize("model", ["membrane_fast", "affinity_fast", "cleft", "affinity", "joint"])
def test_every_kind_of_network_trains(tmp_path, model):
    depth = {"affinity": 4}.get(model, 3)
    overrides = [f"model={model}", f"model.crop_shape=[{depth},32,32]", "steps=2"]
    figures = trained(tmp_path, *overrides)
    assert all(np.isfinite(value) for value in figures.values())


def test_the_same_seed_gives_the_same_bits(tmp_path):
    trained(tmp_path / "a")
    trained(tmp_path / "b")
    assert same_run(tmp_path / "a", tmp_path / "b")


def test_a_finished_run_is_not_run_again(tmp_path, monkeypatch):
    figures = trained(tmp_path)
    monkeypatch.setattr(training, "load_layers", lambda *_: pytest.fail("ran again"))
    assert trained(tmp_path).items() >= figures.items()


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_saves_and_the_run_goes_on_bit_for_bit(tmp_path, monkeypatch, number):
    trained(tmp_path / "whole")
    monkeypatch.setattr(loop, "check_finite", interrupt_at(3, number))
    with pytest.raises(SystemExit) as stopped:
        trained(tmp_path / "cut")
    assert stopped.value.code == 128 + number
    monkeypatch.undo()
    trained(tmp_path / "cut", f"resume={tmp_path / 'cut'}")
    assert same_run(tmp_path / "whole", tmp_path / "cut")


def interrupt_at(step: int, number: int):
    def interrupt(values, at, folder):
        if at == step:
            os.kill(os.getpid(), number)

    return interrupt


KILLED_AT_STEP_5 = """
import os, signal, sys
from experiments.training import loop
def kill(values, number, folder):
    if number == 5:
        os.kill(os.getpid(), signal.SIGKILL)
loop.check_finite = kill
from experiments.train import main
main()
"""


def test_a_killed_run_goes_on_bit_for_bit(tmp_path):
    """Killed for good, with a step recorded since the last checkpoint."""
    settings = [*TINY, "validate_every=1"]
    whole, cut = tmp_path / "whole", tmp_path / "cut"
    run_python("-m", "experiments.train", *settings, f"hydra.run.dir={whole}")
    killed = run_python("-c", KILLED_AT_STEP_5, *settings, f"hydra.run.dir={cut}", code=-9)
    assert not (cut / "metrics.json").exists(), killed
    run_python("-m", "experiments.train", f"resume={cut}")
    assert same_run(whole, cut)


def run_python(*arguments: str, code: int = 0) -> str:
    done = subprocess.run([sys.executable, *arguments], capture_output=True, text=True)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def test_a_loss_that_is_no_number_names_the_step_and_the_checkpoint(tmp_path, monkeypatch):
    real = training.batches

    def spoilt(*arguments, **settings):
        for number, batch in enumerate(real(*arguments, **settings), start=1):
            yield dataclasses.replace(batch, images=batch.images * np.nan) if number == 5 else batch

    monkeypatch.setattr(training, "batches", spoilt)
    with pytest.raises(FloatingPointError, match="at step 5; the last good checkpoint is step 4"):
        trained(tmp_path)


def test_two_devices_learn_what_one_does(tmp_path, monkeypatch):
    assert len(jax.devices()) == 2
    trained(tmp_path / "two")
    monkeypatch.setattr(loop.jax, "devices", lambda: jax.local_devices()[:1])
    trained(tmp_path / "one")
    one, two = (json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("one", "two"))
    assert one["membrane/average_precision"] == pytest.approx(
        two["membrane/average_precision"], abs=1e-4
    )


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.crop_shape=[1,192,192]"], "each from 1 to"),
        (["model.crop_shape=[1,33,32]"], "multiple"),
        (["batch_size=3"], "needs a multiple"),
        (["model.sections=3"], "sees 3 sections at once; needs at least as many"),
        (["data=fib_tiny", "model=cleft"], "needs labels of clefts"),
        (["data.tissue.synapses_per_um3=0", "model=cleft"], "no voxel labelled as clefts"),
        (["model.outputs=[nucleus]"], "nucleus"),
        (["weights=/nowhere.npz"], "nowhere"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(
    tmp_path, overrides, words, request
):
    if "data=fib_tiny" in overrides:
        root = request.getfixturevalue("data_root")
        overrides = [f"data.root={root}", *overrides]
        config = lambda: configured_without_phantom(*overrides)  # noqa: E731
    else:
        config = lambda: configured(*overrides)  # noqa: E731
    with pytest.raises((ValueError, FileNotFoundError), match=words):
        training.run(config(), tmp_path)
    assert not (tmp_path / "metrics.jsonl").exists()


def configured_without_phantom(*overrides: str):
    schema.register()
    kept = [o for o in TINY if not o.startswith("data.")]
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("train", overrides=[*kept, *overrides]))


def test_weights_of_another_architecture_are_refused(tmp_path):
    trained(tmp_path / "a", "steps=2")
    with pytest.raises(ValueError, match="width=4; needs 6"):
        trained(tmp_path / "b", "model.width=6", f"weights={tmp_path / 'a' / 'best.npz'}")


def test_unknown_models_are_refused_with_those_that_there_are():
    with pytest.raises(ConfigCompositionException, match="membrane_fast"):
        configured("model=membranes")


def test_two_processes_learn_what_one_does(tmp_path, free_port):
    command = [sys.executable, "-m", "experiments.train", *TINY]
    cluster = [f"cluster.coordinator=localhost:{free_port}", "cluster.processes=2"]
    processes = [
        subprocess.Popen(
            [*command, *cluster, f"cluster.process={i}", f"hydra.run.dir={tmp_path / 'two'}"],
            stdout=subprocess.PIPE,
            stderr=subprocess.STDOUT,
        )
        for i in range(2)
    ]
    words = [process.communicate(timeout=300)[0].decode() for process in processes]
    assert [p.returncode for p in processes] == [0, 0], words
    trained(tmp_path / "one")
    one, two = (json.loads((tmp_path / n / "metrics.json").read_text()) for n in ("one", "two"))
    assert one["membrane/average_precision"] == pytest.approx(
        two["membrane/average_precision"], abs=1e-4
    )


@pytest.fixture
def free_port() -> int:
    import socket

    with socket.socket() as found:
        found.bind(("localhost", 0))
        return found.getsockname()[1]
