"""The runs of a sweep as a table, and against what was swept."""

import csv
import json
import subprocess
import sys
from pathlib import Path

import pytest
from omegaconf import OmegaConf
from PIL import Image

from experiments import sweep_table
from experiments.sweeps.plot import draw_sweep
from experiments.sweeps.runs import find_runs, read_figures
from experiments.sweeps.table import as_csv, as_markdown, tabulate


def add_run(sweep: Path, name: str, overrides: list[str], figures: dict | None) -> None:
    """A run as Hydra and a training leave it; without figures it is not finished."""
    (sweep / name / ".hydra").mkdir(parents=True)
    OmegaConf.save(OmegaConf.create(overrides), sweep / name / ".hydra" / "overrides.yaml")
    if figures is not None:
        (sweep / name / "metrics.json").write_text(json.dumps(figures))


def plan(sweep: Path, overrides: list[str], params: dict[str, str] | None = None) -> None:
    """Hydra's record of what the sweep is to do."""
    hydra = {"overrides": {"task": overrides, "hydra": []}, "sweeper": {"params": params}}
    OmegaConf.save(OmegaConf.create({"hydra": hydra}), sweep / "multirun.yaml")


@pytest.fixture
def seeds(tmp_path):
    """Four seeds of one training, of which one is not finished and one not begun."""
    for seed, f1 in ((0, 0.5), (1, 0.75)):
        figures = {"validation/f1": f1, "loss": 1.0}
        add_run(tmp_path, f"seed={seed}", [f"seed={seed}", "model=membrane"], figures)
    add_run(tmp_path, "seed=10", ["seed=10", "model=membrane"], None)
    plan(tmp_path, ["model=membrane"], {"seed": "0,1,2,10"})
    return tmp_path


def rows(text: str) -> list[list[str]]:
    return list(csv.reader(text.splitlines()))


def test_a_row_for_every_run_with_what_differs_and_what_came_of_it(seeds):
    assert rows(as_csv(tabulate(find_runs(seeds)))) == [
        ["run", "state", "seed", "validation/f1", "loss"],
        ["seed=0", "done", "0", "0.5", "1.0"],
        ["seed=1", "done", "1", "0.75", "1.0"],
        ["seed=10", "missing", "10", "", ""],
        ["", "missing", "2", "", ""],
    ]


def test_mean_and_deviation_over_seeds(seeds):
    words = as_markdown(tabulate(find_runs(seeds)))
    assert "| seed=10 | 10 | missing | missing |" in words
    assert "| 2 | 0.62 ± 0.18 | 1 ± 0 |" in words  # sqrt(2 * 0.125²) = 0.177


def test_means_are_taken_for_each_choice_of_the_rest(tmp_path):
    for rate, seed, f1 in (("0.1", 0, 1.0), ("0.1", 1, 3.0), ("0.01", 0, 5.0), ("0.01", 1, 5.5)):
        add_run(tmp_path, f"{rate}_{seed}", [f"rate={rate}", f"seed={seed}"], {"f1": f1})
    add_run(tmp_path, "last", ["rate=0.3", "seed=0"], {"f1": 7.0})
    words = as_markdown(tabulate(find_runs(tmp_path)))
    for row in ("| 0.1 | 2 | 2.0 ± 1.4 |", "| 0.01 | 2 | 5.25 ± 0.35 |", "| 0.3 | 1 | 7 |"):
        assert row in words


def test_a_sweep_without_seeds_has_no_means(tmp_path):
    for rate in ("0.1", "0.2"):
        add_run(tmp_path, rate, [f"rate={rate}"], {"f1": float(rate)})
    words = as_markdown(tabulate(find_runs(tmp_path)))
    assert "±" not in words
    assert words.count("| run |") == 1


def test_runs_are_found_in_folders_of_folders_and_ordered_by_number(tmp_path):
    for number in (2, 10, 1):
        add_run(tmp_path, f"data/imaging=a{number}", [f"seed={number}"], {"f1": 1.0})
    found = [str(run.folder) for run in find_runs(tmp_path)]
    assert found == ["data/imaging=a1", "data/imaging=a2", "data/imaging=a10"]


def test_jobs_that_were_not_begun_are_those_of_the_product_of_all_sweeps(tmp_path):
    plan(tmp_path, ["rate=0.1,0.2", "~extra", "seed=range(0,2)"], {"width": "choice(8,16)"})
    overrides = ["width=8", "rate=0.1", "~extra=null", "seed=0"]
    add_run(tmp_path, "0", overrides, {"f1": 1.0})
    runs = find_runs(tmp_path)
    assert len(runs) == 8
    assert [run.folder is None for run in runs] == [False] + 7 * [True]


def test_figures_of_other_commands_have_their_full_names(tmp_path):
    path = tmp_path / "metrics.json"
    metrics = [{"name": "vi_split", "convention": "cremi2016", "value": 0.5, "unit": "bits"}]
    parts = {"fractions": {"membrane": 0.2}, "shape": [1, 2], "task": "a", "metrics": metrics}
    path.write_text(json.dumps({"seconds": 3, **parts}))
    assert read_figures(path) == {
        "seconds": 3,
        "fractions.membrane": 0.2,
        "cremi2016.vi_split": 0.5,
    }


