"""A run's record: metrics.json, metrics.md, tables as CSV, and report.html."""

import csv
import io
from collections.abc import Sequence
from pathlib import Path

from configs.schema import EvaluationRun
from experiments.evaluation.outcome import Outcome, Rows
from experiments.evaluation.tables import by_convention
from experiments.report.page import numbers, section, table, text, write_page
from experiments.run_record import write_json, write_text
from ops.metrics.metric import Metric, counts_text, interval_text, markdown, notes, value_text

SHOWN_LARGE = 6


def write_outcome(folder: Path, config: EvaluationRun, outcome: Outcome, seconds: float) -> None:
    """Writes everything into the folder, each file whole or not at all."""
    figures = {
        "task": config.task.name,
        "prediction": config.prediction,
        "truth": config.truth,
        "baseline": config.baseline,
        "mask": config.mask,
        **_asked_of_checkpoint(config),
        "seed": config.seed,
        "seconds": seconds,
        "notes": list(outcome.notes),
        "metrics": [metric.as_dict() for metric in outcome.metrics],
    }
    write_json(folder / "metrics.json", figures)
    said = "".join(f"\n{note}\n" for note in outcome.notes)
    write_text(folder / "metrics.md", markdown(outcome.metrics) + said)
    for name, rows in outcome.tables.items():
        write_csv(folder / f"{name}.csv", rows)
    write_page(
        folder / "report.html",
        f"Evaluation: {config.task.name}",
        _about(config),
        [
            numbers({_label(metric): value_text(metric) for metric in _main(outcome.metrics)}),
            *map(text, outcome.notes),
            *_side_by_side(outcome.metrics),
            *outcome.parts,
            section("All values", text(HOW_TO_READ), _values(outcome.metrics)),
            *map(text, notes(outcome.metrics)),
        ],
    )


def _about(config: EvaluationRun) -> str:
    if config.prediction is None:
        return f"{config.checkpoint}, scored on {config.data.name if config.data else 'no data'}."
    return f"{config.prediction}, scored against {config.truth}."


def _asked_of_checkpoint(config: EvaluationRun) -> dict[str, str | None]:
    if config.checkpoint is None or config.data is None:
        return {}
    return {
        "checkpoint": config.checkpoint,
        "data": config.data.name,
        "split": config.data.split,
        "output": config.output,
    }


HOW_TO_READ = (
    "Every value holds for its convention only: the same volumes can differ by a factor of 3 in "
    "adapted Rand error and of 50 in VI between conventions. Intervals are bootstrapped over "
    "blocks or objects; metrics.json names the settings of each."
)


def write_csv(path: Path, rows: Rows) -> None:
    """A table with one row a line; one without rows is empty."""
    stream = io.StringIO()
    if rows:
        writer = csv.DictWriter(stream, list(rows[0]), lineterminator="\n")
        writer.writeheader()
        writer.writerows(rows)
    write_text(path, stream.getvalue())


def _main(metrics: Sequence[Metric]) -> Sequence[Metric]:
    return [metric for metric in metrics if metric.value is not None][:SHOWN_LARGE]


def _label(metric: Metric) -> str:
    return f"{metric.name.replace('_', ' ')} ({metric.convention})"


def _side_by_side(metrics: Sequence[Metric]) -> list[str]:
    shared = by_convention(metrics)
    return [section("Conventions side by side", table(*shared))] if shared else []


def _values(metrics: Sequence[Metric]) -> str:
    header = ("metric", "convention", "value", "interval", "taken over")
    rows = (
        (
            metric.name,
            metric.convention,
            value_text(metric),
            interval_text(metric),
            counts_text(metric),
        )
        for metric in metrics
    )
    return table(header, rows)
