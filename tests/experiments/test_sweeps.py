"""Sweeps of a training that takes a moment, as a user starts them, on each launcher."""

import ast
import itertools
import json
import os
import subprocess
import sys
from pathlib import Path

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema, sources
from experiments import search
from experiments.sweeps.runs import find_runs
from experiments.training import workers

FAKE = (sys.executable, str(Path(__file__).with_name("fake_training.py")))


def sweep(folder: Path, *arguments: str, code: int = 0) -> str:
    """What a sweep into `folder`/sweep prints."""
    command = [*FAKE, "-m", "hydra.sweep.dir=sweep", *arguments]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=90)
    assert done.returncode == code, done.stdout + done.stderr
    return done.stdout + done.stderr


def losses(folder: Path) -> dict[str, float]:
    paths = (folder / "sweep").glob("*/metrics.json")
    return {path.parent.name: json.loads(path.read_text())["loss"] for path in paths}


def starts(folder: Path) -> list[tuple[str, list[int]]]:
    """Process and processors of every training that was started, run by run."""
    files = sorted((folder / "sweep").glob("*/started"))
    lines = [line for path in files for line in path.read_text().splitlines()]
    return [(words[0], ast.literal_eval(words[2])) for words in (x.partition(" ") for x in lines)]


def test_a_sweep_by_one_process_and_what_a_second_call_does(tmp_path):
    names = "hydra.sweep.subdir=${hydra.job.override_dirname}"
    words = sweep(tmp_path, names, "seed=0,1", "fail_at=1", code=1)
    assert "seed 1 fails" in words
    assert losses(tmp_path) == {"fail_at=1,seed=0": pytest.approx(0.16)}
    assert [run.overrides for run in find_runs(tmp_path / "sweep")] == [
        {"fail_at": "1", "seed": "0"},
        {"fail_at": "1", "seed": "1"},
    ]
    record = tmp_path / "sweep" / "fail_at=1,seed=1" / "metrics.jsonl"
    before = record.read_bytes()
    sweep(tmp_path, names, "seed=0,1", "fail_at=1", code=1)
    assert record.read_bytes() == before
    folders = [path.parent.name for path in sorted((tmp_path / "sweep").glob("*/started"))]
    assert folders == ["fail_at=1,seed=0", "fail_at=1,seed=1"]
    assert len(starts(tmp_path)) == 3  # the first was done already


def test_a_finished_run_of_another_config_is_not_overwritten(tmp_path):
    sweep(tmp_path, "seed=0")
    words = sweep(tmp_path, "seed=0", "rate=0.2", code=1)
    assert "rate=0.5 (now 0.2)" in words
    assert losses(tmp_path) == {"0": pytest.approx(0.16)}


def test_joblib_goes_on_with_two_at_once_each_on_its_share(tmp_path, monkeypatch):
    sweep(tmp_path, "seed=0")
    os.mkfifo(tmp_path / "pipe")
    monkeypatch.setenv("MEETING", str(tmp_path / "pipe"))
    sweep(tmp_path, "hydra/launcher=joblib", "hydra.launcher.n_jobs=2", "seed=0,1,2")
    assert losses(tmp_path) == {str(n): pytest.approx(0.16 + n) for n in range(3)}
    alone, *together = starts(tmp_path)
    assert len({process for process, _ in (alone, *together)}) == 3
    ours = sorted(os.sched_getaffinity(0))
    assert alone[1] == ours
    assert sorted(share for _, share in together) == sorted(
        workers.share_of(place, 2, ours) for place in range(2)
    )


def test_submitit_on_this_machine(tmp_path):
    sweep(tmp_path, "hydra/launcher=submitit_local", "seed=0,1")
    assert losses(tmp_path) == {str(n): pytest.approx(0.16 + n) for n in range(2)}


