"""Suite `conv` of `python -m experiments.benchmark`."""

from collections.abc import Sequence
from pathlib import Path

from configs.schema import BenchmarkRun, Layers
from experiments.benchmarks.conv.allocator import keep_freed_memory
from experiments.benchmarks.conv.layers import ALL, MAIN, Layer
from experiments.benchmarks.conv.limits import machine_limits
from experiments.benchmarks.conv.random_layers import draw_layers
from experiments.benchmarks.conv.rows import rows_of
from experiments.benchmarks.conv.suite import measure_layers
from experiments.benchmarks.conv.sweep import compare, sweep_result, sweep_rows, sweep_words
from experiments.benchmarks.conv.table import layer_table, limit_words
from experiments.benchmarks.result import Result, markdown
from experiments.drawings.convolution import draw_speed
from experiments.drawings.roofline import draw_roofline
from experiments.drawings.style import keep
from experiments.evaluation.report import write_csv
from experiments.run_record import write_json

SWEEP_SHAPES = 200


def measure_convolutions(config: BenchmarkRun, folder: Path) -> tuple[list[Result], str]:
    """The figures of the layers that a config asks for, and what they say in words and tables.

    Pictures, and the numbers behind them, go into the folder.
    """
    allocator = keep_freed_memory()
    match config.layers:
        case Layers.sweep:
            results, text = _sweep(config, folder)
        case Layers.all:
            results, text = _layers(ALL, config, folder)
        case Layers.main:
            results, text = _layers(MAIN, config, folder)
    return results, f"{text}\nMemory: {allocator}.\n"


def _layers(
    layers: Sequence[Layer], config: BenchmarkRun, folder: Path
) -> tuple[list[Result], str]:
    measures, words = machine_limits()
    measured, limits = measure_layers(layers, measures, config.rounds, config.seed)
    rows = rows_of(measured, limits)
    write_json(folder / "layers.json", {"rows": rows})
    keep(draw_roofline(rows), folder, "roofline")
    keep(draw_speed(rows), folder, "speed")
    text = f"{layer_table(measured)}\n{limit_words(limits, words)}\n"
    return [*(m.result for m in measured), *limits], text


def _sweep(config: BenchmarkRun, folder: Path) -> tuple[list[Result], str]:
    compared = compare(draw_layers(SWEEP_SHAPES, config.seed), config.rounds, config.seed)
    write_csv(folder / "sweep.csv", sweep_rows(compared))
    result = sweep_result(compared)
    return [result], f"{markdown([result])}\n{sweep_words(compared)}"
