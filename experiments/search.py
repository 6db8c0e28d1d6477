"""Searches for good settings of a training: python -m experiments.search DIR ... -- OVERRIDES"""

import dataclasses
import enum
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path
from typing import TYPE_CHECKING, cast

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import IntervalSweep, Override
from hydra.errors import HydraException
from omegaconf import MISSING, OmegaConf
from omegaconf.errors import OmegaConfBaseException

from experiments.sweeps.runs import Value, read_figures

if TYPE_CHECKING:  # optional, and it takes a second and a half
    from optuna import Trial
    from optuna.distributions import BaseDistribution

HELP = """\
python -m experiments.search DIR metric=NAME [option=value ...] -- OVERRIDES

Trains again and again, one training at a time, each in a folder of its own in DIR, and lets Optuna
(tree-structured Parzen estimator) choose the settings of the next by how the others did.

OVERRIDES  of python -m experiments.train; what is searched is written as
           key=choice(8,16,32)  key=interval(0,1)  key=int(interval(2,9))
           'key=tag(log,interval(1e-4,1e-2))'
metric     the figure of metrics.json by which trainings are compared

options
  direction=minimize  or maximize
  trials=20           how many trainings
  seed=0              of the choices; that of the trainings is an override

example
  python -m experiments.search multirun/rate metric=validation/f1 direction=maximize -- \\
      model=membrane data=phantom steps=300 'optimizer.learning_rate=tag(log,interval(1e-4,1e-2))'

The same command run again goes on where it was stopped. A training that fails counts as one to be
avoided. `python -m experiments.sweep_table DIR` shows all of them.
"""
TRAINING = (sys.executable, "-m", "experiments.train")


class Direction(enum.Enum):
    """Which way is better."""

    minimize = "minimize"
    maximize = "maximize"


@dataclasses.dataclass
class Options:
    """Options of `python -m experiments.search`."""

    metric: str = MISSING
    direction: Direction = Direction.minimize
    trials: int = 20
    seed: int = 0


def main(arguments: Sequence[str]) -> int:
    """Searches as the command line says; returns the exit code (1: no figure, 2: bad options)."""
    if {"--help", "-h"} & set(arguments):
        print(HELP)
        return 0
    try:
        folder, options, overrides = read_options(arguments)
        return search(folder, options, overrides, TRAINING)
    except (ValueError, HydraException, ImportError) as error:
        print(error, file=sys.stderr)
        return 2


def read_options(arguments: Sequence[str]) -> tuple[Path, Options, list[Override]]:
    """DIR, the options, and the overrides of the training.

    Raises:
        ValueError: on a missing DIR, metric or OVERRIDES, or a wrong option.
    """
    ours = list(arguments[: arguments.index("--")] if "--" in arguments else arguments)
    overrides = OverridesParser.create().parse_overrides(list(arguments[len(ours) + 1 :]))
    if not ours or "=" in ours[0]:
        raise ValueError(f"got {' '.join(ours) or 'nothing'!r}; needs DIR (see --help)")
    if not any(override.is_sweep_override() for override in overrides):
        raise ValueError("got nothing to search; needs key=choice(...) or interval(...) after --")
    try:
        merged = OmegaConf.merge(Options, OmegaConf.from_dotlist(ours[1:]))
        return Path(ours[0]), cast(Options, OmegaConf.to_object(merged)), overrides
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"option {error.full_key}: {reason} (see --help)") from error


def search(
    folder: Path, options: Options, overrides: Sequence[Override], training: Sequence[str]
) -> int:
    """Runs the trials and prints how each did; returns 1 if none of them has the figure.

    Nothing but their folders is kept: the same choices are made again from the same figures, and
    a training that is done already says so at once.

    Args:
        folder: of the trials.
        options: of the search.
        overrides: of the training, those with sweeps being searched.
        training: the command that trains.

    Raises:
        ImportError: no Optuna.
        ValueError: a metric that trainings do not have.
    """
    try:
        import optuna
    except ImportError as error:
        raise ImportError("got no Optuna; needs pip install -e '.[sweeps]'") from error
    optuna.logging.set_verbosity(optuna.logging.WARNING)
    fixed = [o.input_line or "" for o in overrides if not o.is_sweep_override()]
    space = {o.get_key_element(): _space(o) for o in overrides if o.is_sweep_override()}
    study = optuna.create_study(direction=options.direction.value)
    for number in range(options.trials):
        # A seed for each trial: what it chooses depends on the figures before it alone.
        study.sampler = optuna.samplers.TPESampler(seed=options.seed + number)
        trial = study.ask(space)
        command = [*training, *fixed, *_chosen(trial)]
        value = _figure(command, (folder / str(number)).resolve(), options.metric)
        study.tell(trial, value, None if value is not None else optuna.trial.TrialState.FAIL)
        print(f"{number}: {options.metric} = {value} with {' '.join(_chosen(trial))}", flush=True)
    if not study.get_trials(states=[optuna.trial.TrialState.COMPLETE]):
        return 1
    best = study.best_trial
    print(f"best: {folder / str(best.number)}, {options.metric} = {best.value}")
    return 0


def _space(override: Override) -> "BaseDistribution":
    from optuna import distributions

    value = override.value()
    if not isinstance(value, IntervalSweep):
        return distributions.CategoricalDistribution(list(override.sweep_string_iterator()))
    assert value.start is not None and value.end is not None
    log = "log" in value.tags
    if isinstance(value.start, int) and isinstance(value.end, int):
        return distributions.IntDistribution(value.start, value.end, log=log)
    return distributions.FloatDistribution(value.start, value.end, log=log)


def _chosen(trial: "Trial") -> list[str]:
    return [f"{key}={value}" for key, value in trial.params.items()]


def _figure(command: Sequence[str], folder: Path, metric: str) -> Value:
    """The figure of a training in this folder; None if it fails, or has no value to give.

    Raises:
        ValueError: a training without such a figure.
    """
    code = subprocess.run([*command, f"hydra.run.dir='{folder}'"]).returncode
    if code < 0 or code > 128:  # stopped by a signal, and so is the search
        raise SystemExit(code)
    if code:
        return None
    figures = read_figures(folder / "metrics.json")
    if metric not in figures:
        raise ValueError(f"got metric={metric}; needs one of the training's: {', '.join(figures)}")
    return figures[metric]


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
