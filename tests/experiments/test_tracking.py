"""The record of a training: complete, the same for a resumed run, whatever becomes of wandb."""

import json
import os
import socket
import subprocess
import sys
import tempfile
from pathlib import Path
from types import SimpleNamespace

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from configs.sources import Tracker, TrackerMode
from experiments.training.earlier import already_begun, already_done
from experiments.training.tracking import keep_until, track

WITHOUT = Tracker(mode=TrackerMode.disabled)
CONFIG = {"model": {"name": "membrane", "crop": (1, 64, 64)}, "tracker": {"mode": "a"}, "seed": 0}
OFFLINE = """
import sys, warnings
from pathlib import Path
from configs.sources import Tracker
from experiments.training.tracking import track
with track({"seed": 0}, Path(sys.argv[1]), Tracker(group="tests", tags=["one"])) as record:
    record(1, {"loss": 0.5}, {"sample": Path(sys.argv[2])})
    record.finish({"f1": 0.25})
"""


def history(folder: Path) -> bytes:
    return (folder / "metrics.jsonl").read_bytes()


def test_a_line_holds_the_step_and_every_value_in_full(tmp_path):
    with track(CONFIG, tmp_path, WITHOUT) as record:
        record(1, {"train/loss": 0.1 + 0.2, "crops": 4})
        record(2, {"train/loss": 1e-30, "f1": None})
    assert history(tmp_path) == (
        b'{"step": 1, "train/loss": 0.30000000000000004, "crops": 4}\n'
        b'{"step": 2, "train/loss": 1e-30, "f1": null}\n'
    )


def test_a_line_is_on_the_disk_before_the_training_goes_on(tmp_path, monkeypatch):
    synced = []
    monkeypatch.setattr(os, "fsync", lambda stream: synced.append(history(tmp_path)))
    with track(CONFIG, tmp_path, WITHOUT) as record:
        record(1, {"loss": 1.0})
        record(2, {"loss": 0.5})
        assert synced == [b'{"step": 1, "loss": 1.0}\n', history(tmp_path)]


def test_what_was_run_is_there_from_the_start_and_the_result_at_the_end_only(tmp_path):
    (tmp_path / "metrics.json").write_text("of an earlier run")
    with track(CONFIG, tmp_path, WITHOUT) as record:
        written = json.loads((tmp_path / "config.json").read_text())
        assert written["model"] == {"name": "membrane", "crop": [1, 64, 64]}
        assert not (tmp_path / "metrics.json").exists()
        record.finish({"f1": 0.5, "rand": None})
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"f1": 0.5, "rand": None}
    assert sorted(path.name for path in tmp_path.iterdir()) == ["config.json", "metrics.json"]


def test_a_run_that_fails_has_no_result(tmp_path):
    with pytest.raises(RuntimeError, match="no memory"), track(CONFIG, tmp_path, WITHOUT) as record:
        record(1, {"loss": 1.0})
        raise RuntimeError("no memory")
    assert history(tmp_path) == b'{"step": 1, "loss": 1.0}\n'
    assert not (tmp_path / "metrics.json").exists()


@pytest.mark.parametrize("value", [float("nan"), float("inf"), -float("inf")])
def test_a_value_that_is_not_finite_is_refused_by_name(tmp_path, value):
    with track(CONFIG, tmp_path, WITHOUT) as record:
        with pytest.raises(ValueError, match=f"got loss = {value} at step 7; needs a finite"):
            record(7, {"f1": 1.0, "loss": value})
        with pytest.raises(ValueError, match="at the end"):
            record.finish({"loss": value})
    assert [path.name for path in tmp_path.iterdir()] == ["config.json"]


def test_a_value_cannot_take_the_place_of_the_step(tmp_path):
    with (
        track(CONFIG, tmp_path, WITHOUT) as record,
        pytest.raises(ValueError, match="another name"),
    ):
        record(1, {"step": 3.0})


def test_of_several_processes_one_keeps_the_record(tmp_path):
    with track(CONFIG, tmp_path, Tracker(), enabled=False) as record:
        record(1, {"loss": 1.0})
        record.finish({"loss": 1.0})
    assert not list(tmp_path.iterdir())