@pytest.mark.parametrize("content", ["", "[1]", '{"metrics": [1]}'])
def test_a_file_that_is_no_result_is_named(tmp_path, content):
    add_run(tmp_path, "0", ["seed=0"], {})
    (tmp_path / "0" / "metrics.json").write_text(content)
    with pytest.raises(ValueError, match=r"0/metrics.json: got no figures"):
        find_runs(tmp_path)


def drawn(tmp_path: Path, runs: dict[str, float], figure: str = "f1"):
    """The axes of the plot of runs, told apart by their overrides."""
    for number, (overrides, value) in enumerate(runs.items()):
        add_run(tmp_path, str(number), overrides.split(), {"f1": value, "loss": 0.0})
    return draw_sweep(tabulate(find_runs(tmp_path)), figure).axes[0]


def points(axes) -> list[list[float]]:
    return sorted(point for each in axes.collections for point in each.get_offsets().tolist())


def test_every_run_is_a_point_and_a_line_joins_the_means_over_seeds(tmp_path):
    runs = {"rate=1 seed=0": 0.5, "rate=1 seed=1": 0.7, "rate=100 seed=0": 0.9}
    axes = drawn(tmp_path, runs)
    assert points(axes) == [[1, 0.5], [1, 0.7], [100, 0.9]]
    assert axes.lines[0].get_xydata().tolist() == [[1, pytest.approx(0.6)], [100, 0.9]]
    assert (axes.get_xlabel(), axes.get_ylabel()) == ("rate", "f1")
    assert axes.get_xscale() == "log"
    assert axes.get_legend() is None


def test_words_stand_side_by_side_and_further_keys_are_told_by_colour(tmp_path):
    runs = {f"model={m} imaging={i}": 0.5 for m in ("net", "shallow") for i in ("tem", "fib")}
    axes = drawn(tmp_path, runs)
    assert [label.get_text() for label in axes.get_xticklabels()] == ["net", "shallow"]
    assert points(axes) == [[0, 0.5], [0, 0.5], [1, 0.5], [1, 0.5]]
    assert [text.get_text() for text in axes.get_legend().get_texts()] == [
        "imaging=tem",
        "imaging=fib",
    ]


def test_the_axis_is_of_the_first_key_that_has_numbers(tmp_path):
    runs = {f"model={m} width={w}": 0.5 for m in ("net", "shallow") for w in (8, 16)}
    axes = drawn(tmp_path, runs)
    assert axes.get_xlabel() == "width"
    assert axes.get_xscale() == "linear"
    assert len(axes.lines) == 2


def test_seeds_alone_stand_above_one_another(tmp_path):
    axes = drawn(tmp_path, {"seed=0": 0.5, "seed=1": 0.7})
    assert points(axes) == [[0, 0.5], [0, 0.7]]
    assert axes.get_xlabel() == "seeds"


def test_the_command_writes_table_and_plot(seeds, capsys):
    assert sweep_table.main([str(seeds)]) == 0
    assert (seeds / "sweep.md").read_text() in capsys.readouterr().out
    assert rows((seeds / "sweep.csv").read_text())[1][0] == "seed=0"
    with Image.open(seeds / "sweep.png") as picture:
        assert picture.width > 1000
    before = (seeds / "sweep.pdf").read_bytes()
    assert sweep_table.main([str(seeds), "metric=validation/f1"]) == 0
    assert (seeds / "sweep.pdf").read_bytes() == before


def test_a_sweep_of_which_nothing_is_finished_has_a_table_only(tmp_path, capsys):
    add_run(tmp_path, "0", ["seed=0"], None)
    plan(tmp_path, ["seed=0,1"])
    assert sweep_table.main([str(tmp_path)]) == 0
    assert rows((tmp_path / "sweep.csv").read_text())[1:] == [
        ["0", "missing", "0"],
        ["", "missing", "1"],
    ]
    assert not (tmp_path / "sweep.png").exists()


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "got 'nothing'; needs DIR"),
        (["metric=f1"], "needs DIR"),
        (["absent"], "absent: there is no such folder"),
        (["."], "got no run; needs folders with .hydra/overrides.yaml"),
        ([".", "metrics=f1"], "got 'metrics=f1' after DIR; needs metric=NAME"),
    ],
)
def test_what_cannot_be_gathered_is_said(tmp_path, monkeypatch, capsys, arguments, message):
    monkeypatch.chdir(tmp_path)
    assert sweep_table.main(arguments) == 2
    assert message in capsys.readouterr().err
    assert not list(tmp_path.iterdir())


def test_a_figure_that_no_run_has_is_refused_with_those_there_are(seeds, capsys):
    assert sweep_table.main([str(seeds), "metric=rand"]) == 2
    assert "got metric=rand; needs one of" in (said := capsys.readouterr().err)
    assert "validation/f1, loss" in said


def test_help_tells_how_to_call_it():
    command = [sys.executable, "-W", "error", "-m", "experiments.sweep_table", "--help"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert "sweep.csv" in done.stdout
