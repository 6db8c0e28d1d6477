"""What pictures of the layers show: the fastest run of each contender."""

import dataclasses
from collections.abc import Mapping, Sequence

from experiments.benchmarks.conv.jax_works import Pass
from experiments.benchmarks.conv.limits import PEAK
from experiments.benchmarks.conv.suite import CONTENDERS, Measured


@dataclasses.dataclass(frozen=True)
class Point:
    """One contender in one pass of a layer.

    Attributes:
        layer: in words.
        what: the pass.
        contender: who ran it.
        intensity: FLOP of the direct algorithm per byte of images, kernels and results.
        rate: GFLOP/s of the direct algorithm, of the fastest run.
        peak: GFLOP/s of multiply-adds meanwhile; None where it was not measured.
    """

    layer: str
    what: Pass
    contender: str
    intensity: float
    rate: float
    peak: float | None


def points_of(measured: Sequence[Measured]) -> list[Point]:
    """A point for each pass of each layer and each contender."""
    points = []
    for m in measured:
        intensity = m.layer.flop / m.layer.bytes
        peak = m.result.highest(PEAK) if PEAK in m.result.figures else None
        points += [
            Point(m.layer.label, m.what, who, intensity, m.result.highest(who), peak)
            for who in CONTENDERS
            if who in m.result.figures
        ]
    return points


def rows_of(points: Sequence[Point], bandwidths: Mapping[str, float]) -> list[dict[str, object]]:
    """The points as a table, with the limits of the machine (GB/s by name) beside each."""
    limits = {f"{name} GB/s": rate for name, rate in bandwidths.items()}
    return [
        {
            "layer": point.layer,
            "pass": point.what,
            "contender": point.contender,
            "FLOP/byte": point.intensity,
            "GFLOP/s": point.rate,
            f"{PEAK} GFLOP/s": point.peak,
            **limits,
        }
        for point in points
    ]
