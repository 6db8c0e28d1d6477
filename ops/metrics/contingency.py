"""The contingency table: how many voxels carry each pair of labels (truth, prediction).

All partition metrics are functions of it. Tables of parts add up to that of the whole, with
integer counts, so that a volume of any size is scored exactly, block by block.
"""

import dataclasses
from collections.abc import Iterable

import numpy as np
from jaxtyping import Bool, Int64, Shaped, UInt64

from ops.native import extension

SLAB_VOXELS = 1 << 22  # at a time, where arrays have to be copied


@dataclasses.dataclass(frozen=True)
class Contingency:
    """Pairs of labels, each once, sorted by (truth, prediction).

    Attributes:
        truth: label in the truth.
        prediction: label in the prediction.
        counts: voxels that carry both, >= 1.
    """

    truth: UInt64[np.ndarray, " pairs"]
    prediction: UInt64[np.ndarray, " pairs"]
    counts: Int64[np.ndarray, " pairs"]

    @property
    def total(self) -> int:
        """Voxels counted."""
        return int(self.counts.sum())

    def where(self, kept: Bool[np.ndarray, " pairs"]) -> "Contingency":
        """The table of those pairs alone."""
        return Contingency(self.truth[kept], self.prediction[kept], self.counts[kept])

    def swapped(self) -> "Contingency":
        """Truth and prediction exchanged."""
        return _sum_equal(self.prediction, self.truth, self.counts)

    def truth_sizes(self) -> tuple[UInt64[np.ndarray, " ids"], Int64[np.ndarray, " ids"]]:
        """The labels of the truth, in order, and their voxels."""
        return sizes(self.truth, self.counts)

    def prediction_sizes(self) -> tuple[UInt64[np.ndarray, " ids"], Int64[np.ndarray, " ids"]]:
        """The labels of the prediction, in order, and their voxels."""
        return sizes(self.prediction, self.counts)


def count_pairs(
    truth: Shaped[np.ndarray, "..."],
    prediction: Shaped[np.ndarray, "..."],
    mask: Bool[np.ndarray, "..."] | None = None,
) -> Contingency:
    """The table of two label arrays of one shape and any integer dtype.

    Args:
        truth: labels, >= 0.
        prediction: labels, >= 0.
        mask: where to count; everywhere by default.

    Raises:
        ValueError: shapes that differ, labels that are no integers, or a negative one.
    """
    for name, labels in (("truth", truth), ("prediction", prediction)):
        check_labels(labels, name)
    if truth.shape != prediction.shape or (mask is not None and mask.shape != truth.shape):
        raise ValueError(
            f"got truth of shape {truth.shape}, prediction of {prediction.shape}"
            + (f" and a mask of {mask.shape}" if mask is not None else "")
            + "; needs one shape: crop or resample one of them first"
        )
    return merge(_count_flat(*parts) for parts in _flat_parts(truth, prediction, mask))


def merge(tables: Iterable[Contingency]) -> Contingency:
    """The table of all parts together; that of no part is empty."""
    parts = list(tables)
    if len(parts) == 1:
        return parts[0]
    empty = np.zeros(0, np.uint64), np.zeros(0, np.uint64), np.zeros(0, np.int64)
    columns = [(part.truth, part.prediction, part.counts) for part in parts] or [empty]
    return _sum_equal(*(np.concatenate(column) for column in zip(*columns, strict=True)))


def check_labels(labels: Shaped[np.ndarray, "..."], name: str) -> None:
    """Raises ValueError unless labels are whole numbers >= 0."""
    if labels.dtype.kind not in "ui":
        raise ValueError(
            f"{name}: got labels of dtype {labels.dtype}; needs integers, 0 = background: "
            "threshold probabilities, or label their connected components, first"
        )
    if labels.dtype.kind == "i" and labels.size and labels.min() < 0:
        raise ValueError(
            f"{name}: got the label {labels.min()}; needs labels >= 0, 0 = background: "
            "give what is not to be scored the label 0"
        )


def sizes(
    ids: UInt64[np.ndarray, " pairs"], counts: Int64[np.ndarray, " pairs"]
) -> tuple[UInt64[np.ndarray, " ids"], Int64[np.ndarray, " ids"]]:
    """Every id once, in order, and the sum of its counts."""
    order = np.argsort(ids, kind="stable")
    ordered = ids[order]
    starts = np.flatnonzero(np.diff(ordered, prepend=ordered[:1] ^ np.uint64(1)))
    return ordered[starts], _sum_runs(counts[order], starts)


def _sum_equal(truth, prediction, counts) -> Contingency:
    """The table of pairs that may occur more than once and in any order."""
    order = np.lexsort((prediction, truth))
    truth, prediction, counts = truth[order], prediction[order], counts[order]
    starts = _run_starts(truth, prediction)
    return Contingency(truth[starts], prediction[starts], _sum_runs(counts, starts))


def _run_starts(truth, prediction) -> Int64[np.ndarray, " runs"]:
    """Where a pair differs from the one before it."""
    changes = (truth[1:] != truth[:-1]) | (prediction[1:] != prediction[:-1])
    return np.concatenate([np.zeros(min(1, len(truth)), np.int64), np.flatnonzero(changes) + 1])


def _sum_runs(counts, starts) -> Int64[np.ndarray, " runs"]:
    return np.add.reduceat(counts, starts) if len(starts) else np.zeros(0, np.int64)


def _flat_parts(truth, prediction, mask):
    """Both arrays as one part where they lie in memory as they are; else copied slab by slab."""
    if mask is None and all(a.flags.c_contiguous and a.dtype.isnative for a in (truth, prediction)):
        yield truth.reshape(-1), prediction.reshape(-1)
        return
    truth, prediction = np.atleast_1d(truth, prediction)
    step = max(1, SLAB_VOXELS * len(truth) // max(1, truth.size))
    for start in range(0, len(truth), step):
        slab = slice(start, start + step)
        kept = slice(None) if mask is None else np.atleast_1d(mask)[slab].ravel()
        yield tuple(_native_order(a[slab]).ravel()[kept] for a in (truth, prediction))


def _native_order(labels):
    return labels.astype(labels.dtype.newbyteorder("="), copy=False)


def _count_flat(truth, prediction) -> Contingency:
    native = extension()
    if native is None:
        return merge(_count_runs(*part) for part in _slabs(truth, prediction))
    unsigned = (labels.view(f"u{labels.dtype.itemsize}") for labels in (truth, prediction))
    pairs, kinds = native.count_pairs(*unsigned), (np.uint64, np.uint64, np.int64)
    # NumPy has two types of 64 bits; what comes from C++ may be of the other one.
    return Contingency(*(column.view(kind) for column, kind in zip(pairs, kinds, strict=True)))


def _slabs(truth, prediction):
    for start in range(0, len(truth), SLAB_VOXELS):
        slab = slice(start, start + SLAB_VOXELS)
        yield truth[slab], prediction[slab]


def _count_runs(truth, prediction) -> Contingency:
    """Neighbouring voxels mostly carry the same pair: only their runs are sorted."""
    starts = _run_starts(truth, prediction)
    lengths = np.diff(starts, append=len(truth))
    return _sum_equal(
        truth[starts].astype(np.uint64), prediction[starts].astype(np.uint64), lengths
    )
