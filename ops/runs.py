"""Runs of equal ids along x: a segmentation has far fewer of them than voxels."""

import dataclasses

import numpy as np
from jaxtyping import Int64, UInt


@dataclasses.dataclass(frozen=True)
class Runs:
    """The runs of an array of labels, in C order; background has runs too.

    Attributes:
        ids: of each run.
        first: flat index of its first voxel.
        lengths: its voxels.
        shape: of the array.
    """

    ids: UInt[np.ndarray, " runs"]
    first: Int64[np.ndarray, " runs"]
    lengths: Int64[np.ndarray, " runs"]
    shape: tuple[int, ...]

    def painted(self, values: np.ndarray) -> np.ndarray:
        """An array of this shape with a value for each run: `ids` give the labels again."""
        return np.repeat(values, self.lengths).reshape(self.shape)

    def counted(
        self, ids: UInt[np.ndarray, " runs"]
    ) -> tuple[UInt[np.ndarray, " _"], Int64[np.ndarray, " _"]]:
        """Distinct ids in order, and the voxels of each, if these were the ids of the runs."""
        distinct, which = np.unique(ids, return_inverse=True)
        # Sums of whole numbers below 2 ** 53 are exact.
        return distinct, np.bincount(which, self.lengths, len(distinct)).astype(np.int64)


def find_runs(labels: UInt[np.ndarray, "*space x"]) -> Runs:
    """The runs of labels (ids of any size) along their last axis."""
    begins = np.ones(labels.shape, bool)
    np.not_equal(labels[..., 1:], labels[..., :-1], out=begins[..., 1:])
    first = np.flatnonzero(begins).astype(np.int64)
    return Runs(labels[begins], first, np.diff(first, append=labels.size), labels.shape)
