"""What named datasets there are, and whether their files are here and intact.

    python -m data.catalog [root=FOLDER] [name=NAME]

Without a name: a table of all sets. With a name: one set in full, with its files, origin, terms
and citations. `root` defaults to the environment variable NEUROPIL_DATA. Every file that is
there is read through and compared with its SHA-256. Exit code 1 if one is damaged.
"""

import dataclasses
import sys
import textwrap
from collections.abc import Sequence
from typing import cast

from omegaconf import OmegaConf
from omegaconf.errors import OmegaConfBaseException

from data.datasets.known import DATASETS
from data.datasets.listing import WIDTH, describe_state, full_text, table
from data.datasets.loading import find_entry
from data.datasets.root import HOW_TO_SET, root_if_set
from data.datasets.verification import status


@dataclasses.dataclass
class Options:
    """Options of `python -m data.catalog`; an empty one was not given."""

    root: str = ""
    name: str = ""


def main(arguments: Sequence[str]) -> int:
    """Prints the catalog; returns the exit code (1: a file is damaged, 2: bad options)."""
    if {"--help", "-h"} & set(arguments):
        print(__doc__)
        return 0
    try:
        return print_catalog(read_options(arguments))
    except (ValueError, NotADirectoryError) as error:
        print(error, file=sys.stderr)
        return 2


def read_options(arguments: Sequence[str]) -> Options:
    """Options from `key=value` arguments.

    Raises:
        ValueError: an unknown key, or an argument that is not of that form.
    """
    if wrong := [argument for argument in arguments if "=" not in argument]:
        raise ValueError(f"got {wrong[0]!r}; needs root=FOLDER or name=NAME")
    given = dict(argument.split("=", 1) for argument in arguments)
    try:
        return cast(Options, OmegaConf.to_object(OmegaConf.merge(Options, given)))
    except OmegaConfBaseException as error:
        reason = str(error).splitlines()[0]
        raise ValueError(f"{reason}; the options are root=FOLDER and name=NAME") from error


def print_catalog(options: Options) -> int:
    """Prints the table, or the one set that is named; returns the exit code.

    Raises:
        ValueError: an unknown name.
        NotADirectoryError: a root that does not exist.
    """
    entries = [find_entry(options.name)] if options.name else list(DATASETS.values())
    root = root_if_set(options.root)
    found = {entry.name: status(entry, root) if root else () for entry in entries}
    states = {entry.name: describe_state(entry, found[entry.name], root) for entry in entries}
    if options.name:
        print(full_text(entries[0], states[options.name], found[options.name]))
    else:
        print(table(entries, states))
    if root is None:
        print(f"\n{textwrap.fill(HOW_TO_SET, WIDTH)}")
    damaged = [s for statuses in found.values() for s in statuses if s.state == "damaged"]
    for file in damaged:
        print(f"damaged: {file.file.path}: {file.detail}", file=sys.stderr)
    return 1 if damaged else 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
