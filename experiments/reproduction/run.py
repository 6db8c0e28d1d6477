"""The steps of an experiment, one after the other, and the result that they give together."""

import datetime
import json
import logging
import shlex
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from configs.schema import ReproduceRun
from data.datasets import find_entry
from data.datasets.root import find_root
from data.datasets.verification import require_files
from experiments.reproduction.steps import Step
from experiments.reproduction.table import EXPERIMENTS
from experiments.run_record import REPOSITORY, environment, git_state, write_json
from experiments.stored_results import NOT_RECORDED, Row, StoredResult, write_result

log = logging.getLogger(__name__)
DONE = "done.json"  # in the folder of a step: the words that it was run with, and the commit


def run(config: ReproduceRun, folder: Path) -> None:
    """Runs what is not done yet in a folder, and writes EXPERIMENT.json into it.

    A step whose dataset is not here is left out, with a warning; such a result does not go to
    `config.results`.

    Raises:
        ValueError: an unknown experiment, or none of its data.
        RuntimeError: a step that failed.
    """
    name = config.experiment
    if name is None or name not in EXPERIMENTS:
        raise ValueError(f"got experiment={name}; needs one of {', '.join(EXPERIMENTS)}")
    rows: list[Row] = []
    done: list[Step] = []
    left_out: list[str] = []
    for step in EXPERIMENTS[name][config.size]:
        if reason := missing_data(step):
            log.warning("step %s is left out: %s", step.name, reason)
            left_out.append(f"Step {step.name} is left out: {reason}")
            continue
        run_step(step, folder, config.seed)
        rows += step.gather(folder / step.name, step.labels) if step.gather else []
        done.append(step)
    if not rows:
        raise ValueError(
            f"got no data for experiment={name}; needs the environment variable "
            "NEUROPIL_DATA: `python -m data.catalog` lists the files"
        )
    keep(config, folder, summed_up(config, folder, done, left_out, rows))


def run_step(step: Step, run: Path, seed: int) -> None:
    """Runs a step in its folder, unless it is done there by the same words.

    Raises:
        RuntimeError: a step that failed.
    """
    folder = (run / step.name).resolve()
    words = [f"seed={seed}", *step.words(str(run.resolve()))]
    marker = folder / DONE
    if marker.exists() and json.loads(marker.read_text())["words"] == words:
        log.info("step %s is done already", step.name)
        return
    log.info("step %s: %s", step.name, " ".join(words))
    command = [sys.executable, "-m", f"experiments.{step.module}", *words]
    code = subprocess.run([*command, f"hydra.run.dir='{folder}'"]).returncode
    if code < 0 or code > 128:  # stopped by a signal, and so are the steps
        raise SystemExit(code)
    if code:
        raise RuntimeError(
            f"step {step.name} failed with exit code {code}; see what it said above; "
            f"hydra.run.dir={run} goes on with it"
        )
    write_json(marker, {"words": words, "commit": commit()})


def commit() -> str:
    """The commit of the code here; with a word where files differ from it."""
    git = git_state(REPOSITORY)
    return NOT_RECORDED if git is None else git["commit"] + " and changes" * git["dirty"]


def missing_data(step: Step) -> str:
    """Why the dataset of a step cannot be read; empty if it can, or if it needs none."""
    if not step.data:
        return ""
    try:
        require_files(find_entry(step.data), find_root())
    except (FileNotFoundError, NotADirectoryError, ValueError) as error:
        return str(error).split("\n")[0]
    return ""


def summed_up(
    config: ReproduceRun,
    folder: Path,
    done: Sequence[Step],
    left_out: Sequence[str],
    rows: Sequence[Row],
) -> StoredResult:
    """The result, with the commands of its steps; RUN is the run directory.

    Its commit is that of the steps; where they were done by several, all are named.
    """
    asked = f"python -m experiments.reproduce experiment={config.experiment}"
    machine = environment()
    machine.pop("git")
    commits = [json.loads((folder / step.name / DONE).read_text())["commit"] for step in done]
    return StoredResult(
        command=[f"{asked} size={config.size.value}", *(as_command(s, config.seed) for s in done)],
        commit=", ".join(dict.fromkeys(commits)),
        environment=machine,
        date=datetime.datetime.now(datetime.UTC).date().isoformat(),
        notes=left_out,
        rows=rows,
    )


def as_command(step: Step, seed: int) -> str:
    """A step as one types it."""
    words = [*step.words("RUN"), f"seed={seed}", f"hydra.run.dir=RUN/{step.name}"]
    return " ".join(["python -m", f"experiments.{step.module}", *map(shlex.quote, words)])


def keep(config: ReproduceRun, folder: Path, result: StoredResult) -> None:
    """Writes the result into the run directory, and where the config asks for it."""
    name = f"{config.experiment}.json"
    write_result(folder / name, result)
    log.info("result: %s", folder / name)
    if config.results is None:
        return
    if result.notes:
        log.warning("%s is kept as it was: the new result lacks steps", config.results)
        return
    write_result(Path(config.results) / name, result)
    log.info("result: %s", Path(config.results) / name)
