"""Experiments are run once more: every command composes, what is done is not done again."""

import subprocess
import sys
from pathlib import Path
from types import SimpleNamespace

import pytest
from hydra import compose, initialize_config_module

from configs import schema
from configs.schema import ReproduceRun, Size
from experiments import reproduce as reproduce
from experiments.drawings.run import FIGURES
from experiments.reproduction import run as reproduction
from experiments.reproduction.steps import Step
from experiments.reproduction.table import EXPERIMENTS
from experiments.stored_results import read_result

STEPS = [
    pytest.param(step, id=f"{name}-{size.value}-{step.name}")
    for name, sizes in EXPERIMENTS.items()
    for size, steps in sizes.items()
    for step in steps
]


def test_every_figure_has_an_experiment_and_every_experiment_a_figure():
    assert set(EXPERIMENTS) == {stem for stem, _ in FIGURES.values()}
    assert all(set(sizes) == set(Size) for sizes in EXPERIMENTS.values())


@pytest.mark.parametrize("step", STEPS)
def test_every_command_composes(step):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        assert compose(step.module, [*step.words("/somewhere"), "seed=1"]).seed == 1


def test_steps_that_are_used_come_first_and_none_shares_a_folder():
    for sizes in EXPERIMENTS.values():
        for steps in sizes.values():
            names = [step.name for step in steps]
            assert len(set(names)) == len(names)
            for place, step in enumerate(steps):
                used = {
                    word.split("{run}/")[1].strip("]")
                    for word in step.overrides.replace(",", " ").split()
                    if "{run}/" in word
                }
                assert used <= set(names[:place])


def count(folder: Path, labels) -> list[dict]:
    return [{**labels, "files": len(list(folder.glob("*.png")))}]


FIGURE = Step("figure", "figures", "figure=merge_errors_matrix", count, {"what": "one"})


def test_an_experiment_runs_its_steps_in_folders_of_their_own_and_stores_what_they_gave(
    tmp_path, monkeypatch
):
    monkeypatch.setitem(EXPERIMENTS, "tiny", {Size.laptop: (FIGURE,)})
    (tmp_path / "results").mkdir()
    config = ReproduceRun("tiny", Size.laptop, str(tmp_path / "results"), 3)
    reproduction.run(config, tmp_path)
    assert (tmp_path / "figure" / "merge_errors_matrix.png").exists()
    found = read_result(tmp_path / "tiny.json")
    assert found.rows == [{"what": "one", "files": 1}]
    assert found == read_result(tmp_path / "results" / "tiny.json")
    assert found.command == [
        "python -m experiments.reproduce experiment=tiny size=laptop",
        "python -m experiments.figures figure=merge_errors_matrix seed=3 hydra.run.dir=RUN/figure",
    ]
    assert {"cpu", "threads"} <= set(found.environment) and "git" not in found.environment


@pytest.fixture
def started(monkeypatch) -> list[list[str]]:
    """The words of every step that is started; none is in truth. A step named bad fails."""
    calls: list[list[str]] = []

    def start(command: list[str]):
        calls.append(command[3:])
        (folder,) = (word.partition("=")[2] for word in command if word.startswith("hydra.run.dir"))
        Path(folder.strip("'")).mkdir(exist_ok=True)
        return SimpleNamespace(returncode=int("bad=true" in command))

    monkeypatch.setattr(reproduction.subprocess, "run", start)
    monkeypatch.setattr(reproduction, "environment", lambda: {"git": None})
    monkeypatch.setattr(reproduction, "commit", lambda: f"commit {len(calls)}")
    return calls


def use(monkeypatch, *steps: Step) -> ReproduceRun:
    monkeypatch.setitem(EXPERIMENTS, "tiny", {Size.laptop: steps})
    return ReproduceRun("tiny")


def test_steps_that_are_done_are_not_done_again_unless_their_words_change(
    tmp_path, monkeypatch, started
):
    one, two = Step("one", "train", "steps=1"), Step("two", "train", "weights={run}/one", count)
    bad = Step("bad", "train", "bad=true", count)
    with pytest.raises(RuntimeError, match=r"step bad failed with exit code 1.*hydra.run.dir="):
        reproduction.run(use(monkeypatch, one, two, bad), tmp_path)
    assert not (tmp_path / "tiny.json").exists()
    assert [words[1] for words in started] == ["steps=1", f"weights={tmp_path}/one", "bad=true"]
    reproduction.run(use(monkeypatch, one, two), tmp_path)
    assert len(started) == 3
    assert read_result(tmp_path / "tiny.json").commit == "commit 1, commit 2"
    longer = Step("one", "train", "steps=2")
    reproduction.run(use(monkeypatch, longer, two), tmp_path)
    assert [words[1] for words in started[3:]] == ["steps=2"]


def test_a_step_whose_data_is_not_here_is_left_out_and_said_to_be(
    tmp_path, monkeypatch, started, caplog
):
    monkeypatch.setenv("NEUROPIL_DATA", str(tmp_path))
    steps = Step("one", "train", "", count), Step("two", "train", "", count, data="fib25")
    config = use(monkeypatch, *steps)
    config.results = str(tmp_path / "results")
    reproduction.run(config, tmp_path)
    (note,) = read_result(tmp_path / "tiny.json").notes
    assert note.startswith("Step two is left out: ")
    assert not (tmp_path / "results").exists() and "is kept as it was" in caplog.text
    with pytest.raises(ValueError, match="got no data for experiment=tiny; needs the environment"):
        reproduction.run(use(monkeypatch, steps[1]), tmp_path)


def test_an_unknown_experiment_is_refused(tmp_path):
    with pytest.raises(ValueError, match="got experiment=pie; needs one of conv_speed, "):
        reproduction.run(ReproduceRun("pie"), tmp_path)


def test_a_signal_that_stops_a_step_stops_all(tmp_path, monkeypatch, started):
    monkeypatch.setattr(
        reproduction.subprocess, "run", lambda command: SimpleNamespace(returncode=-2)
    )
    with pytest.raises(SystemExit):
        reproduction.run(use(monkeypatch, FIGURE), tmp_path)


@pytest.mark.parametrize(
    ("word", "message"),
    [
        ("experiment=pie", "Could not find 'experiment/pie'"),
        ("seed=1", "got experiment=None; needs one of conv_speed, "),
        ("experiment=segmentation size=huge", "huge"),
    ],
)
def test_the_command_says_what_is_wrong_before_anything_runs(tmp_path, word, message):
    command = [sys.executable, "-m", "experiments.reproduce", *word.split(), "hydra.run.dir=run"]
    done = subprocess.run(command, cwd=tmp_path, capture_output=True, text=True)
    assert done.returncode == 1 and message in done.stderr
    assert not list(tmp_path.rglob("*.json"))


def test_the_command_knows_every_experiment():
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        for name in EXPERIMENTS:
            assert compose("reproduce", [f"experiment={name}"]).experiment == name
