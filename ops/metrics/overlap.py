"""What partition metrics need of a contingency table: sizes, of the voxels that are scored."""

import dataclasses
from typing import Literal

import numpy as np
from jaxtyping import Bool, Int64, UInt64

from ops.metrics.contingency import Contingency

# Which voxels are left out: where a label is 0, in the truth, the prediction, either or both.
Ignore = Literal["nothing", "truth 0", "prediction 0", "either 0", "both 0"]


@dataclasses.dataclass(frozen=True)
class Overlap:
    """Voxels of every pair of labels, and of either label alone; at least one pair.

    Attributes:
        joint: p_ij, voxels that carry both labels of the pair.
        truth: a_i, voxels of the pair's label in the truth.
        prediction: b_j, voxels of the pair's label in the prediction.
    """

    joint: Int64[np.ndarray, " pairs"]
    truth: Int64[np.ndarray, " pairs"]
    prediction: Int64[np.ndarray, " pairs"]

    @property
    def total(self) -> int:
        """N, the voxels scored."""
        return int(self.joint.sum())


def overlap_of(table: Contingency, ignore: Ignore) -> Overlap:
    """Sizes in a table, of the voxels that are not ignored.

    Raises:
        ValueError: where no voxel is left to score.
    """
    scored = scored_pairs(table, ignore)
    if not len(scored.counts):
        raise ValueError(
            f"got no voxel to score of {table.total}, ignoring {ignore!r}; needs labels other than "
            "0: is the truth all background, or the mask empty?"
        )
    truth = _size_of_label(scored.truth, scored.counts)
    prediction = _size_of_label(scored.prediction, scored.counts)
    return Overlap(scored.counts, truth, prediction)


def scored_pairs(table: Contingency, ignore: Ignore) -> Contingency:
    """The table without the voxels that are ignored."""
    return table if ignore == "nothing" else table.where(~_ignored(table, ignore))


def _ignored(table: Contingency, ignore: Ignore) -> Bool[np.ndarray, " pairs"]:
    no_truth, no_prediction = table.truth == 0, table.prediction == 0
    match ignore:
        case "truth 0":
            return no_truth
        case "prediction 0":
            return no_prediction
        case "either 0":
            return no_truth | no_prediction
        case _:
            return no_truth & no_prediction


def _size_of_label(
    ids: UInt64[np.ndarray, " pairs"], counts: Int64[np.ndarray, " pairs"]
) -> Int64[np.ndarray, " pairs"]:
    """For each pair, the voxels of its label; float sums are exact below 2 ** 53."""
    codes = ids.astype(np.int64)
    if int(ids.max()) > 4 * len(ids) + 1024:  # too sparse to be counted by its own value
        codes = np.unique(ids, return_inverse=True)[1]
    return np.bincount(codes, counts).astype(np.int64)[codes]


def sum_of_products(counts: Int64[np.ndarray, " pairs"], sizes: Int64[np.ndarray, " pairs"]) -> int:
    """The exact sum of counts times sizes, for fewer than 2 ** 41 voxels.

    The sum of a_i ** 2 over labels is that of p_ij a_i over pairs. At 10 ** 10 voxels it outgrows
    64 bits, so that sizes are taken in two halves.
    """
    high = int((counts * (sizes >> 20)).sum())
    low = int((counts * (sizes & 0xFFFFF)).sum())
    return (high << 20) + low
