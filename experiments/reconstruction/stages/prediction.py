"""Stages `membrane`, `cleft` and `vesicle`: what a network answers, block by block.

A block is seen with its surroundings; beyond the volume they are its mirror image. So a voxel's
answer does not depend on the block it lies in, but for what lies farther away than the context.
"""

import dataclasses
import functools
import hashlib
import math
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float32, PyTree, UInt8

from data.creating import create_volume
from data.normalisation import GreyScale, as_grey
from data.volume import Volume
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, Index
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import opened
from experiments.reconstruction.source import Origin
from models.architecture import Architecture, Dense, build
from models.outputs import boundary_of, offset_of
from models.unet3d import UNet3d
from models.weights import load_weights

MEMBRANE, AFFINITIES = "membrane.zarr", "affinities.zarr"
CLEFT, VESICLES = "cleft_probability.zarr", "vesicles.zarr"
VOLUMES = {"membrane": MEMBRANE, "cleft": CLEFT, "vesicle": VESICLES}  # of outputs
CHUNK = (16, 256, 256)
SLAB = 4  # sections that a 2-D network sees at once: no more is gained by more
VERSION = 1


@dataclasses.dataclass(frozen=True)
class Prediction:
    """The stage, as plain values.

    Attributes:
        run: the run directory.
        origin: of the image.
        weights: file of the network's weights.
        scale: of the image's grey values.
        block_shape: (z, y, x), multiples of what the network pools.
        context: voxels (z, y, x) around a block that the network sees.
    """

    run: Path
    origin: Origin
    weights: Path
    scale: GreyScale
    block_shape: Index
    context: Index

    def work(self, block: Block) -> None:
        """Writes the block's part of all volumes that the network has outputs for."""
        architecture, network = load_network(self.weights)
        image = as_grey(_surroundings(self.origin.image(), block, self.block_shape, self.context))
        levels = _answer(network, np.asarray(self.scale.normalise(image)), self.context)
        levels = levels[tuple(slice(n.stop - n.start) for n in block.inner)]
        for name, voxels in by_volume(levels, architecture.outputs).items():
            opened(self.run / name)[block.inner].write(voxels)


def stage(
    name: str,
    run: Path,
    origin: Origin,
    weights: Path,
    scale: GreyScale,
    block_shape: Index,
    wanted: Sequence[int],
    source: Mapping[str, Any],
) -> Stage:
    """The stage of a run; `wanted` is the most context, `source` what tells the image.

    `name` is that of the stage: "membrane" for the network that segments, else the output that
    it is there for.
    """
    image, (architecture, network) = origin.image(), load_network(weights)
    context = context_for(network, wanted)
    z, y, x = image.shape[:3]
    grid = Grid((z, y, x), block_shape, context)
    told = {"scale": dataclasses.astuple(scale), "weights": digest(weights)}
    return Stage(
        name,
        stage_key(name, VERSION, grid, told, source=source),
        grid.blocks,
        Prediction(run, origin, weights, scale, block_shape, context).work,
        [run / volume for volume in channels(architecture.outputs)],
        functools.partial(make_outputs, run, image, architecture.outputs),
    )


def make_outputs(run: Path, image: Volume, outputs: Sequence[str]) -> None:
    """The empty volumes."""
    for name, axis in channels(outputs).items():
        create_volume(
            str(run / name),
            shape=(*image.shape[:3], *axis),
            dtype=np.uint8,
            voxel_size_nm=image.voxel_size_nm,
            offset=image.offset,
            chunk_shape=(*CHUNK, *axis),
        )


def channels(outputs: Sequence[str]) -> dict[str, tuple[int, ...]]:
    """The volumes that outputs are stored in, with the size of their channel axis if they have one.

    Affinities have a volume of their own beside the boundaries that they make.
    """
    volumes: dict[str, tuple[int, ...]] = {VOLUMES[o]: () for o in outputs if o in VOLUMES}
    if pairs := len(offsets(outputs)):
        volumes |= {MEMBRANE: (), AFFINITIES: (pairs,)}
    return volumes


