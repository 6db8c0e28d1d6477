"""What was measured of the layers as rows, which are stored and drawn."""

from collections.abc import Sequence
from typing import Any

from experiments.benchmarks.conv.suite import Measured
from experiments.benchmarks.result import Result
from experiments.drawings.convolution import MACHINE


def rows_of(measured: Sequence[Measured], limits: Sequence[Result]) -> list[dict[str, Any]]:
    """A row for each pass of each layer and each contender, and for each limit of the machine.

    Columns: layer (in words, or `MACHINE`), pass, contender, unit, flop_per_byte (operations of
    the direct algorithm per byte of images, kernels and results) and rounds, in that unit; the
    machine's peak is a contender of every layer too.
    """
    return [
        {
            "layer": m.layer.label,
            "pass": m.what,
            "contender": who,
            "unit": "GFLOP/s",
            "flop_per_byte": m.layer.flop / m.layer.bytes,
            "rounds": list(rounds),
        }
        for m in measured
        for who, rounds in m.result.figures.items()
    ] + [
        {
            "layer": MACHINE,
            "pass": "",
            "contender": limit.name,
            "unit": limit.unit,
            "flop_per_byte": None,
            "rounds": list(limit.figures[limit.name]),
        }
        for limit in limits
    ]
