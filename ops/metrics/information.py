"""Variation of information: how many bits two segmentations keep from each other.

Meila, Comparing clusterings: an information based distance, J. Multivariate Analysis 98(5) (2007).
"""

import dataclasses

import numpy as np
from jaxtyping import Float64, Int64

from ops.metrics.overlap import Overlap


@dataclasses.dataclass(frozen=True)
class VariationOfInformation:
    """Both halves, in bits; 0 is perfect.

    Attributes:
        split: H(prediction | truth), what over-segmentation costs.
        merge: H(truth | prediction), what under-segmentation costs.
    """

    split: float
    merge: float

    @property
    def total(self) -> float:
        """Split and merge together."""
        return self.split + self.merge


def variation_of_information(overlap: Overlap) -> VariationOfInformation:
    """VI of the voxels in an overlap; every term is >= 0, so that nothing cancels.

    split = sum p_ij log2(a_i / p_ij) / N, merge = sum p_ij log2(b_j / p_ij) / N.
    """
    return VariationOfInformation(
        split=float(lost_bits(overlap.joint, overlap.truth).sum()) / overlap.total,
        merge=float(lost_bits(overlap.joint, overlap.prediction).sum()) / overlap.total,
    )


def lost_bits(
    joint: Int64[np.ndarray, " pairs"], size: Int64[np.ndarray, " pairs"]
) -> Float64[np.ndarray, " pairs"]:
    """For each pair, its voxels times the bits that tell them from the rest of their object."""
    return joint * np.log2(size / joint)