def offsets(outputs: Sequence[str]) -> tuple[Index, ...]:
    """Those of the outputs that are affinities, in voxels (z, y, x)."""
    return tuple(offset for offset in map(offset_of, outputs) if offset is not None)


def context_for(network: Dense, wanted: Sequence[int]) -> Index:
    """Voxels around a block: what the network sees or what is wanted, whichever is less."""
    z, y, x = (
        -(-min(reach, most) // multiple) * multiple
        for reach, most, multiple in zip(network.reach, wanted, network.multiple, strict=True)
    )
    return z, y, x


def load_network(weights: Path) -> tuple[Architecture, Dense]:
    """The network of a file of weights, loaded once in each process as long as the file stays."""
    return _load_network(weights, weights.stat().st_mtime_ns)


@functools.lru_cache(maxsize=3)  # membranes, clefts, vesicles
def _load_network(weights: Path, changed: int) -> tuple[Architecture, Dense]:
    architecture, params = load_weights(weights)
    graph, _ = nnx.split(build(architecture, nnx.Rngs(0)), nnx.Param)
    return architecture, nnx.merge(graph, params)


def digest(weights: Path) -> str:
    """A hash of a network and its parameters, whatever its card says."""
    architecture, params = load_weights(weights)
    found = hashlib.sha256(architecture.to_json().encode())
    for array in jax.tree.leaves(params):
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()


def by_volume(
    levels: UInt8[np.ndarray, "z y x channel"], outputs: Sequence[str]
) -> dict[str, UInt8[np.ndarray, "..."]]:
    """What is stored, by volume.

    Affinities make the boundary where there are any.
    """
    found = {VOLUMES[o]: levels[..., n] for n, o in enumerate(outputs) if o in VOLUMES}
    chosen = [number for number, output in enumerate(outputs) if offset_of(output)]
    if chosen:
        torn = boundary_of(levels[..., chosen], [outputs[number] for number in chosen])
        found |= {MEMBRANE: torn, AFFINITIES: levels[..., chosen]}
    return found


def _surroundings(image: Volume, block: Block, shape: Index, context: Index) -> np.ndarray:
    """The block and its context, always of one size, mirrored beyond the volume."""
    found = image[block.outer].read()
    pads = []
    for axis, size in enumerate(shape):
        low = context[axis] - (block.start[axis] - block.outer_start[axis])
        pads.append((low, size + 2 * context[axis] - low - found.shape[axis]))
    return np.pad(found, pads, mode="symmetric")


def _answer(network: Dense, image: Float32[np.ndarray, "..."], context: Index) -> np.ndarray:
    """Probabilities (z, y, x, channel) inside of the context, 0 to 255."""
    graph, params = nnx.split(network)
    depth = image.shape[0] - 2 * context[0]
    # A 2-D network need not answer for the sections that are there as neighbours alone.
    flat = not isinstance(network, UNet3d) and network.reach[0] == context[0]
    slab = math.gcd(SLAB, depth) if flat else depth
    parts = []
    for start in range(0, depth, slab):
        tile = jnp.asarray(image[start : start + slab + 2 * context[0]][None, ..., None])
        found = np.asarray(_levels(graph, flat, params, tile))[0]
        parts.append(found if flat else found[slice(context[0], -context[0] or None)])
    y, x = (slice(c, -c or None) for c in context[1:])
    return np.concatenate(parts)[:, y, x]


@functools.partial(jax.jit, static_argnums=(0, 1))
def _levels(
    graph, flat: bool, params: PyTree, images: Float32[Array, "..."]
) -> UInt8[Array, "..."]:
    answers = nnx.merge(graph, params)(images, **({"ends": False} if flat else {}))
    return jnp.rint(255 * jax.nn.sigmoid(answers)).astype(jnp.uint8)
