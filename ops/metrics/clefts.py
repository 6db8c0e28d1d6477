"""Distances between the synaptic clefts of a truth and of a prediction, as CREMI scores them.

Source: CREMI challenge, synaptic clefts, 2016, cremi.org; github.com/cremi/cremi_python,
cremi/evaluation/Clefts.py. Clefts are sparse: distances come from a k-d tree of their voxels, not
from a transform of the volume, and blocks are collected one by one (`collect_clefts`,
`join_clefts`), so that a volume of any size is scored exactly.

CREMI files write background as 2**64 - 1, and 2**64 - 2 in the truth where a voxel is not to be
scored: give `labels < 2**64 - 2` as the clefts, and `truth == 2**64 - 2` as `ignore`.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped
from scipy import ndimage
from scipy.spatial import KDTree

from ops.metrics.contingency import check_labels
from ops.metrics.metric import Metric
from ops.metrics.positions import check_voxel_size


@dataclasses.dataclass(frozen=True)
class CleftVoxels:
    """What one block, or several, contribute to the scores; coordinates are (z, y, x) in voxels.

    Attributes:
        both: number of voxels that are cleft in truth and prediction.
        truth_only: voxels that are cleft in the truth alone.
        prediction_only: voxels that are cleft in the prediction alone.
        truth_boundary: `boundary_voxels` of the truth.
        prediction_boundary: `boundary_voxels` of the prediction.
    """

    both: int
    truth_only: Int64[np.ndarray, "t 3"]
    prediction_only: Int64[np.ndarray, "p 3"]
    truth_boundary: Int64[np.ndarray, "tb 3"]
    prediction_boundary: Int64[np.ndarray, "pb 3"]


@dataclasses.dataclass(frozen=True)
class DistanceSummary:
    """Of distances in nm, >= 0; all four are 0 if there is none, and inf if one is infinite.

    The standard deviation is that of the population (divided by n, as CREMI does).
    """

    mean: float
    std: float
    median: float
    maximum: float


@dataclasses.dataclass(frozen=True)
class CleftScores:
    """How far the clefts of a prediction are from those of the truth.

    Without predicted clefts, where there are true ones, every true voxel is a false negative at
    an infinite distance, there is no false positive, and the cleft score is inf (CREMI's code
    fails); so too the other way round. With no cleft in either, all is 0.

    Attributes:
        truth_voxels: cleft voxels of the truth.
        prediction_voxels: cleft voxels of the prediction.
        false_positives: predicted voxels farther from the truth than the threshold.
        false_negatives: true voxels farther from the prediction than the threshold.
        prediction_to_truth: distances of all predicted voxels to the nearest true one.
        truth_to_prediction: distances of all true voxels to the nearest predicted one.
        threshold_nm: a voxel at exactly this distance still counts as right.
    """

    truth_voxels: int
    prediction_voxels: int
    false_positives: int
    false_negatives: int
    prediction_to_truth: DistanceSummary
    truth_to_prediction: DistanceSummary
    threshold_nm: float

    @property
    def cleft_score(self) -> float:
        """Half the sum of the two mean distances, in nm; lower is better."""
        return (self.prediction_to_truth.mean + self.truth_to_prediction.mean) / 2


def score_clefts(
    truth: Shaped[np.ndarray, "z y x"],
    prediction: Shaped[np.ndarray, "z y x"],
    voxel_size_nm: Sequence[int | float],
    threshold_nm: int | float = 200.0,
    ignore: Bool[np.ndarray, "z y x"] | None = None,
) -> CleftScores:
    """The scores of two whole arrays.

    Args:
        truth: cleft where it is not 0 or False; booleans, or integers >= 0.
        prediction: likewise.
        voxel_size_nm: edge lengths (z, y, x), in nm.
        threshold_nm: farthest that a voxel may be from the other's clefts and count as right.
        ignore: True where neither is a cleft, whatever it says.

    Raises:
        ValueError: shapes that differ, floats, negative labels, or lengths out of range.
    """
    voxels = collect_clefts(truth, prediction, ignore=ignore)
    return score_cleft_voxels(voxels, voxel_size_nm, threshold_nm)


def collect_clefts(
    truth: Shaped[np.ndarray, "z y x"],
    prediction: Shaped[np.ndarray, "z y x"],
    offset: Sequence[int] = (0, 0, 0),
    ignore: Bool[np.ndarray, "z y x"] | None = None,
) -> CleftVoxels:
    """What a block whose first voxel lies at the offset (z, y, x) contributes.

    Blocks must not overlap. Arguments and errors are those of `score_clefts`.
    """
    if truth.shape != prediction.shape:
        raise ValueError(
            f"got truth of shape {truth.shape}, prediction of {prediction.shape}; needs one shape: "
            "crop or resample one of them first"
        )
    true, predicted = _cleft_mask(truth, ignore), _cleft_mask(prediction, ignore)
    return CleftVoxels(
        both=int(np.count_nonzero(true & predicted)),
        truth_only=cleft_voxels(true & ~predicted, offset),
        prediction_only=cleft_voxels(predicted & ~true, offset),
        truth_boundary=boundary_voxels(true, offset),
        prediction_boundary=boundary_voxels(predicted, offset),
    )


def join_clefts(parts: Iterable[CleftVoxels]) -> CleftVoxels:
    """What all blocks contribute together; that of no block is empty."""
    parts = list(parts)
    empty = np.zeros((0, 3), np.int64)
    names = ("truth_only", "prediction_only", "truth_boundary", "prediction_boundary")
    joined = {
        name: np.concatenate([empty, *(getattr(part, name) for part in parts)]) for name in names
    }
    return CleftVoxels(both=sum(part.both for part in parts), **joined)


def score_cleft_voxels(
    voxels: CleftVoxels, voxel_size_nm: Sequence[int | float], threshold_nm: int | float = 200.0
) -> CleftScores:
    """The scores of all that was collected; arguments and errors are those of `score_clefts`."""
    if not (math.isfinite(threshold_nm) and threshold_nm >= 0):
        raise ValueError(f"got threshold_nm={threshold_nm}; needs a finite length in nm, >= 0")
    truth_to_prediction, prediction_to_truth = (
        np.concatenate([np.zeros(voxels.both), distances_nm(outside, boundary, voxel_size_nm)])
        for outside, boundary in (
            (voxels.truth_only, voxels.prediction_boundary),
            (voxels.prediction_only, voxels.truth_boundary),
        )
    )
    return CleftScores(
        truth_voxels=len(truth_to_prediction),
        prediction_voxels=len(prediction_to_truth),
        false_positives=int(np.count_nonzero(prediction_to_truth > threshold_nm)),
        false_negatives=int(np.count_nonzero(truth_to_prediction > threshold_nm)),
        prediction_to_truth=_summary(prediction_to_truth),
        truth_to_prediction=_summary(truth_to_prediction),
        threshold_nm=float(threshold_nm),
    )


def cleft_voxels(
    clefts: Shaped[np.ndarray, "z y x"],
    offset: Sequence[int] = (0, 0, 0),
    ignore: Bool[np.ndarray, "z y x"] | None = None,
) -> Int64[np.ndarray, "n 3"]:
    """Coordinates (z, y, x) of the cleft voxels of a block whose first voxel is at the offset.

    Args:
        clefts: booleans, or integers >= 0 that are 0 outside clefts.
        offset: voxel coordinates (z, y, x) of the block.
        ignore: True where there is no cleft, whatever `clefts` says.

    Raises:
        ValueError: floats, negative labels, or an `ignore` of another shape.
    """
    return np.argwhere(_cleft_mask(clefts, ignore)) + np.array(offset, np.int64)


def boundary_voxels(
    clefts: Shaped[np.ndarray, "z y x"],
    offset: Sequence[int] = (0, 0, 0),
    ignore: Bool[np.ndarray, "z y x"] | None = None,
) -> Int64[np.ndarray, "n 3"]:
    """Coordinates of the cleft voxels with a 6-neighbour that is no cleft, or beyond the block.

    These are all that distances from outside need: of a set, let v be the voxel nearest to x
    outside it. They differ along some axis; the neighbour of v one step towards x along it is
    nearer to x, whatever the voxel size, so it cannot be in the set, and v is on its boundary.

    Arguments and errors are those of `cleft_voxels`.
    """
    mask = _cleft_mask(clefts, ignore)
    return np.argwhere(mask & ~ndimage.binary_erosion(mask)) + np.array(offset, np.int64)


def distances_nm(
    from_voxels: Int64[np.ndarray, "n 3"],
    to_voxels: Int64[np.ndarray, "m 3"],
    voxel_size_nm: Sequence[int | float],
) -> Float64[np.ndarray, " n"]:
    """Distance of each voxel's centre to the nearest of the others', in nm; inf if there is none.

    The boundary of a set stands in for the whole of it only as seen from outside: leave out the
    `from_voxels` inside the set, whose distance is 0, as `collect_clefts` does.

    Raises:
        ValueError: unless the voxel size is three finite lengths > 0.
    """
    size = check_voxel_size(voxel_size_nm)
    if len(to_voxels) == 0:
        return np.full(len(from_voxels), np.inf)
    _, nearest = KDTree(to_voxels * size).query(from_voxels * size)
    # From whole steps, so that a distance does not depend on where in the volume it was taken.
    return np.linalg.norm((from_voxels - to_voxels[nearest]) * size, axis=1)


def cleft_metrics(scores: CleftScores) -> tuple[Metric, ...]:
    """The scores under the convention "cremi2016": distances in nm, errors in voxels."""
    values = {
        "cleft_score": (scores.cleft_score, "nm"),
        "cleft_false_positives": (float(scores.false_positives), "voxels"),
        "cleft_false_negatives": (float(scores.false_negatives), "voxels"),
    }
    for side in ("prediction_to_truth", "truth_to_prediction"):
        for name, value in dataclasses.asdict(getattr(scores, side)).items():
            values[f"cleft_{side}_{name}"] = (value, "nm")
    return tuple(_metric(name, *value, scores) for name, value in values.items())


def _metric(name: str, value: float, unit: str, scores: CleftScores) -> Metric:
    return Metric(
        name=name,
        value=value,
        convention="cremi2016",
        unit=unit,
        better="lower",
        counts={
            "truth_voxels": scores.truth_voxels,
            "prediction_voxels": scores.prediction_voxels,
        },
        settings={"threshold_nm": scores.threshold_nm},
        note=_note(scores),
    )


def _note(scores: CleftScores) -> str:
    if scores.truth_voxels and scores.prediction_voxels:
        return ""
    if not scores.truth_voxels and not scores.prediction_voxels:
        return "no cleft in truth or prediction: all is 0"
    empty = "prediction" if scores.truth_voxels else "truth"
    return f"no cleft in the {empty}: infinitely far from any voxel"


def _cleft_mask(clefts, ignore) -> Bool[np.ndarray, "z y x"]:
    if clefts.dtype != bool:
        check_labels(clefts, "clefts")
        clefts = clefts != 0
    if ignore is None:
        return clefts
    if ignore.shape != clefts.shape:
        raise ValueError(
            f"got ignore of shape {ignore.shape}; needs that of the clefts, {clefts.shape}"
        )
    return clefts & ~ignore


def _summary(distances) -> DistanceSummary:
    if len(distances) == 0:
        return DistanceSummary(0.0, 0.0, 0.0, 0.0)
    if np.isinf(distances).any():
        return DistanceSummary(math.inf, math.inf, math.inf, math.inf)
    statistics = (np.mean, np.std, np.median, np.max)
    return DistanceSummary(*(float(statistic(distances)) for statistic in statistics))
