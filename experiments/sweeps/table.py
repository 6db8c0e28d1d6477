"""The runs of a sweep as a table: what differs between them, and their figures."""

import csv
import dataclasses
import io
import math
import statistics
from collections.abc import Mapping, Sequence

from experiments.sweeps.runs import Run, Value

SEED = "seed"
MISSING = "missing"


@dataclasses.dataclass(frozen=True)
class Table:
    """Runs of one sweep.

    Attributes:
        runs: as they were found.
        swept: keys of the overrides that differ between them, in the order of the command line.
        figures: names of their final figures, in the order of metrics.json.
    """

    runs: Sequence[Run]
    swept: Sequence[str]
    figures: Sequence[str]


@dataclasses.dataclass(frozen=True)
class Group:
    """Runs that differ in nothing but the seed.

    Attributes:
        values: swept key, other than the seed, to its value.
        runs: those that are finished.
    """

    values: Mapping[str, str]
    runs: Sequence[Run]

    def of(self, figure: str) -> list[float | int]:
        """The figure of every run that has it."""
        found = [run.figures.get(figure) for run in self.runs if run.figures is not None]
        return [value for value in found if value is not None]


def tabulate(runs: Sequence[Run]) -> Table:
    """The table of some runs."""
    keys = dict.fromkeys(key for run in runs for key in run.overrides)
    swept = [key for key in keys if len({run.overrides.get(key) for run in runs}) > 1]
    figures = list(dict.fromkeys(name for run in runs for name in run.figures or ()))
    return Table(runs, swept, figures)


def groups_of(table: Table) -> list[Group]:
    """The table's runs by what they share beside the seed, in the order of the table."""
    keys = [key for key in table.swept if key != SEED]
    groups: dict[tuple[str, ...], list[Run]] = {}
    for run in table.runs:
        groups.setdefault(tuple(run.overrides.get(key, "") for key in keys), []).append(run)
    return [
        Group(dict(zip(keys, values, strict=True)), [r for r in runs if r.figures is not None])
        for values, runs in groups.items()
    ]


def as_csv(table: Table) -> str:
    """One row a run: its folder, `state` (done or missing), what differs, the figures in full."""
    stream = io.StringIO()
    writer = csv.writer(stream, lineterminator="\n")
    writer.writerow(["run", "state", *table.swept, *table.figures])
    for run in table.runs:
        state = MISSING if run.figures is None else "done"
        figures = [(run.figures or {}).get(name) for name in table.figures]
        writer.writerow([run.folder or "", state, *_told(table, run), *figures])
    return stream.getvalue()


def as_markdown(table: Table) -> str:
    """One row a run with rounded figures; below, where seeds differ, mean ± standard deviation.

    The deviation is that of a sample (n - 1).
    """
    header = ["run", *table.swept, *table.figures]
    rows = [[str(run.folder or ""), *_told(table, run), *_shown(table, run)] for run in table.runs]
    parts = [_markdown(header, rows, len(table.swept) + 1)]
    if SEED in table.swept:
        keys = [key for key in table.swept if key != SEED]
        over = [
            [*g.values.values(), str(len(g.runs)), *_over_seeds(table, g)] for g in groups_of(table)
        ]
        parts.append(_markdown([*keys, "seeds", *table.figures], over, len(keys)))
    return "\n".join(parts)


def _told(table: Table, run: Run) -> list[str]:
    return [run.overrides.get(key, "") for key in table.swept]


def _shown(table: Table, run: Run) -> list[str]:
    if run.figures is None:
        return [MISSING] * len(table.figures)
    return [_rounded(run.figures.get(name)) for name in table.figures]


def _over_seeds(table: Table, group: Group) -> list[str]:
    return [_spread(group.of(name)) for name in table.figures]


def _spread(values: Sequence[float | int]) -> str:
    if len(values) < 2:
        return _rounded(values[0]) if values else MISSING
    mean, deviation = statistics.mean(values), statistics.stdev(values)
    if not deviation:
        return f"{_rounded(mean)} ± 0"
    places = max(0, 1 - math.floor(math.log10(deviation)))  # two figures of the deviation
    return f"{mean:.{places}f} ± {deviation:.{places}f}"


def _rounded(value: Value) -> str:
    return "" if value is None else f"{value:.5g}"


def _markdown(header: Sequence[str], rows: Sequence[Sequence[str]], names: int) -> str:
    """A table whose first `names` columns are words."""
    cells = [[cell.replace("|", "\\|") for cell in row] for row in (header, *rows)]
    lines = ["| " + " | ".join(row) + " |" for row in cells]
    rule = "|" + " --- |" * names + " ---: |" * (len(header) - names)
    return "\n".join([lines[0], rule, *lines[1:]]) + "\n"