def test_a_search_finds_the_best_rate_and_goes_on_where_it_stopped(tmp_path, capfd):
    def found(trials: int) -> str:
        options = search.Options("loss", trials=trials)
        words = ["rate=interval(0.05,0.9)", "width=choice(8,16)", "steps=1"]
        overrides = search.OverridesParser.create().parse_overrides(words)
        assert search.search(tmp_path / "trials", options, overrides, FAKE) == 0
        return capfd.readouterr().out

    found(1)
    first = tmp_path / "trials" / "0" / "started"
    before = first.read_text()
    words = found(2)
    assert first.read_text() == before
    runs = find_runs(tmp_path / "trials")
    assert [str(run.folder) for run in runs] == ["0", "1"]
    assert {run.overrides["steps"] for run in runs} == {"1"}
    best = min(runs, key=lambda run: (run.figures or {})["loss"] or 0)
    assert f"best: {tmp_path / 'trials' / str(best.folder)}, loss = " in words


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs DIR"),
        (["metric=loss", "--", "rate=choice(1,2)"], "needs DIR"),
        (["d", "metric=loss"], "got nothing to search"),
        (["d", "metric=loss", "--", "rate=1"], "got nothing to search"),
        (["d", "--", "rate=choice(1,2)"], "metric"),
        (["d", "metric=loss", "trails=3", "--", "rate=choice(1,2)"], "trails"),
        (["d", "metric=loss", "direction=up", "--", "rate=choice(1,2)"], "maximize"),
        (["d", "metric=loss", "--", "rate=choice(1,"], "choice"),
    ],
)
def test_a_search_that_cannot_be_understood_says_what_is_missing(arguments, message, capsys):
    assert search.main(arguments) == 2
    assert message in capsys.readouterr().err


def test_a_search_for_a_figure_that_trainings_do_not_have(tmp_path, monkeypatch, capsys):
    monkeypatch.setattr(search, "TRAINING", FAKE)
    arguments = [str(tmp_path / "trials"), "metric=f1", "--", "rate=choice(0.1,0.2)"]
    assert search.main(arguments) == 2
    assert "got metric=f1; needs one of the training's: loss, width" in capsys.readouterr().err


def test_processors_are_shared_out_without_overlap_and_without_rest():
    for count in range(1, 9):
        for jobs in range(1, count + 1):
            shares = [workers.share_of(place, jobs, list(range(count))) for place in range(jobs)]
            assert sorted(itertools.chain(*shares)) == list(range(count))
            assert max(map(len, shares)) - min(map(len, shares)) <= 1


def test_more_jobs_than_processors_take_one_each():
    assert [workers.share_of(place, 3, [4, 7]) for place in range(3)] == [[4], [4], [7]]


def test_jobs_that_run_alone_keep_all_processors(monkeypatch):
    monkeypatch.setattr(os, "sched_setaffinity", None)  # not to be called
    workers.take_share({"_target_": "basic"})
    workers.take_share({"n_jobs": None})


@pytest.mark.parametrize(
    ("jobs", "share"), [(2, [0, 1]), (-1, [0]), (-3, [0, 1]), (1, [0, 1, 2, 3])]
)
def test_a_worker_takes_its_share_once(monkeypatch, jobs, share):
    taken = []
    monkeypatch.setattr(workers, "_places", [])
    monkeypatch.setattr(os, "sched_getaffinity", lambda _: {0, 1, 2, 3})
    monkeypatch.setattr(os, "sched_setaffinity", lambda _, processors: taken.append(processors))
    workers.take_share({"n_jobs": jobs})
    workers.take_share({"n_jobs": jobs})
    assert taken == [share]
    for place in workers._places:
        place.close()


@pytest.mark.parametrize("name", ["offline", "online", "disabled"])
def test_every_tracker_composes(name):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        assert compose(f"tracker/{name}").tracker.mode is sources.TrackerMode[name]


WRITTEN_DOWN = {
    "membrane_seeds": 4,
    "membrane_rate_width": 9,
    "cross_classifier_letters": 4,
    "mergenet_window": 3,
}


@pytest.mark.parametrize(("name", "jobs"), WRITTEN_DOWN.items())
def test_a_sweep_that_is_written_down_has_a_stable_folder_and_jobs_that_compose(
    tmp_path, name, jobs
):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        whole = compose("train", [f"experiment={name}"], return_hydra_config=True)
        swept = whole.hydra.sweeper.params
        assert whole.hydra.sweep.dir == f"multirun/train/{name}"
        assert whole.tracker.group == name
        told = {"overrides": {"task": [f"experiment={name}"]}, "sweeper": {"params": swept}}
        OmegaConf.save(OmegaConf.create({"hydra": told}), tmp_path / "multirun.yaml")
        (tmp_path / "x" / ".hydra").mkdir(parents=True)
        (tmp_path / "x" / ".hydra" / "overrides.yaml").write_text("[]")
        planned = [dict(run.overrides) for run in find_runs(tmp_path) if run.folder is None]
        assert len(planned) == jobs
        for job in planned:
            words = [f"{key}={value}" for key, value in job.items()]
            assert compose("train", words).data.name == "phantom"
