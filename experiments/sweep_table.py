"""Gathers the runs of a sweep: python -m experiments.sweep_table DIR [metric=NAME]"""

import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.run_record import write_text
from experiments.sweeps.runs import find_runs
from experiments.sweeps.table import Table, as_csv, as_markdown, tabulate

HELP = """\
python -m experiments.sweep_table DIR [metric=NAME]

Gathers the runs of the sweep in the folder DIR (hydra.sweep.dir; by default multirun/NAME/TIME, as
python -m experiments.train -m seed=0,1,2 leaves it): what differs between them and the final
figures of each, with mean ± standard deviation where seeds differ. It may be half done: runs that
are not finished, or not begun, are listed as missing.

metric=NAME  what the plot shows; default: the first figure of metrics.json

Prints the table, and writes into DIR
  sweep.csv            one row a run, figures in full
  sweep.md             the table as printed
  sweep.png sweep.pdf  the figure against the first key that was swept, its runs as points
"""


def main(arguments: Sequence[str]) -> int:
    """Gathers what the command line names; returns the exit code (2: nothing to gather)."""
    if {"--help", "-h"} & set(arguments):
        print(HELP)
        return 0
    try:
        folder, metric = read_options(arguments)
        table = tabulate(find_runs(folder))
        write_table(table, folder, metric)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(as_markdown(table))
    print(f"table: {folder / 'sweep.csv'}")
    return 0


def read_options(arguments: Sequence[str]) -> tuple[Path, str | None]:
    """DIR, and the metric to plot, if one is named.

    Raises:
        ValueError: a missing DIR or an unknown option.
    """
    if not arguments or arguments[0].startswith("metric="):
        raise ValueError(f"got {' '.join(arguments) or 'nothing'!r}; needs DIR (see --help)")
    folder, *settings = arguments
    odd = [word for word in settings if not word.startswith("metric=")]
    if odd:
        raise ValueError(f"got {odd[0]!r} after DIR; needs metric=NAME (see --help)")
    return Path(folder), settings[-1].removeprefix("metric=") if settings else None


def write_table(table: Table, folder: Path, metric: str | None) -> None:
    """Writes the table and, if a run is finished, the plot.

    Raises:
        ValueError: a metric that no run has.
    """
    if metric is not None and metric not in table.figures:
        known = ", ".join(table.figures) or "none, as no run is finished"
        raise ValueError(f"got metric={metric}; needs one of the runs' figures: {known}")
    # Imported late, so that --help and mistakes answer before Matplotlib is loaded.
    from matplotlib import rc_context

    from experiments.drawings.style import STYLE, UNDATED
    from experiments.sweeps.plot import draw_sweep

    write_text(folder / "sweep.csv", as_csv(table))
    write_text(folder / "sweep.md", as_markdown(table))
    if table.figures:
        with rc_context(STYLE):
            figure = draw_sweep(table, metric or table.figures[0])
            figure.savefig(folder / "sweep.png", dpi=200)
            figure.savefig(folder / "sweep.pdf", metadata=UNDATED)


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
