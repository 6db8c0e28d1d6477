"""What the slow pass did: objects flagged and divided, and scores before and after."""

import csv
from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.opening import open_volume
from data.volume import Volume
from experiments.evaluation.cells import cut
from experiments.evaluation.segmentation import count_by_cell
from experiments.reconstruction.durable import load_arrays
from experiments.reconstruction.grid import Block
from experiments.reconstruction.scoring import CONVENTION
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.joining import SEGMENTS
from experiments.reconstruction.stages.mending import MENDED, TABLE
from experiments.reconstruction.suspects import Reason
from ops.metrics.contingency import Contingency, merge
from ops.metrics.segmentation import values_by_convention

SCORES = ("vi", "vi_split", "vi_merge", "adapted_rand_error")


def read_flags(run: Path) -> list[dict[str, str]]:
    """The rows of merge_errors.csv, the likeliest error first."""
    with (run / TABLE).open() as file:
        return list(csv.DictReader(file))


def summarise_mending(run: Path, whole: Block, truth: Volume | None) -> dict[str, Any]:
    """Figures of the slow pass.

    Args:
        run: the run directory.
        whole: the one block of the stage.
        truth: neurites, where they are known.

    Returns:
        How many objects were flagged, by what reason, and divided; the share of the objects'
        voxels that was `looked_again` at; and, with a truth, the scores of the segments `before`
        and `after`, under the CREMI convention.
    """
    flags = read_flags(run)
    divided = sum(flag["action"] == "divided" for flag in flags)
    told: dict[str, Any] = {"flagged": len(flags), "divided": divided}
    told["reasons"] = {r.value: sum(flag["reason"] == r for flag in flags) for r in Reason}
    told["looked_again"] = float(load_arrays(run / MENDED, whole)["looked_again"])
    if truth is None:
        return told
    volumes = {"truth": truth, "prediction": open_volume(str(run / SUPERVOXELS))}
    cells = cut(truth.shape, (1, 1, 1))
    table = merge(count_by_cell(volumes, cells, None)["prediction"])
    for name, folder in (("before", SEGMENTS), ("after", MENDED)):
        told[name] = _scores(load_arrays(run / folder, whole), table)
    return told


def _scores(joined: Mapping[str, np.ndarray], table: Contingency) -> dict[str, float | None]:
    segments = joined["segments"][np.searchsorted(joined["nodes"], table.prediction)]
    parts = Contingency(segments, table.truth, table.counts).swapped()
    values = values_by_convention(parts, [CONVENTION])[CONVENTION]
    return {name: values[name] for name in SCORES}
