"""The stages of `python -m experiments.evaluate`."""

import dataclasses
import logging
import time
from pathlib import Path

from configs.schema import EvaluationRun
from experiments.evaluation import (
    affinity,
    cleft,
    connectome,
    instance,
    membrane,
    merge_errors,
    partner,
    segmentation,
    skeleton,
)
from experiments.evaluation.checkpoint import predict_split
from experiments.evaluation.inputs import check_named
from experiments.evaluation.outcome import Outcome
from experiments.evaluation.report import write_outcome
from experiments.evaluation.tables import summary
from experiments.run_record import environment, write_json

SCORES = {
    "segmentation": segmentation.score,
    "membrane": membrane.score,
    "cleft": cleft.score,
    "instance": instance.score,
    "affinity": affinity.score,
    "skeleton": skeleton.score,
    "partner": partner.score,
    "connectome": connectome.score,
}
log = logging.getLogger(__name__)


def run(config: EvaluationRun, folder: Path) -> None:
    """Scores what a config names and writes the result into the folder.

    Raises:
        ValueError, FileNotFoundError: what cannot be scored; the message says what to do.
    """
    start = time.perf_counter()
    config, outcome = _scored(config, folder)
    write_json(folder / "environment.json", environment())
    write_outcome(folder, config, outcome, time.perf_counter() - start)
    log.info("\n%s", summary(outcome.metrics))
    for note in outcome.notes:
        log.info("%s", note)
    log.info("report: %s", folder / "report.html")


def _scored(config: EvaluationRun, folder: Path) -> tuple[EvaluationRun, Outcome]:
    """The config with what was predicted, if anything was, and the result."""
    if config.task.name == merge_errors.TASK:  # its weights see objects, not images
        return config, merge_errors.score(config)
    check_named(config)
    notes: tuple[str, ...] = ()
    if config.checkpoint is not None:
        config, notes = predict_split(config, folder)
    return config, dataclasses.replace(SCORES[config.task.name](config), notes=notes)
