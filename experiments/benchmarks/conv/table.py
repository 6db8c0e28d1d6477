"""The figures of layers as one table: rates, and ratios to the machine's peak and to peers."""

from collections.abc import Sequence

from experiments.benchmarks.conv.limits import PEAK
from experiments.benchmarks.conv.suite import TORCH, XLA, Measured
from experiments.benchmarks.result import OURS, Result

COLUMNS = ("layer", "pass", "GFLOP/s", "x FMA peak", "x XLA", "x oneDNN")
WORDS = (
    "GFLOP/s of the direct algorithm, and ours as a multiple of others' measured in turns: of the "
    "fastest runs (in brackets: of the medians of rounds). Passes: forward; dX and dW, the "
    "gradients of images and of kernels, each alone; step, all three."
)


def layer_table(measured: Sequence[Measured]) -> str:
    """A line for each pass of each layer, and what the columns mean."""
    rule = "| --- | --- |" + " ---: |" * (len(COLUMNS) - 2)
    lines = [_line(COLUMNS), rule, *(_line(_cells(m)) for m in measured)]
    return "\n".join([*lines, "", WORDS]) + "\n"


def limit_words(limits: Sequence[Result], words: str) -> str:
    """The highest and the median of each limit of the machine, and how they were measured."""
    rates = []
    for limit in limits:
        best, median = limit.highest(limit.name), limit.median(limit.name)
        rates.append(f"{limit.name} {best:.3g} ({median:.3g}) {limit.unit}")
    return f"Limits of the machine: {'; '.join([*rates, words])}."


def _cells(measured: Measured) -> tuple[str, ...]:
    result = measured.result
    ours = f"{result.highest():.3g} ({result.median():.3g})"
    ratios = (_ratio(result, peer) for peer in (PEAK, XLA, TORCH))
    return measured.layer.label, measured.what, ours, *ratios


def _ratio(result: Result, peer: str) -> str:
    """Of the fastest runs and of the medians; empty where the peer is not there."""
    if peer not in result.figures:
        return ""
    best = result.highest(OURS) / result.highest(peer)
    return f"{best:.2g} ({result.median(OURS) / result.median(peer):.2g})"


def _line(cells: Sequence[str]) -> str:
    return "| " + " | ".join(cells) + " |"
