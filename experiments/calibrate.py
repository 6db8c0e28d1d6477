"""Chooses how far regions are joined: python -m experiments.calibrate RUN_DIR [WEIGHTS]"""

import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.reconstruction.calibration import calibrate, note_in_card
from experiments.run_record import write_json

HELP = """\
python -m experiments.calibrate RUN_DIR [WEIGHTS]

Takes a run directory of experiments.reconstruct whose data have true neurites, and joins its
supervoxels again with every linkage and threshold; that costs seconds. Use a validation split:
what is chosen on a volume is no measure of it.

RUN_DIR  with region_graph/ and supervoxels.zarr
WEIGHTS  a file of weights, or shipped ones as NAME/OUTPUT: the best setting is noted in its card,
         where experiments.reconstruct finds it

Prints the best setting of each linkage, and writes RUN_DIR/calibration.json with all of them.
"""


def main(arguments: Sequence[str]) -> int:
    """Calibrates what the command line names; returns the exit code (2: nothing to calibrate)."""
    if {"--help", "-h"} & set(arguments):
        print(HELP)
        return 0
    try:
        if len(arguments) not in (1, 2):
            raise ValueError(f"got {len(arguments)} words; needs RUN_DIR [WEIGHTS] (see --help)")
        run = Path(arguments[0])
        rows = calibrate(run)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    write_json(run / "calibration.json", {"settings": rows})
    for linkage in sorted({row["name"] for row in rows}):
        found = min((row for row in rows if row["name"] == linkage), key=lambda row: row["vi"])
        print(
            f"{linkage:14} threshold {found['threshold']:.2f}: vi {found['vi']:.3f} (split "
            f"{found['vi_split']:.3f}, merge {found['vi_merge']:.3f}), adapted Rand error "
            f"{found['adapted_rand_error']:.3f}"
        )
    if len(arguments) == 2:
        best = min(rows, key=lambda row: row["vi"])
        path = note_in_card(
            arguments[1], {k: best[k] for k in ("threshold", "linkage", "quantile")}
        )
        print(f"noted in {path}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
