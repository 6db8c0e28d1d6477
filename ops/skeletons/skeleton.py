"""A skeleton: a neuron as a tree of nodes."""

import dataclasses

import numpy as np
from jaxtyping import Float, Int


@dataclasses.dataclass(frozen=True)
class Skeleton:
    """A tree, or several.

    Attributes:
        positions_nm: node coordinates (z, y, x) in nm.
        parents: row of each node's parent; -1 at a root.
        radii_nm: distance of each node to the surface, in nm.
    """

    positions_nm: Float[np.ndarray, "n 3"]
    parents: Int[np.ndarray, " n"]
    radii_nm: Float[np.ndarray, " n"]

    def length_nm(self) -> float:
        """Summed length of the edges, in nm."""
        child = np.flatnonzero(self.parents >= 0)
        steps = self.positions_nm[child] - self.positions_nm[self.parents[child]]
        return float(np.linalg.norm(steps, axis=1).sum())
