"""The networks that are measured, on which images, and what they do with them."""

import dataclasses
import math
from typing import Literal

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Float32

from models.architecture import Architecture, Dense, build

What = Literal["training step", "inference"]

SHALLOW = Architecture("shallow", ("membrane",), width=16, levels=4)
UNET_2D = Architecture("unet2d", ("membrane",), width=32, levels=4)
UNET_3D = Architecture("unet3d", ("membrane",), width=32, levels=4)


@dataclasses.dataclass(frozen=True)
class Case:
    """One measurement.

    Attributes:
        architecture: of the network.
        what: a training step (forward, loss, backward, AdamW), or the logits alone.
        shape: of the images, (batch, z, y, x) in voxels.
    """

    architecture: Architecture
    what: What
    shape: tuple[int, int, int, int]

    @property
    def label(self) -> str:
        """Network, work and images in words."""
        a, (batch, *sizes) = self.architecture, self.shape
        size = "x".join(map(str, sizes))
        return f"{a.network} of width {a.width}, {self.what}, {batch} x {size}"

    @property
    def voxels(self) -> int:
        """Of all images."""
        return math.prod(self.shape)


CASES = (
    Case(UNET_3D, "training step", (1, 32, 128, 128)),
    Case(UNET_2D, "training step", (4, 1, 256, 256)),
    Case(SHALLOW, "inference", (1, 1, 1024, 1024)),
    Case(UNET_2D, "inference", (1, 1, 1024, 1024)),
    Case(UNET_3D, "inference", (1, 32, 128, 128)),
)


@dataclasses.dataclass(frozen=True)
class Samples:
    """A batch to learn from.

    Attributes:
        images: of mean 0 and standard deviation 1.
        targets: 0 or 1, one in five of them 1.
        known: where targets count: everywhere.
    """

    images: Float32[np.ndarray, "batch z y x 1"]
    targets: Float32[np.ndarray, "batch z y x 1"]
    known: Float32[np.ndarray, "batch z y x 1"]


POSITIVE_SHARE = 0.2


def draw_samples(shape: tuple[int, int, int, int], seed: int) -> Samples:
    """Noise, of which there is nothing to learn: it is the time that counts."""
    rng = np.random.default_rng(seed)
    images = rng.standard_normal((*shape, 1), np.float32)
    targets = (rng.random((*shape, 1), np.float32) < POSITIVE_SHARE).astype(np.float32)
    return Samples(images, targets, np.ones_like(targets))


def draw_network(architecture: Architecture, seed: int) -> Dense:
    """A network whose parameters are all of the unit normal distribution.

    So none of its layers is idle, as residual ones are at the start of training. NumPy draws them,
    since JAX would compile a function for every shape.
    """
    rng = np.random.default_rng(seed)
    graph, params = nnx.split(nnx.eval_shape(lambda: build(architecture, nnx.Rngs(0))))
    filled = [
        (path, variable.replace(jnp.asarray(rng.standard_normal(variable.shape, np.float32))))
        for path, variable in nnx.to_flat_state(params)
    ]
    return nnx.merge(graph, nnx.from_flat_state(filled))
