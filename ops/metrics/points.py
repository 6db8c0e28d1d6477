"""Point-like things, such as vesicles: where they are, and which of them were found.

Positions (z, y, x) are in nm from the corner of voxel 0 of the dataset, as everywhere in the
project: voxel i spans [i, i + 1) voxel sizes, and its centre lies at (i + 0.5) voxel sizes.
"""

import dataclasses
import math
from collections.abc import Iterable, Sequence

import numpy as np
from jaxtyping import Float64, Int64, Integer, UInt64
from scipy.spatial import KDTree

from ops.metrics.assignment import heaviest_matching
from ops.metrics.contingency import check_labels
from ops.metrics.matches import Matches, match_metrics
from ops.metrics.metric import Metric, Setting
from ops.metrics.positions import check_voxel_size

CONVENTION = "one_to_one_distance"


@dataclasses.dataclass(frozen=True)
class PointMatch:
    """What was found, and by what.

    Attributes:
        matches: points matched, predicted points left over, and true ones missed.
        pairs: row numbers (in the truth, in the prediction) of the points matched, sorted.
        distances_nm: how far the points of each pair are apart.
    """

    matches: Matches
    pairs: Int64[np.ndarray, "k 2"]
    distances_nm: Float64[np.ndarray, " k"]


@dataclasses.dataclass(frozen=True)
class CentreSums:
    """What the centres of objects are made of; those of blocks add up (`merge_centres`).

    Sums are exact as long as an object's voxels times the volume's longest side is below 2^63.

    Attributes:
        ids: of the objects, > 0, each once, in order.
        counts: voxels of each, >= 1.
        sums: of its voxels' coordinates (z, y, x), in voxels of the dataset.
    """

    ids: UInt64[np.ndarray, " objects"]
    counts: Int64[np.ndarray, " objects"]
    sums: Int64[np.ndarray, "objects 3"]

    def positions_nm(
        self, voxel_size_nm: Sequence[int | float]
    ) -> Float64[np.ndarray, "objects 3"]:
        """Centres of mass of the objects (z, y, x), in nm.

        Raises:
            ValueError: unless the voxel size is three finite numbers > 0.
        """
        return (self.sums / self.counts[:, None] + 0.5) * check_voxel_size(voxel_size_nm)


def match_points(
    truth_nm: Float64[np.ndarray, "n 3"],
    prediction_nm: Float64[np.ndarray, "m 3"],
    max_distance_nm: int | float,
) -> PointMatch:
    """The one-to-one matching with most pairs, and of those the one of least summed distance.

    Exact, up to rounding. Time and memory grow with the pairs in reach of each other.

    Args:
        truth_nm: true points (z, y, x), in nm.
        prediction_nm: predicted points, in the same frame.
        max_distance_nm: farthest that two matched points may be apart, >= 0; in reach at exactly
            this distance.

    Raises:
        ValueError: a point that is not three finite numbers, or a distance out of range.
    """
    limit = _check_distance(max_distance_nm)
    _check_points(truth_nm, "truth")
    _check_points(prediction_nm, "prediction")
    pairs, distances = _pairs_in_reach(truth_nm, prediction_nm, limit)
    # All distances of a matching together take off at most 1/2: one more pair is always better.
    most = max(1, min(len(truth_nm), len(prediction_nm)))
    weights = 1 - distances / (limit or 1.0) / (2 * most)
    chosen = heaviest_matching(pairs[:, 0], pairs[:, 1], weights)
    matches = Matches(len(chosen), len(prediction_nm) - len(chosen), len(truth_nm) - len(chosen))
    return PointMatch(matches, pairs[chosen], distances[chosen])


def centres_nm(
    labels: Integer[np.ndarray, "z y x"],
    voxel_size_nm: Sequence[int | float],
    offset: Sequence[int] = (0, 0, 0),
) -> tuple[UInt64[np.ndarray, " objects"], Float64[np.ndarray, "objects 3"]]:
    """Ids of the objects in an array, and their centres of mass (z, y, x) in nm.

    Args:
        labels: objects, 0 = background.
        voxel_size_nm: edge lengths (z, y, x), in nm.
        offset: voxel coordinates (z, y, x) of the array's first voxel in the dataset.

    Raises:
        ValueError: labels that are no integers >= 0, or a voxel size out of range.
    """
    sums = centre_sums(labels, offset)
    return sums.ids, sums.positions_nm(voxel_size_nm)