@settings(deadline=None, max_examples=20)
@given(
    steps=st.integers(1, 8),
    killed=st.integers(0, 8),
    saved=st.integers(0, 8),
    half=st.integers(0, 30),
)
def test_a_resumed_run_leaves_the_bytes_of_one_that_was_not_interrupted(steps, killed, saved, half):
    """Killed after some step, in the middle of a line, it goes on from an earlier checkpoint."""
    killed = min(killed, steps)
    saved = min(saved, killed)

    def train(folder: Path, first: int, last: int) -> None:
        with track(CONFIG, folder, WITHOUT) as record:
            for step in range(first, last + 1):
                record(step, {"loss": 1 / step})
                record(step, {"f1": step / 7})

    with tempfile.TemporaryDirectory() as whole, tempfile.TemporaryDirectory() as broken:
        train(Path(whole), 1, steps)
        train(Path(broken), 1, killed)
        with (Path(broken) / "metrics.jsonl").open("a") as stream:
            stream.write(json.dumps({"step": killed + 1, "loss": 0.123456789})[:half])
        keep_until(Path(broken), saved)
        train(Path(broken), saved + 1, steps)
        assert history(Path(broken)) == history(Path(whole))


def test_nothing_is_kept_of_a_run_that_starts_anew(tmp_path):
    keep_until(tmp_path, 5)
    assert not list(tmp_path.iterdir())
    (tmp_path / "metrics.jsonl").write_text('{"step": 0, "loss": 1.0}\n')
    keep_until(tmp_path, -1)
    assert history(tmp_path) == b""


@pytest.mark.parametrize("line", ["loss 0.5", '{"loss": 0.5}', "[1]", ""])
def test_a_line_that_is_none_of_ours_is_named_and_left(tmp_path, line):
    content = f'{{"step": 1, "loss": 1.0}}\n{line}\n{{"step": 3, "loss": 0.3}}\n'
    (tmp_path / "metrics.jsonl").write_text(content)
    with pytest.raises(ValueError, match=r"metrics.jsonl:2: got .*; needs an object with a step"):
        keep_until(tmp_path, 2)
    assert history(tmp_path).decode() == content


def finished(folder: Path, config: dict) -> None:
    with track(config, folder, WITHOUT) as record:
        record.finish({"f1": 0.5})


def test_a_run_is_done_once_it_has_its_result(tmp_path):
    assert not already_begun(tmp_path, CONFIG)
    with track(CONFIG, tmp_path, WITHOUT) as record:
        assert already_begun(tmp_path, CONFIG)
        assert not already_done(tmp_path, CONFIG)
        record.finish({})
    assert already_done(tmp_path, CONFIG)


@pytest.mark.parametrize("changed", [{"tracker": {"mode": "b", "tags": []}}, {"resume": "there"}])
def test_what_has_no_effect_on_the_result_may_change(tmp_path, changed):
    finished(tmp_path, CONFIG)
    assert already_done(tmp_path, {**CONFIG, **changed})


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"seed": 1}, r"seed=0 \(now 1\)"),
        ({"model": {"name": "cleft", "crop": [1, 64, 64]}}, r"model.name=membrane \(now cleft\)"),
        ({"model": {"name": "membrane"}}, r"model.crop=\[1, 64, 64\] \(now None\)"),
        ({"steps": 5}, r"steps=None \(now 5\)"),
    ],
)
def test_the_run_of_another_config_is_not_taken_for_this_one_nor_overwritten(
    tmp_path, changed, message
):
    finished(tmp_path, CONFIG)
    with pytest.raises(ValueError, match=f"got a run with {message}; needs"):
        already_done(tmp_path, {**CONFIG, **changed})


def test_a_config_with_an_enum_is_written_by_its_name(tmp_path):
    finished(tmp_path, {"mode": TrackerMode.offline})
    assert json.loads((tmp_path / "config.json").read_text()) == {"mode": "offline"}
    assert already_done(tmp_path, {"mode": TrackerMode.offline})
    with pytest.raises(TypeError, match="needs plain values"):
        already_done(tmp_path, {"mode": object()})


class FakeRun:
    """Takes what a run of wandb takes, until `fails` is called."""

    def __init__(self, fails: str = "") -> None:
        self.fails, self.calls, self.summary = fails, [], SimpleNamespace(update=self.update)
        self.url = "https://wandb.example/run"

    def note(self, *call) -> None:
        self.calls.append(call)
        if call[0] == self.fails:
            raise OSError("no space left\non device")

    def log(self, values, step) -> None:
        self.note("log", step, values)

    def update(self, values) -> None:
        self.note("summary", values)

    def finish(self, exit_code) -> None:
        self.note("finish", exit_code)


