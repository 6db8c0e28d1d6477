"""One measurement: its figure, that of a peer, and how both were taken."""

import dataclasses
import statistics
import time
from collections.abc import Callable, Mapping, Sequence

OURS = "neuropil"


@dataclasses.dataclass(frozen=True)
class Result:
    """What was measured, round by round.

    Attributes:
        name: of the measurement, in words.
        unit: of the figures.
        figures: contender to its figure of every round; `OURS` is among them, unless it is the
            machine that was measured.
    """

    name: str
    unit: str
    figures: Mapping[str, Sequence[float]]

    def median(self, contender: str = OURS) -> float:
        """The contender's figure of the middle round."""
        return statistics.median(self.figures[contender])

    def highest(self, contender: str = OURS) -> float:
        """The contender's highest figure; of rates, that of its fastest run."""
        return max(self.figures[contender])

    def as_dict(self) -> dict:
        """The result for JSON, with the median and the highest figure of each contender."""
        medians = {contender: self.median(contender) for contender in self.figures}
        highest = {contender: self.highest(contender) for contender in self.figures}
        return {**dataclasses.asdict(self), "medians": medians, "highest": highest}


def take_turns(
    contenders: Mapping[str, Callable[[], float]], rounds: int
) -> dict[str, list[float]]:
    """The figure of each contender in each round; in turns, so that all meet the same machine."""
    figures: dict[str, list[float]] = {name: [] for name in contenders}
    for _ in range(rounds):
        for name, measure in contenders.items():
            figures[name].append(measure())
    return figures


def voxel_rate(work: Callable[[], object], voxels: int) -> Callable[[], float]:
    """What measures the rate of some work on so many voxels, in Mvoxel/s."""

    def measure() -> float:
        start = time.perf_counter()
        work()
        return voxels / 1e6 / (time.perf_counter() - start)

    return measure


def markdown(results: Sequence[Result]) -> str:
    """All results as a table; a ratio is ours to the peer's."""
    lines = ["| measurement | neuropil | peer | ratio |", "| --- | ---: | --- | ---: |"]
    for result in results:
        ours = f"{result.median():.3g} {result.unit}"
        peers = [name for name in result.figures if name != OURS]
        lines += [
            f"| {result.name} | {ours} | {peer}: {result.median(peer):.3g} {result.unit} | "
            f"{_ratio(result, peer)} |"
            for peer in peers
        ] or [f"| {result.name} | {ours} | | |"]
    return "\n".join(lines) + "\n"


def _ratio(result: Result, peer: str) -> str:
    theirs = result.median(peer)
    return f"{result.median() / theirs:.2g}" if theirs > 0 else ""
