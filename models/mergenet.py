"""MergeNet: whether an object has a merge error in a window, from its shape alone.

After Rolnick et al., "Morphological Error Detection in 3D Segmentations" (arXiv:1705.10882): pairs
of convolutions with pooling between them, and a sigmoid. Their layers are not known; these are
ours: convolutions through `ops.winograd`, voxels folded two by two by two, so that the first level
costs an eighth, and global pooling with a look at the centre, in place of fully connected layers.
"""

import dataclasses
import itertools
import math

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float32

from models.head import head
from models.standardised import Residual, Standardised
from models.unet import pooled


@dataclasses.dataclass(frozen=True)
class MergeArchitecture:
    """A MergeNet by its sizes; hashable.

    Attributes:
        window: (z, y, x) in voxels; one of a single plane is for objects of the plane.
        voxel_nm: edge of a voxel of the window; 1 where there is no length.
        width: channels of the first level; each further one has twice as many.
        levels: resolutions, the first of which is half of the window's.
        least_voxels: in a window, of each of the two objects of the merges that it has learnt.

    Raises:
        ValueError: numbers out of range.
    """

    window: tuple[int, int, int]
    voxel_nm: float
    width: int
    levels: int
    least_voxels: int = 1

    def __post_init__(self):
        if min(self.width, self.levels, self.least_voxels) < 1 or not self.voxel_nm > 0:
            raise ValueError(
                f"got width={self.width}, levels={self.levels}, least_voxels={self.least_voxels}, "
                f"voxel_nm={self.voxel_nm}; needs at least 1 of each, and a length > 0"
            )
        multiple = 2 ** (self.levels + 1)
        if len(self.window) != 3 or not all(
            n > 0 and (n % multiple == 0 or (axis == 0 and n == 1))
            for axis, n in enumerate(self.window)
        ):
            raise ValueError(
                f"got window={self.window}; needs (z, y, x), multiples of {multiple} with "
                f"{self.levels} levels, or 1 along z for objects of the plane"
            )


class MergeNet(nnx.Module):
    """A logit for each window: of the probability that its object is two, merged at the centre.

    Attributes:
        architecture: of the network.
    """

    def __init__(self, architecture: MergeArchitecture, *, rngs: nnx.Rngs):
        """A network with parameters drawn from `rngs.params`."""
        a = self.architecture = architecture
        flat = a.window[0] == 1
        kernel = (1 if flat else 3, 3, 3)
        self.fold = (1 if flat else 2, 2, 2)
        widths = [math.prod(self.fold), *(a.width * 2**level for level in range(a.levels))]
        self.blocks = nnx.List(
            nnx.Sequential(
                Standardised(before, after, kernel, rngs=rngs), Residual(after, kernel, rngs=rngs)
            )
            for before, after in itertools.pairwise(widths)
        )
        self.mixed = nnx.Linear(3 * widths[-1], widths[-1], rngs=rngs)
        self.head = head(widths[-1], 1, 0.5, rngs=rngs)

    def __call__(self, windows: Float32[Array, "batch z y x 1"]) -> Float32[Array, " batch"]:
        """Logits.

        Args:
            windows: 1 where the object is, else 0.

        Raises:
            ValueError: windows of another shape than the architecture's.
        """
        if windows.shape[1:4] != self.architecture.window:
            raise ValueError(
                f"got windows of shape {windows.shape[1:4]}; needs {self.architecture.window}"
            )
        x = self.trunk(windows)
        space = tuple(range(1, 4))
        seen = jnp.concatenate([x.mean(space), x.max(space), _centre(x).mean(space)], axis=-1)
        return self.head(nnx.relu(self.mixed(seen)))[:, 0]

    def trunk(self, windows: Float32[Array, "batch z y x 1"]) -> Float32[Array, "batch d h w c"]:
        """Features at the coarsest level; fully convolutional, for windows of any multiple."""
        x = _folded(windows - 0.5, self.fold)
        for level, block in enumerate(self.blocks):
            x = block(x if level == 0 else pooled(x, self.fold))
        return x


def _folded(
    x: Float32[Array, "batch z y x 1"], fold: tuple[int, int, int]
) -> Float32[Array, "batch d h w c"]:
    """The voxels of a box as channels."""
    batch, d, h, w, _ = x.shape
    a, b, c = fold
    boxes = x.reshape(batch, d // a, a, h // b, b, w // c, c)
    return boxes.transpose(0, 1, 3, 5, 2, 4, 6).reshape(batch, d // a, h // b, w // c, a * b * c)


def _centre(x: Float32[Array, "_ _ _ _ _"]) -> Float32[Array, "_ _ _ _ _"]:
    """The two middle features along each axis, or the one there is."""
    for axis in range(1, 4):
        n = x.shape[axis]
        x = x[(slice(None),) * axis + (slice((n - 1) // 2, n // 2 + 1),)]
    return x
