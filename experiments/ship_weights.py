"""Ships the weights of a training: python -m experiments.ship_weights RUN_DIR NAME"""

import sys
from collections.abc import Sequence
from pathlib import Path

from models.pretrained_weights import FOLDER

HELP = """\
python -m experiments.ship_weights RUN_DIR NAME

Copies the best weights of a finished training, at half precision, to models/pretrained/NAME, where
`weights=NAME` finds them (an edge classifier: agglomeration.classifier=NAME/edges), with a card of
what they were trained on and how well they validated; and writes the cards of all weights of that
name into its README.md.

RUN_DIR  of experiments.train; NAME  a tissue and how it was imaged, such as sstem_fly
"""


def main(arguments: Sequence[str]) -> int:
    """Ships what the command line names; returns the exit code (2: nothing to ship)."""
    if {"--help", "-h"} & set(arguments):
        print(HELP)
        return 0
    try:
        if len(arguments) != 2:
            raise ValueError(f"got {' '.join(arguments) or 'nothing'!r}; needs RUN_DIR NAME")
        # Imported late, so that --help and mistakes answer before JAX is loaded.
        from experiments.shipping import ship

        path = ship(Path(arguments[0]), FOLDER / arguments[1])
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    print(f"{path}: {path.stat().st_size / 2**20:.1f} MB")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
