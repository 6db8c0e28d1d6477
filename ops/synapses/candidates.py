"""Candidates of synapses: what may be cleft, in parts of the right size along membranes."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float64, Int64, Shaped

from ops.synapses.rules import Rules
from ops.synapses.sparse import (
    STEPS_4,
    STEPS_18,
    Voxels,
    components,
    in_order_met,
    rows_of,
    voxels_of,
)

Probability = Shaped[np.ndarray, "z y x"]


@dataclasses.dataclass(frozen=True)
class Objects:
    """Sets of voxels.

    Attributes:
        voxels: of all of them, sorted.
        numbers: the object of each voxel: 0, 1, ... in the order of their first voxels.
    """

    voxels: Int64[np.ndarray, "n 3"]
    numbers: Int64[np.ndarray, " n"]

    @property
    def count(self) -> int:
        """How many objects there are."""
        return int(self.numbers.max(initial=-1)) + 1

    def split(self) -> list[Voxels]:
        """The voxels of each object."""
        order = np.argsort(self.numbers, kind="stable")
        ends = np.cumsum(np.bincount(self.numbers, minlength=self.count))
        return np.split(self.voxels[order], ends[:-1]) if self.count else []


def likely(
    probability: Shaped[np.ndarray, "*voxels"], threshold: int | float
) -> Bool[np.ndarray, "*voxels"]:
    """Where a probability, float32 in [0, 1] or uint8 (255 = 1), is at least the threshold."""
    if probability.dtype == np.uint8:
        return probability >= np.uint8(np.ceil(255 * threshold))
    return probability >= np.float32(threshold)


def pieces(cleft: Probability, rules: Rules) -> Objects:
    """The 18-connected parts of what may be cleft, before any other rule."""
    voxels = voxels_of(likely(cleft, rules.cleft_probability))
    return Objects(voxels, components(voxels, STEPS_18))


def candidates(
    found: Objects, membrane: Probability | None, size_nm: Float64[np.ndarray, " 3"], rules: Rules
) -> Objects:
    """What remains of the pieces under the rules of size and of membranes.

    Each remaining object comes from one piece, and depends on its voxels and the membrane around
    them alone.

    Args:
        found: of `pieces`.
        membrane: probability; None leaves its rule out.
        size_nm: of a voxel.
        rules: the constants.
    """
    found = _kept(found, _shorter(found, size_nm, rules) & _large(found, size_nm, rules))
    found = _where(found, _right_section(found.voxels, size_nm, rules))
    if membrane is not None:
        found = _where(found, near(found.voxels, membrane, size_nm, rules))
    found = Objects(found.voxels, components(found.voxels, STEPS_18))
    return _kept(found, _large(found, size_nm, rules) & _deep(found, rules))


def holding(found: Objects, voxels: Voxels, shape: Sequence[int]) -> Objects:
    """Those of the objects that hold one of the voxels; `shape` is that of the array."""
    numbers = found.numbers[rows_of(found.voxels, voxels, shape)]
    return _kept(found, np.isin(np.arange(found.count), numbers))


def near(
    voxels: Voxels, membrane: Probability, size_nm: Float64[np.ndarray, " 3"], rules: Rules
) -> Bool[np.ndarray, " n"]:
    """Which voxels have membrane at a distance of at most `membrane_distance_nm`."""
    is_near = np.zeros(len(voxels), bool)
    left = np.arange(len(voxels))
    for step in ball(rules.membrane_distance_nm, size_nm):  # the nearest first: few are left soon
        place = voxels[left] + step
        inside = ((place >= 0) & (place < membrane.shape)).all(axis=1)
        place = place.clip(0, np.array(membrane.shape) - 1)
        hit = inside & likely(membrane[tuple(place.T)], rules.membrane_probability)
        is_near[left[hit]] = True
        left = left[~hit]
        if not len(left):
            break
    return is_near


def ball(radius_nm: int | float, size_nm: Float64[np.ndarray, " 3"]) -> Int64[np.ndarray, "_ 3"]:
    """Steps (z, y, x) to voxel centres at most a radius away, the nearest first."""
    reach = np.floor(radius_nm / size_nm).astype(np.int64)
    steps = np.indices(2 * reach + 1).reshape(3, -1).T - reach
    away = np.square(steps * size_nm).sum(axis=1)
    order = np.argsort(away, kind="stable")
    return steps[order][away[order] <= radius_nm**2 * (1 + 1e-9)]


def boxes(found: Objects) -> tuple[Int64[np.ndarray, "objects 3"], Int64[np.ndarray, "objects 3"]]:
    """First voxels, and those after the last, of the boxes around objects."""
    starts = np.full((found.count, 3), np.iinfo(np.int64).max)
    stops = np.zeros((found.count, 3), np.int64)
    np.minimum.at(starts, found.numbers, found.voxels)
    np.maximum.at(stops, found.numbers, found.voxels + 1)
    return starts, stops


def _shorter(found, size_nm, rules: Rules) -> Bool[np.ndarray, " objects"]:
    starts, stops = boxes(found)
    return ((stops - starts) * size_nm <= rules.longest_nm).all(axis=1)


def _large(found, size_nm, rules: Rules) -> Bool[np.ndarray, " objects"]:
    voxels = np.bincount(found.numbers, minlength=found.count)
    return voxels * size_nm.prod() >= rules.least_nm3


def _deep(found, rules: Rules) -> Bool[np.ndarray, " objects"]:
    seen = np.unique(np.stack([found.numbers, found.voxels[:, 0]], axis=1), axis=0)[:, 0]
    return np.bincount(seen, minlength=found.count) >= rules.least_sections


def _right_section(voxels, size_nm, rules: Rules) -> Bool[np.ndarray, " n"]:
    parts = components(voxels, STEPS_4)
    areas = np.bincount(parts) * size_nm[1:].prod()
    return ((areas >= rules.least_section_nm2) & (areas <= rules.most_section_nm2))[parts]


def _where(found: Objects, kept: Sequence[bool] | np.ndarray) -> Objects:
    return Objects(found.voxels[kept], found.numbers[kept])


def _kept(found: Objects, objects: Bool[np.ndarray, " objects"]) -> Objects:
    left = _where(found, objects[found.numbers])
    return Objects(left.voxels, in_order_met(left.numbers))