def centre_sums(
    labels: Integer[np.ndarray, "z y x"], offset: Sequence[int] = (0, 0, 0)
) -> CentreSums:
    """What a block contributes to the centres of its objects; takes 40 bytes an object voxel.

    Arguments and errors are those of `centres_nm`.
    """
    check_labels(labels, "labels")
    place = np.nonzero(labels)
    ids, row = np.unique(labels[place], return_inverse=True)
    counts = np.bincount(row, minlength=len(ids))
    # Sums of a block's own coordinates stay below 2^53, where floats are exact.
    local = [np.bincount(row, axis, minlength=len(ids)).astype(np.int64) for axis in place]
    sums = np.stack(local, axis=1) + counts[:, None] * np.array(offset, np.int64)
    return CentreSums(ids.astype(np.uint64), counts.astype(np.int64), sums)


def merge_centres(parts: Iterable[CentreSums]) -> CentreSums:
    """The sums of all blocks together; those of no block are empty."""
    parts = list(parts)
    every = np.concatenate([np.zeros(0, np.uint64), *(part.ids for part in parts)])
    ids, row = np.unique(every, return_inverse=True)
    counts, sums = np.zeros(len(ids), np.int64), np.zeros((len(ids), 3), np.int64)
    if parts:
        np.add.at(counts, row, np.concatenate([part.counts for part in parts]))
        np.add.at(sums, row, np.concatenate([part.sums for part in parts]))
    return CentreSums(ids, counts, sums)


def point_metrics(
    truth_nm: Float64[np.ndarray, "n 3"],
    prediction_nm: Float64[np.ndarray, "m 3"],
    max_distance_nm: int | float,
) -> tuple[Metric, ...]:
    """Precision, recall, F1 and mean distance of the matches: convention "one_to_one_distance".

    Sets without points score as `Matches` says. Arguments and errors are those of `match_points`.
    """
    match = match_points(truth_nm, prediction_nm, max_distance_nm)
    settings: dict[str, Setting] = {"max_distance_nm": float(max_distance_nm)}
    found = len(match.pairs)
    distance = Metric(
        name="mean_match_distance",
        value=float(match.distances_nm.mean()) if found else None,
        convention=CONVENTION,
        unit="nm",
        better="lower",
        counts={"matches": found},
        settings=settings,
        note="" if found else "no point was matched",
    )
    return (*match_metrics(match.matches, CONVENTION, "centre_", settings), distance)


def _pairs_in_reach(truth, prediction, limit):
    """Row numbers of points at most the limit apart, sorted, and their distances."""
    # The tree's distances may be off by a rounding error: it looks a bit farther than asked.
    reach = np.nextafter(limit * (1 + 1e-9), np.inf)
    near = KDTree(truth).sparse_distance_matrix(KDTree(prediction), reach, output_type="ndarray")
    pairs = np.stack([near["i"], near["j"]], axis=1).astype(np.int64)
    pairs = pairs[np.lexsort((pairs[:, 1], pairs[:, 0]))]
    distances = np.linalg.norm(truth[pairs[:, 0]] - prediction[pairs[:, 1]], axis=1)
    return pairs[distances <= limit], distances[distances <= limit]


def _check_distance(max_distance_nm) -> float:
    if not (math.isfinite(max_distance_nm) and max_distance_nm >= 0):
        raise ValueError(
            f"got max_distance_nm={max_distance_nm}; needs a finite length in nm, >= 0"
        )
    return float(max_distance_nm)


def _check_points(points, name: str) -> None:
    if points.ndim != 2 or points.shape[1] != 3 or not np.isfinite(points).all():
        raise ValueError(
            f"{name}: got points of shape {points.shape}; needs (n, 3): three finite numbers "
            "(z, y, x) in nm for each"
        )
