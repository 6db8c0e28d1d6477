"""Which objects the bits are lost in: the worst splits and the worst merges."""

import dataclasses

import numpy as np
from jaxtyping import Float64, Int64, UInt64

from ops.metrics.contingency import Contingency, sizes
from ops.metrics.information import lost_bits
from ops.metrics.overlap import Ignore, overlap_of, scored_pairs


@dataclasses.dataclass(frozen=True)
class ObjectErrors:
    """Objects and what their parts cost, worst first.

    Attributes:
        ids: of the objects.
        voxels: of each object.
        bits: its share in VI; all objects' sum to VI split, or merge.
        parts: labels of the other volume that it falls into.
        largest: the label that it shares most voxels with, and `largest_voxels` of them.
        second: the next one, 0 with 0 `second_voxels` where there is none: what was split off,
            or merged in.
    """

    ids: UInt64[np.ndarray, " objects"]
    voxels: Int64[np.ndarray, " objects"]
    bits: Float64[np.ndarray, " objects"]
    parts: Int64[np.ndarray, " objects"]
    largest: UInt64[np.ndarray, " objects"]
    largest_voxels: Int64[np.ndarray, " objects"]
    second: UInt64[np.ndarray, " objects"]
    second_voxels: Int64[np.ndarray, " objects"]

    def worst(self, number: int) -> "ObjectErrors":
        """The first `number` of those that lose any bit."""
        stop = min(number, int(np.count_nonzero(self.bits > 0)))
        return ObjectErrors(*(getattr(self, f.name)[:stop] for f in dataclasses.fields(self)))


def split_errors(table: Contingency, ignore: Ignore = "truth 0") -> ObjectErrors:
    """Every object of the truth, by what its splits cost.

    Raises:
        ValueError: where no voxel is left to score.
    """
    overlap = overlap_of(table, ignore)
    scored = scored_pairs(table, ignore)
    return _errors(scored, lost_bits(overlap.joint, overlap.truth) / overlap.total)


def merge_errors(table: Contingency, ignore: Ignore = "truth 0") -> ObjectErrors:
    """Every object of the prediction, by what its merges cost.

    Raises:
        ValueError: where no voxel is left to score.
    """
    exchanged: dict[Ignore, Ignore] = {"truth 0": "prediction 0", "prediction 0": "truth 0"}
    return split_errors(table.swapped(), exchanged.get(ignore, ignore))


def _errors(scored: Contingency, bits: Float64[np.ndarray, " pairs"]) -> ObjectErrors:
    """Pairs grouped by their truth."""
    # Each object's pairs, largest first: of two alike, the one with the lower label.
    order = np.lexsort((scored.prediction, -scored.counts, scored.truth))
    truth, other, counts = scored.truth[order], scored.prediction[order], scored.counts[order]
    ids, voxels = sizes(truth, counts)
    first = np.searchsorted(truth, ids)
    parts = np.diff(first, append=len(truth))
    following = np.minimum(first + 1, len(truth) - 1)
    several = parts > 1
    errors = ObjectErrors(
        ids=ids,
        voxels=voxels,
        bits=np.add.reduceat(bits[order], first),
        parts=parts,
        largest=other[first],
        largest_voxels=counts[first],
        second=np.where(several, other[following], np.uint64(0)),
        second_voxels=np.where(several, counts[following], 0),
    )
    worst_first = np.lexsort((ids, -errors.bits))
    return ObjectErrors(
        *(getattr(errors, field.name)[worst_first] for field in dataclasses.fields(errors))
    )
