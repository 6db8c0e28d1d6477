"""The Rand family: pairs of voxels that two segmentations put together.

One name, adapted Rand error, is used for four formulas that can differ by a factor of 3; each has
its function here. All take sums of squared sizes, computed exactly.
"""

import dataclasses
from fractions import Fraction

from ops.metrics.contingency import Contingency
from ops.metrics.overlap import Overlap, overlap_of, sum_of_products


@dataclasses.dataclass(frozen=True)
class Rand:
    """Rand F-score and its parts.

    Attributes:
        precision: falls with merges; in [0, 1].
        recall: falls with splits; in [0, 1].
        error: the adapted Rand error, 1 - 2 precision recall / (precision + recall).
    """

    precision: float
    recall: float
    error: float


def rand_of_voxels(overlap: Overlap) -> Rand:
    """Sums of squares: funlib.evaluate (rand_merge, rand_split), waterz and elf.

    precision = sum p_ij^2 / sum b_j^2, recall = sum p_ij^2 / sum a_i^2.
    """
    return _rand(*_square_sums(overlap))


def rand_of_pairs(overlap: Overlap) -> Rand:
    """Pairs of different voxels: scikit-image and gala; N is taken from every sum of squares.

    scikit-image returns precision and recall exchanged. With no pair at all (labels of one voxel
    each), both sides agree and the error is 0.
    """
    joint, truth, prediction = (total - overlap.total for total in _square_sums(overlap))
    return _rand(joint, truth, prediction)


def rand_as_shipped(table: Contingency, overlap: Overlap | None = None) -> Rand:
    """The SNEMI3D script, and CREMI's after it: background of the prediction counts c / n.

    Its c voxels of truth without prediction were meant to be objects of one voxel each, which
    adds c to the sums; the published scripts add c / n, n being all voxels.

    Args:
        table: of all voxels.
        overlap: that of the table without truth 0, where it is at hand already.

    Raises:
        ValueError: where the truth is all background.
    """
    overlap = overlap or overlap_of(table, "truth 0")
    return _rand_with_background(table, overlap, Fraction(1, table.total))


def rand_of_singletons(table: Contingency, overlap: Overlap | None = None) -> Rand:
    """The same as it was meant: every such voxel is an object of its own. Equals 1 - V_Rand.

    Raises:
        ValueError: where the truth is all background.
    """
    return _rand_with_background(table, overlap or overlap_of(table, "truth 0"), Fraction(1))


def _rand_with_background(table: Contingency, overlap: Overlap, weight: Fraction) -> Rand:
    """Over voxels with truth; those without prediction add `weight` each."""
    segmented = table.prediction[table.truth != 0] != 0
    unsegmented = int(overlap.joint[~segmented].sum())
    kept = Overlap(
        overlap.joint[segmented], overlap.truth[segmented], overlap.prediction[segmented]
    )
    joint, _, prediction = _square_sums(kept)
    truth = sum_of_products(overlap.joint, overlap.truth)
    return _rand(joint + weight * unsegmented, truth, prediction + weight * unsegmented)


def _square_sums(overlap: Overlap) -> tuple[int, int, int]:
    """Sums of p_ij^2, a_i^2 and b_j^2."""
    sides = (overlap.joint, overlap.truth, overlap.prediction)
    joint, truth, prediction = (sum_of_products(overlap.joint, side) for side in sides)
    return joint, truth, prediction


def _rand(joint: int | Fraction, truth: int | Fraction, prediction: int | Fraction) -> Rand:
    return Rand(
        precision=_ratio(joint, prediction),
        recall=_ratio(joint, truth),
        error=1 - _ratio(2 * joint, truth + prediction),
    )


def _ratio(part: int | Fraction, whole: int | Fraction) -> float:
    """The share, rounded once; of nothing, all."""
    return float(Fraction(part) / Fraction(whole)) if whole else 1.0
