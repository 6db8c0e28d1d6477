"""What one lattice cell of the phantom is rendered from, and what it becomes; lengths in nm."""

import dataclasses

import jax
import numpy as np
from jaxtyping import Array, Float, Int, UInt8, UInt32

from data.synthetic.field import AnyArray

MEMBRANE, MITOCHONDRION = 1, 2  # bits of Rendered.flags


@dataclasses.dataclass(frozen=True)
class Geometry:
    """What all cells share; hashable, fixed when the kernel is compiled."""

    cell_voxels: tuple[int, int, int]
    stride: tuple[int, int, int]
    voxel_nm: tuple[float, float, float]
    spread_nm: float
    extracellular_nm: float
    membrane_nm: float
    cleft_nm: float
    membrane_contrast: float

    @property
    def samples(self) -> tuple[int, ...]:
        """Samples along each axis, both faces of the cell included where they interpolate."""
        return tuple(c // s + (s > 1) for c, s in zip(self.cell_voxels, self.stride, strict=True))

    def places(self) -> list[np.ndarray]:
        """Coordinates in nm of the samples along each axis."""
        return [
            ((np.arange(n) * s + (0.5 if s == 1 else 0)) * v).astype(np.float32)
            for n, s, v in zip(self.samples, self.stride, self.voxel_nm, strict=True)
        ]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Cell:
    """What one cell's voxels depend on; arrays of several cells carry a leading axis.

    Neurites near the cell have slots 0 to l - 1. Lists are padded: a synapse with
    slots -1 matches no neurite, a capsule of radius 0 holds nothing.
    """

    corner: Float[AnyArray, "*c 3"]  # of the cell, nm from the volume's corner
    site: Float[AnyArray, "*c k 3"]
    log_weight: Float[AnyArray, "*c k"]
    member: Float[AnyArray, "*c l k"]
    label: UInt32[AnyArray, "*c l"]
    tone: Float[AnyArray, "*c l"]
    grain: Float[AnyArray, "*c l"]
    ripples: Float[AnyArray, "*c n n n 3"]
    bend: Float[AnyArray, "*c 2 2 2 3"]
    shift: Float[AnyArray, "*c samples 2"]
    blur: Float[AnyArray, "*c z"]
    capsule_start: Float[AnyArray, "*c m 3"]
    capsule_stop: Float[AnyArray, "*c m 3"]
    capsule_radius: Float[AnyArray, "*c m"]
    synapse_centre: Float[AnyArray, "*c s 3"]
    synapse_radius: Float[AnyArray, "*c s"]
    synapse_pre: Int[AnyArray, "*c s"]
    synapse_post: Int[AnyArray, "*c s"]
    synapse_label: UInt32[AnyArray, "*c s"]
    seed: Int[AnyArray, "*c"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Rendered:
    """Voxels: neurite labels (0: extracellular), bits, synapse labels, intensity, texture."""

    neurite: UInt32[Array, "*voxels"]
    flags: UInt8[Array, "*voxels"]
    cleft: UInt32[Array, "*voxels"]
    intensity: Float[Array, "*voxels"]
    grain: Float[Array, "*voxels"]


@jax.tree_util.register_dataclass
@dataclasses.dataclass(frozen=True)
class Smooth:
    """Fields of one cell that are sampled, then interpolated; lengths in nm.

    Depth inside mitochondria (negative outside) and place along them, endoplasmic reticulum
    (0 to 1), and the distance from the middle of each synapse.
    """

    mitochondrion: Float[Array, "*c z y x"]
    along: Float[Array, "*c z y x"]
    reticulum: Float[Array, "*c z y x"]
    from_synapse: Float[Array, "*c s z y x"]