@pytest.fixture
def wandb(monkeypatch):
    """A wandb that keeps what it is told."""
    fake = SimpleNamespace(run=FakeRun(), given={})

    def init(**given):
        fake.given = given
        return fake.run

    fake.init, fake.Settings, fake.Image = init, lambda **given: given, lambda path: f"image {path}"
    monkeypatch.setitem(sys.modules, "wandb", fake)
    for name in ("WANDB_SILENT", "WANDB_ERROR_REPORTING"):
        monkeypatch.setenv(name, "")  # so that it is restored
        monkeypatch.delenv(name)
    return fake


def test_wandb_gets_what_the_record_gets(tmp_path, wandb):
    with track(CONFIG, tmp_path, Tracker(project="p", group="g", tags=["t"])) as record:
        record(1, {"loss": 0.5}, {"sample": tmp_path / "sample.png"})
        record.finish({"f1": 0.25})
    assert wandb.run.calls == [
        ("log", 1, {"loss": 0.5, "sample": f"image {tmp_path / 'sample.png'}"}),
        ("summary", {"f1": 0.25}),
        ("finish", 0),
    ]
    assert wandb.given["mode"] == "offline"
    assert wandb.given["config"] == json.loads((tmp_path / "config.json").read_text())
    assert (wandb.given["project"], wandb.given["group"], wandb.given["tags"]) == ("p", "g", ["t"])
    assert wandb.given["dir"] == tmp_path
    assert set(wandb.given["settings"]) >= {"git_commit", "silent", "finish_timeout"}
    assert os.environ["WANDB_ERROR_REPORTING"] == "false"


def test_wandb_is_told_of_a_run_that_fails(tmp_path, wandb):
    with pytest.raises(RuntimeError), track(CONFIG, tmp_path, Tracker()):
        raise RuntimeError
    assert wandb.run.calls == [("finish", 1)]


def test_a_resumed_run_goes_on_under_its_name_on_the_server(tmp_path, wandb, caplog):
    caplog.set_level("INFO")
    for _ in range(2):
        with track(CONFIG, tmp_path, Tracker(mode=TrackerMode.online)):
            pass
        assert wandb.given["id"] == (tmp_path / "wandb" / "id").read_text()
        assert wandb.given["resume"] == "allow"
    assert "https://wandb.example/run" in caplog.text


@pytest.mark.parametrize("fails", ["log", "summary", "finish"])
def test_a_failure_of_wandb_is_one_warning(tmp_path, wandb, caplog, fails):
    wandb.run = FakeRun(fails)
    with track(CONFIG, tmp_path, Tracker()) as record:
        record(1, {"loss": 0.5})
        record(2, {"loss": 0.25})
        record.finish({"f1": 0.25})
    assert len(history(tmp_path).splitlines()) == 2
    assert json.loads((tmp_path / "metrics.json").read_text()) == {"f1": 0.25}
    assert caplog.messages == [
        "wandb: no space left; the run goes on without it, with its own record"
    ]
    assert wandb.run.calls[-1][0] == fails


def test_without_wandb_there_is_a_warning_and_the_record(tmp_path, monkeypatch, caplog):
    monkeypatch.setitem(sys.modules, "wandb", None)
    finished(tmp_path, CONFIG)
    assert not caplog.messages
    with track(CONFIG, tmp_path, Tracker()) as record:
        record(1, {"loss": 0.5})
        record.finish({})
    assert history(tmp_path) == b'{"step": 1, "loss": 0.5}\n'
    assert len(caplog.messages) == 1
    assert "wandb" in caplog.messages[0]


def test_a_run_offline_needs_nobody_says_nothing_and_calls_nobody(tmp_path):
    """In a bare home without an account; whoever were called would go through the proxy."""
    (tmp_path / "run").mkdir()
    picture = Path(__file__).parents[2] / "docs" / "phantom_beside_real.png"
    kept = {k: v for k, v in os.environ.items() if "WANDB" not in k and "proxy" not in k.lower()}
    with socket.create_server(("127.0.0.1", 0)) as proxy:
        proxy.setblocking(False)
        address = f"http://127.0.0.1:{proxy.getsockname()[1]}"
        done = subprocess.run(
            [sys.executable, "-W", "error", "-c", OFFLINE, str(tmp_path / "run"), str(picture)],
            env={**kept, "HOME": str(tmp_path), "HTTPS_PROXY": address, "HTTP_PROXY": address},
            capture_output=True,
            text=True,
        )
        with pytest.raises(BlockingIOError):
            proxy.accept()
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")
    assert history(tmp_path / "run") == b'{"step": 1, "loss": 0.5}\n'
    assert json.loads((tmp_path / "run" / "metrics.json").read_text()) == {"f1": 0.25}
    assert list((tmp_path / "run" / "wandb").glob("offline-run-*/*.wandb"))
