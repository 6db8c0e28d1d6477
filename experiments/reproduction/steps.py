"""One step of an experiment: a run of an entry point, and how its rows are gathered."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path

from experiments.stored_results import Row

Labels = Mapping[str, str]
Gather = Callable[[Path, Labels], Sequence[Row]]
RUN = "{run}"  # in overrides: the run directory of all steps


@dataclasses.dataclass(frozen=True)
class Step:
    """A command, and what is taken from its folder.

    Attributes:
        name: of its folder in the run directory.
        module: entry point, as in `python -m experiments.MODULE`.
        overrides: separated by blanks; `RUN` in them stands for the run directory.
        gather: makes rows of the step's folder; None where later steps alone use it.
        labels: columns that tell its rows from those of others.
        data: name of the dataset that has to be here; empty for what needs none.
    """

    name: str
    module: str
    overrides: str
    gather: Gather | None = None
    labels: Labels = dataclasses.field(default_factory=dict)
    data: str = ""

    def words(self, run: str) -> list[str]:
        """The overrides, with the place of the run directory."""
        return [word.replace(RUN, run) for word in self.overrides.split()]
