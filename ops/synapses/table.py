"""Synapses in rows: who, to whom, where, how large, and how sure the direction is."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt64


@dataclasses.dataclass(frozen=True)
class Synapses:
    """Synapses in the order of their ids; one with several partners has a row for each.

    Attributes:
        id: of the synapse, >= 1; labels name its voxels.
        pre, post: segments; 0 where there is none.
        place_nm: mean of the cleft's voxels (z, y, x), from the corner of voxel 0.
        pre_nm, post_nm: a place in each partner near the cleft; without a partner, `place_nm`.
        size_voxels: of the cleft.
        vesicles_pre, vesicles_post: voxels of vesicles in reach, in each partner.
        polarity_confidence: that pre and post are not the other way round, in [0.5, 1]; NaN
            where nothing tells the direction.
        at_edge: whether the cleft touches the edge of the volume, so that it may be cut.
    """

    id: UInt64[np.ndarray, " n"]
    pre: UInt64[np.ndarray, " n"]
    post: UInt64[np.ndarray, " n"]
    place_nm: Float64[np.ndarray, "n 3"]
    pre_nm: Float64[np.ndarray, "n 3"]
    post_nm: Float64[np.ndarray, "n 3"]
    size_voxels: Int64[np.ndarray, " n"]
    vesicles_pre: Int64[np.ndarray, " n"]
    vesicles_post: Int64[np.ndarray, " n"]
    polarity_confidence: Float32[np.ndarray, " n"]
    at_edge: Bool[np.ndarray, " n"]

    def __len__(self) -> int:
        return len(self.id)

    @property
    def directed(self) -> Bool[np.ndarray, " n"]:
        """Which rows are edges of a directed graph: both partners and the direction are known."""
        return (self.pre != 0) & (self.post != 0) & np.isfinite(self.polarity_confidence)

    def where(self, rows: Bool[np.ndarray, " n"] | Int64[np.ndarray, " _"]) -> "Synapses":
        """The chosen rows, in the order chosen."""
        return Synapses(**{name: column[rows] for name, column in columns(self).items()})


def columns(synapses: Synapses) -> dict[str, np.ndarray]:
    """The arrays by name, as they can be stored; `Synapses(**columns)` makes the table again."""
    return {f.name: getattr(synapses, f.name) for f in dataclasses.fields(Synapses)}


def no_synapses() -> Synapses:
    """A table without rows."""
    ids, counts, places = np.zeros(0, np.uint64), np.zeros(0, np.int64), np.zeros((0, 3))
    return Synapses(
        *(ids, ids, ids, places, places, places, counts, counts, counts),
        polarity_confidence=np.zeros(0, np.float32),
        at_edge=np.zeros(0, bool),
    )


def joined(tables: Sequence[Synapses]) -> Synapses:
    """The rows of all tables, one after the other."""
    parts = [columns(table) for table in (no_synapses(), *tables)]
    return Synapses(**{name: np.concatenate([part[name] for part in parts]) for name in parts[0]})
