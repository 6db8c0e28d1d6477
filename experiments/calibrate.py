"""Chooses how far regions are joined: python -m experiments.calibrate RUN_DIR [WEIGHTS]"""

import sys
from collections.abc import Sequence
from pathlib import Path

from experiments.reconstruction.calibration import calibrate, note_in_card
from experiments.run_record import write_json
from models.edge_classifier import is_classifier
from models.pretrained_weights import find_weights

NOTED = ("threshold", "linkage", "quantile")

HELP = """\
python -m experiments.calibrate RUN_DIR [WEIGHTS]

Takes a run directory of experiments.reconstruct whose data have true neurites, and joins its
supervoxels again with every linkage and threshold, or by a classifier with every threshold; that
costs seconds. Use a validation split:
what is chosen on a volume is no measure of it.

RUN_DIR  with region_graph/ and supervoxels.zarr
WEIGHTS  weights (a file, or shipped ones as NAME/OUTPUT), or a classifier (a run directory of
         experiments.train model=agglomeration, or a file): the best setting is noted in its card,
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
        weights = find_weights(arguments[1]) if len(arguments) == 2 else None
        learned = weights if weights and is_classifier(weights) else None
        rows = calibrate(run, learned)
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
    if weights:
        best = min(rows, key=lambda row: row["vi"])
        note_in_card(weights, {key: best[key] for key in NOTED if key in best})
        print(f"noted in {weights}")
    return 0


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
