"""The rows of the suite as tables, and what a reader must know."""

from collections.abc import Mapping, Sequence

from configs.schema import BenchmarkRun
from experiments.benchmarks.synapses.methods import FOREST
from experiments.benchmarks.synapses.speed import Speed
from experiments.benchmarks.synapses.tissue import Row
from ops.metrics.metric import Metric

CONVENTIONS = {"vesicle2015": "F1 (VESICLE's rule)", "one_to_one": "F1 (one to one)"}


def accuracy_table(rows: Sequence[Row]) -> str:
    """F1 with its interval, and the counts behind it."""
    heads = ["data", "method", *CONVENTIONS.values(), "found, false, missed", "F1 where chosen"]
    lines = [_line(heads), _line(["---"] * len(heads))]
    for row in rows:
        if row.missing:
            cells = [f"missing: {row.missing}", *[""] * 3]
        else:
            scores = [f1(row, convention) for convention in CONVENTIONS]
            counts = ", ".join(str(count) for count in scores[0].counts.values())
            cells = [*map(_score, scores), counts, f"{row.chosen_f1:.2f}"]
        lines.append(_line([row.data, row.method, *cells]))
    return "\n".join(lines) + "\n"


def speed_table(rows: Sequence[Row]) -> str:
    """MB/s of networks, of what follows, and of both; and how many times the forest's that is."""
    heads = ["data", "method", "networks", "then", "all", f"all / {FOREST}", f"then / {FOREST}"]
    lines = [_line([*heads[:2], *(f"{h} (MB/s)" for h in heads[2:5]), *heads[5:]])]
    lines.append(_line(["---"] * len(heads)))
    rivals = {row.data: row.speed for row in rows if row.method == FOREST}
    for row in rows:
        if row.speed is not None:
            steps = [_rates(row.speed.networks), _rates(row.speed.steps), f"{row.speed.all:.2g}"]
            lines.append(_line([row.data, row.method, *steps, *_ratios(row, rivals[row.data])]))
    return "\n".join(lines) + "\n"


def words(machine: Mapping, config: BenchmarkRun) -> list[str]:
    """How all this was measured."""
    return [
        "Constants of every method are chosen by one procedure: one at a time, twice through all, "
        "each the middle one of those with the best F1 (VESICLE's rule, then one to one), on a "
        "part that is not scored. Of the phantom that is the validation tissue; of VNC rows "
        "256-511, which the networks have learnt from, but not the forest that they are chosen "
        "for. The forest that is scored has learnt from both other parts.",
        "VNC's networks were validated, and the best of their steps chosen, on the rows that are "
        "scored here (512-703); no constant was. Segments are the true neurites on the phantom, "
        "and on VNC, where they are not known, supervoxels of the membrane network joined at 0.5.",
        "Intervals of 95 % by drawing objects (found, false, missed) with replacement; Wilson's "
        "where no draw differs.",
        f"Speed: medians of {config.rounds} rounds in turns, each step once before it counts, on "
        f"at most {config.synapses.speed_shape} voxels. {FOREST} starts from our membranes. "
        f"{machine['cpu']}, {machine['threads']} threads, {machine['instruction_set']}.",
    ]


def f1(row: Row, convention: str) -> Metric:
    """The F1 of a row by a convention."""
    (found,) = (m for m in row.metrics if m.convention == convention and m.name == "synapse_f1")
    return found


def _score(metric: Metric) -> str:
    if metric.value is None:
        return f"missing: {metric.note}"
    interval = metric.interval
    return f"{metric.value:.2f}" + (
        f" ({interval.low:.2f}-{interval.high:.2f})" if interval else ""
    )


def _rates(rates: Mapping[str, float]) -> str:
    return ", ".join(f"{name} {rate:.2g}" for name, rate in rates.items())


def _ratios(row: Row, rival: Speed | None) -> list[str]:
    if rival is None or row.speed is None or row.method == FOREST:
        return ["", ""]
    ratios = row.speed.all / rival.all, row.speed.after_networks / rival.after_networks
    return [f"{ratio:.3g}" for ratio in ratios]


def _line(cells: Sequence[str]) -> str:
    return f"| {' | '.join(cells)} |"
