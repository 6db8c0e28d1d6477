"""The stages of `python -m experiments.benchmark`."""

import logging
from pathlib import Path

from configs.schema import BenchmarkRun, Suite
from experiments.benchmarks.accuracy.suite import measure_accuracy
from experiments.benchmarks.conv.run import measure_convolutions
from experiments.benchmarks.data_suite import measure_data
from experiments.benchmarks.metrics_suite import measure_metrics
from experiments.benchmarks.models.suite import measure_models
from experiments.benchmarks.pipeline.suite import measure_pipeline
from experiments.benchmarks.result import Result, markdown
from experiments.benchmarks.scaling.suite import measure_scaling
from experiments.benchmarks.synapses.suite import measure_synapses
from experiments.benchmarks.tracking.suite import measure_tracking
from experiments.run_record import environment, write_json

log = logging.getLogger(__name__)


def run(config: BenchmarkRun, folder: Path) -> None:
    """Measures the suite of a config and writes the figures into the folder."""
    machine = environment()
    write_json(folder / "environment.json", machine)
    if config.suite is Suite.accuracy:
        measure_accuracy(config, folder)
        return
    if config.suite is Suite.synapses:
        measure_synapses(config, folder)
        return
    if config.suite is Suite.scaling:
        measure_scaling(config, folder)
        return
    if config.suite is Suite.tracking:
        measure_tracking(config, folder)
        return
    results: list[Result] = []
    if config.suite in (Suite.data, Suite.all):
        results += measure_data(config, folder)
    if config.suite in (Suite.metrics, Suite.all):
        results += measure_metrics(config)
    tables = [markdown(results)] if results else []
    if config.suite in (Suite.conv, Suite.all):
        convolutions, table = measure_convolutions(config, folder)
        results += convolutions
        tables.append(table)
    if config.suite in (Suite.models, Suite.all):
        networks, table = measure_models(config)
        results += networks
        tables.append(table)
    if config.suite in (Suite.pipeline, Suite.all):
        pipeline, table = measure_pipeline(config, folder)
        results += pipeline
        tables.append(table)
    figures = {
        "suite": config.suite.value,
        "environment": machine,
        "results": [result.as_dict() for result in results],
    }
    write_json(folder / "benchmark.json", figures)
    words = f"{machine['cpu']}, {machine['threads']} threads, {machine['instruction_set']}"
    tables.append(f"{words}; medians of {config.rounds} rounds taken in turns.\n")
    text = "\n".join(tables)
    (folder / "benchmark.md").write_text(text)
    log.info("\n%s", text)
    log.info("figures: %s", folder / "benchmark.json")
