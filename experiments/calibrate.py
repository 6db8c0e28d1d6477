"""Chooses constants where the truth is known: python -m experiments.calibrate RUN_DIR [WEIGHTS]"""

import dataclasses
import sys
from collections.abc import Sequence
from pathlib import Path

from models.pretrained_weights import find_weights

NOTED = ("threshold", "linkage", "quantile")

HELP = """\
python -m experiments.calibrate RUN_DIR [WEIGHTS]
python -m experiments.calibrate synapses RUN_DIR [WEIGHTS]

The first takes a run directory of experiments.reconstruct whose data have true neurites, and joins
its supervoxels again with every linkage and threshold, or by a classifier with every threshold;
that costs seconds. The second takes one with maps of clefts whose data have true clefts, and looks
for synapses again by other rules, for minutes, with the maps in memory. Use a validation split:
what is chosen on a volume is no measure of it.

RUN_DIR  with region_graph/ and supervoxels.zarr, or with cleft_probability.zarr
WEIGHTS  weights (a file, or shipped ones as NAME/OUTPUT), for synapses those of clefts, or a
         classifier (a run directory of experiments.train model=agglomeration, or a file): the best
         setting is noted in its card, where experiments.reconstruct finds it

Prints the best setting, and writes RUN_DIR/calibration.json or synapse_calibration.json with all
that were tried.
"""


def main(arguments: Sequence[str]) -> int:
    """Calibrates what the command line names; returns the exit code (2: nothing to calibrate)."""
    if {"--help", "-h"} & set(arguments):
        print(HELP)
        return 0
    of_synapses = list(arguments[:1]) == ["synapses"]
    words = list(arguments[1:] if of_synapses else arguments)
    try:
        if len(words) not in (1, 2):
            raise ValueError(f"got {len(words)} words; needs RUN_DIR [WEIGHTS] (see --help)")
        how = _synapses if of_synapses else _segmentation
        how(Path(words[0]), find_weights(words[1]) if len(words) == 2 else None)
    except (FileNotFoundError, ValueError) as error:
        print(error, file=sys.stderr)
        return 2
    return 0


def _synapses(run: Path, weights: Path | None) -> None:
    # Imported late here and below, so that --help and mistakes answer before JAX is loaded.
    from experiments.reconstruction.calibration import note_in_card
    from experiments.reconstruction.synapse_calibration import calibrate_synapses, unusual
    from experiments.run_record import write_json

    rules, rows = calibrate_synapses(run)
    write_json(run / "synapse_calibration.json", {"settings": rows})
    best = {name: value for name, value in rows[-1].items() if name not in _constants(rules)}
    print(", ".join(f"{name} {value:.3f}" for name, value in best.items()))
    print(" ".join(f"synapses.rules.{name}={value}" for name, value in unusual(rules).items()))
    if weights:
        note_in_card(weights, "synapse_rules", dataclasses.asdict(rules))
        print(f"noted in {weights}")


def _constants(rules) -> set[str]:
    return {field.name for field in dataclasses.fields(rules)}


def _segmentation(run: Path, weights: Path | None) -> None:
    from experiments.reconstruction.calibration import calibrate, note_in_card
    from experiments.run_record import write_json
    from models.edge_classifier import is_classifier

    rows = calibrate(run, weights if weights and is_classifier(weights) else None)
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
        note_in_card(weights, "agglomeration", {key: best[key] for key in NOTED if key in best})
        print(f"noted in {weights}")


if __name__ == "__main__":
    sys.exit(main(sys.argv[1:]))
