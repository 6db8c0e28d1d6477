"""Synapses: accuracy and speed of ours, of one joint network, and of VESICLE-RF."""

import logging
from collections.abc import Callable
from pathlib import Path

from configs.schema import BenchmarkRun, SynapseWeights
from experiments.benchmarks.synapses.methods import methods
from experiments.benchmarks.synapses.parts import Parts, crop_to, phantom_parts, vnc_parts
from experiments.benchmarks.synapses.table import accuracy_table, speed_table, words
from experiments.benchmarks.synapses.tissue import Row, measure_tissue
from experiments.drawings.style import keep
from experiments.drawings.synapses import draw_rivals
from experiments.run_record import environment, write_json, write_text

log = logging.getLogger(__name__)


def measure_synapses(config: BenchmarkRun, folder: Path) -> list[Row]:
    """Writes synapses.json, synapses.md and synapses (.png, .pdf, .csv)."""
    settings = config.synapses
    crop = crop_to(settings.crop_shape)
    rows = [
        *_measure(
            "phantom",
            lambda: phantom_parts(settings.phantom, config.seed, crop),
            settings.phantom_weights,
            config,
        ),
        *_measure("vnc", lambda: vnc_parts(settings.vnc, crop), settings.vnc_weights, config),
    ]
    machine = environment()
    said = words(machine, config)
    figures = {
        "suite": config.suite.value,
        "environment": machine,
        "notes": said,
        "rows": [row.as_dict() for row in rows],
    }
    write_json(folder / "synapses.json", figures)
    text = "\n".join([accuracy_table(rows), speed_table(rows), *said]) + "\n"
    write_text(folder / "synapses.md", text)
    keep(draw_rivals(figures["rows"]), folder, "synapses")
    log.info("\n%s", text)
    return rows


def _measure(
    name: str, make: Callable[[], Parts], weights: SynapseWeights, config: BenchmarkRun
) -> list[Row]:
    log.info("%s: reading", name)
    try:
        parts = make()
    except (FileNotFoundError, NotADirectoryError) as error:
        return [Row(name, method.name, str(error).split("\n")[0]) for method in methods()]
    return measure_tissue(name, parts, weights, config.synapses, config.rounds, config.seed)
