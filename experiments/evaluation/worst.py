"""The worst splits and merges of a segmentation: listed, found in the volume, and shown."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Literal

import numpy as np

from data.side_by_side import read_side_by_side
from data.volume import Volume
from experiments.evaluation.cells import Cells
from experiments.evaluation.error_pictures import draw_error
from experiments.evaluation.outcome import Rows
from experiments.report.page import beside, micrograph, section, text
from ops.metrics.contingency import Contingency, merge
from ops.metrics.errors import ObjectErrors, merge_errors, split_errors

SHOWN = 6  # of each kind

Kind = Literal["split", "merge"]


@dataclasses.dataclass(frozen=True)
class WorstError:
    """One error.

    Attributes:
        kind: of it.
        object: label that is split (of the truth) or that merges (of the prediction).
        voxels: of the object.
        bits: of VI that it costs.
        parts: labels of the other side that it falls into.
        largest: the one that it shares most voxels with.
        second: the next one, with `second_voxels`: what was split off, or merged in.
        position: (z, y, x) of a voxel of the second part, in voxels of the dataset.
    """

    kind: Kind
    object: int
    voxels: int
    bits: float
    parts: int
    largest: int
    second: int
    second_voxels: int
    position: tuple[int, int, int]

    @property
    def pair(self) -> tuple[int, int]:
        """Labels of truth and prediction at the position."""
        both = self.object, self.second
        return both if self.kind == "split" else both[::-1]

    def row(self) -> dict[str, object]:
        """For a table."""
        fields = dataclasses.asdict(self)
        z, y, x = fields.pop("position")
        return {**fields, "z": z, "y": y, "x": x}


def describe_errors(
    volumes: Mapping[str, Volume], cells: Cells, tables: Sequence[Contingency], number: int
) -> tuple[dict[str, Rows], tuple[str, ...]]:
    """Tables and parts of the report: the worst splits and the worst merges."""
    table = merge(tables)
    if not np.any((table.truth != 0) & (table.prediction != 0)):
        return {}, (text("No errors are listed, as no object of one side meets one of the other."),)
    lists: dict[Kind, ObjectErrors] = {
        "split": split_errors(table).worst(number),
        # What the prediction leaves out is one label, but nothing that anyone merged.
        "merge": merge_errors(table.where(table.prediction != 0)).worst(number),
    }
    found = _locate(volumes, cells, tables, lists)
    rows: dict[str, Rows] = {
        f"worst_{kind}s": [error.row() for error in errors] for kind, errors in found.items()
    }
    parts = tuple(_gallery(volumes, kind, errors) for kind, errors in found.items())
    return rows, parts


def _locate(volumes, cells, tables, lists) -> dict[Kind, list[WorstError]]:
    """Every error with a position; of each cell, only what is needed is read."""
    pairs = {pair for kind, errors in lists.items() for pair in _pairs(kind, errors)}
    by_cell: dict[int, list[tuple[int, int]]] = {}
    for pair in pairs:
        by_cell.setdefault(_fullest_cell(tables, pair), []).append(pair)
    positions: dict[tuple[int, int], tuple[int, int, int]] = {}
    for number, wanted in sorted(by_cell.items()):
        positions |= _find(volumes, cells.place(number), wanted)
    return {
        kind: [
            WorstError(kind, *_fields(errors, i), position=positions[pair])
            for i, pair in enumerate(_pairs(kind, errors))
        ]
        for kind, errors in lists.items()
    }


def _pairs(kind: Kind, errors: ObjectErrors) -> list[tuple[int, int]]:
    """Labels (truth, prediction) of what was split off or merged in."""
    both = [errors.ids.tolist(), errors.second.tolist()]
    return list(zip(*(both if kind == "split" else both[::-1]), strict=True))


def _fields(errors: ObjectErrors, i: int) -> tuple:
    names = ("ids", "voxels", "bits", "parts", "largest", "second", "second_voxels")
    return tuple(getattr(errors, name)[i].item() for name in names)


def _fullest_cell(tables: Sequence[Contingency], pair: tuple[int, int]) -> int:
    def voxels(table: Contingency) -> int:
        same = (table.truth == pair[0]) & (table.prediction == pair[1])
        return int(table.counts[same].sum())

    return int(np.argmax([voxels(table) for table in tables]))


def _find(volumes, place, pairs) -> dict[tuple[int, int], tuple[int, int, int]]:
    """The middle voxel of every pair, in scan order, in the part where it has most voxels."""
    cell = {name: volumes[name][place] for name in ("truth", "prediction")}
    if "mask" in volumes:
        cell["mask"] = volumes["mask"][place]
    most: dict[tuple[int, int], int] = {}
    positions: dict[tuple[int, int], tuple[int, int, int]] = {}
    for part, layers in read_side_by_side(cell):
        for pair in pairs:
            same = (layers["truth"] == pair[0]) & (layers["prediction"] == pair[1])
            if "mask" in layers:
                same &= layers["mask"] != 0
            inside = np.flatnonzero(same)
            if len(inside) > most.get(pair, 0):
                most[pair] = len(inside)
                middle = np.unravel_index(inside[len(inside) // 2], same.shape)
                corner = zip(cell["truth"].offset, part, middle, strict=True)
                z, y, x = (int(o + p.start + m) for o, p, m in corner)
                positions[pair] = z, y, x
    return positions


def _gallery(volumes: Mapping[str, Volume], kind: Kind, errors: Sequence[WorstError]) -> str:
    words = {
        "split": "One object of the truth (left), and the pieces it was cut into (right).",
        "merge": "Objects of the truth (left) that one predicted object (right) holds together.",
    }
    if not errors:
        return section(f"No {kind} errors")
    pictures = [
        micrograph(
            draw_error(volumes, kind, error.pair, error.position),
            f"{'truth' if kind == 'split' else 'prediction'} {error.object}: {error.bits:.3g} bits "
            f"lost in {error.parts} parts; (z, y, x) = {error.position}",
        )
        for error in errors[:SHOWN]
    ]
    return section(f"Worst {kind}s", text(words[kind]), beside("pair", pictures))
