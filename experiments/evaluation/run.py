"""The stages of `python -m experiments.evaluate`."""

import logging
import time
from pathlib import Path

from configs.schema import EvaluationRun
from experiments.evaluation import (
    cleft,
    connectome,
    instance,
    membrane,
    partner,
    segmentation,
    skeleton,
)
from experiments.evaluation.report import write_outcome
from experiments.evaluation.tables import summary
from experiments.run_record import environment, write_json

SCORES = {
    "segmentation": segmentation.score,
    "membrane": membrane.score,
    "cleft": cleft.score,
    "instance": instance.score,
    "skeleton": skeleton.score,
    "partner": partner.score,
    "connectome": connectome.score,
}
log = logging.getLogger(__name__)


def run(config: EvaluationRun, folder: Path) -> None:
    """Scores what a config names and writes the result into the folder."""
    start = time.perf_counter()
    outcome = SCORES[config.task.name](config)
    write_json(folder / "environment.json", environment())
    write_outcome(folder, config, outcome, time.perf_counter() - start)
    log.info("\n%s", summary(outcome.metrics))
    log.info("report: %s", folder / "report.html")
