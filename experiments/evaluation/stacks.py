"""What a network predicts for the stacks of a dataset, beside the truth, as volumes to be scored.

Several stacks become one volume: one below the other along z, with a gap between them, and the
smaller ones with a margin beyond their far ends. A mask is 0 there, and where labels are unknown.
"""

import functools
import math
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float32, PyTree, Shaped, UInt8
from tqdm import tqdm

from data.creating import create_volume
from data.normalisation import as_grey
from data.volume import Volume
from experiments.training.layers import Layers, TrainingData
from experiments.training.targets import kinds_of, targets_of
from experiments.training.validation import tile_for
from models.architecture import Dense
from models.prediction import predict
from models.symmetries import averaged, averaged_reach

Voxels = dict[str, Shaped[np.ndarray, "..."]]


def predict_layers(
    network: Dense,
    every: Sequence[str],
    outputs: Sequence[str],
    data: TrainingData,
    *,
    augment: bool = False,
) -> list[Voxels]:
    """For each stack "image", "prediction" (uint8, 255 = 1), "truth" and "mask" (uint8, 0 or 1).

    Args:
        network: with its weights.
        every: what its channels mean.
        outputs: those wanted: affinities, which become channels, or one other.
        data: with the labels of the outputs wanted.
        augment: averages over the symmetries of a section, and of z where the network sees several.
    """
    channels = [list(every).index(output) for output in outputs]
    found = []
    with tqdm(desc="predicting", unit="tile") as bar:
        for stack in data.stacks:
            image = stack["image"].read()
            grey = np.asarray(data.scale.normalise(as_grey(image)))
            probabilities = _predict(network, every, grey, augment, bar)[..., channels]
            truth, known = _truth(stack, outputs)
            prediction = np.rint(255 * probabilities).astype(np.uint8)
            layers = {"prediction": prediction, "truth": truth, "mask": known}
            if len(outputs) == 1:
                layers = {name: layer[..., 0] for name, layer in layers.items()}
            found.append({"image": image, **layers})
    return found


def _predict(
    network: Dense,
    every: Sequence[str],
    image: Float32[np.ndarray, "z y x"],
    augment: bool,
    bar: tqdm,
) -> Float32[np.ndarray, "z y x c"]:
    graph, params = nnx.split(network)
    apply, reach = functools.partial(_apply, graph, params), network.reach
    if augment:
        apply = averaged(apply, every, z_flip=network.reach[0] > 0)
        reach = averaged_reach(reach, every)
    return predict(
        apply,
        image,
        reach=reach,
        multiple=network.multiple,
        channels=network.channels,
        tile_shape=tile_for(image.shape, reach, network.multiple),
        on_tile=lambda *_: bar.update(),
    )


@functools.partial(jax.jit, static_argnums=0)
def _apply(graph, params: PyTree, images: Float32[Array, "..."]) -> Float32[Array, "..."]:
    return nnx.merge(graph, params)(images)


def _truth(
    stack: Layers, outputs: Sequence[str]
) -> tuple[UInt8[np.ndarray, "z y x c"], UInt8[np.ndarray, "z y x c"]]:
    """Targets, and where they are known."""
    layers = [*kinds_of(outputs), *(["known"] if "known" in stack else [])]
    crops = {name: stack[name].read()[None] for name in layers}
    each = [targets_of(crops, (output,)) for output in outputs]  # the least memory
    truth, known = (np.concatenate(parts, axis=-1)[0] for parts in zip(*each, strict=True))
    return truth.astype(np.uint8), known.astype(np.uint8)


def gap_sections(voxel_size_nm: Sequence[int | float], distance_nm: int | float | None) -> int:
    """Sections between stacks, so many that nothing lies within a distance of another stack.

    None where no score looks beyond a section: no section.
    """
    return 0 if distance_nm is None else 1 + math.ceil(distance_nm / voxel_size_nm[0])


def join(layers: Sequence[Shaped[np.ndarray, "..."]], gap: int) -> Shaped[np.ndarray, "..."]:
    """Arrays (z, y, x[, channel]) along z, `gap` sections of 0 between them, all as large in the
    plane as the largest."""
    height, width = (max(layer.shape[axis] for layer in layers) for axis in (1, 2))
    parts = []
    for number, layer in enumerate(layers):
        below = gap if number + 1 < len(layers) else 0
        beyond = [(0, below), (0, height - layer.shape[1]), (0, width - layer.shape[2])]
        parts.append(np.pad(layer, beyond + [(0, 0)] * (layer.ndim - 3)))
    return np.concatenate(parts)


def write_layers(
    layers: Sequence[Voxels], images: Sequence[Volume], gap: int, folder: Path
) -> dict[str, str]:
    """Writes the stacks, joined, as NAME.zarr; gives the path of each. A mask of 1 is left out.

    Args:
        layers: of each stack.
        images: of each stack, with voxel size and offset; several stacks lie at offset 0.
        gap: sections between stacks.
        folder: to write into.

    Raises:
        ValueError: stacks whose voxels differ in size.
    """
    size = images[0].voxel_size_nm
    for image in images:
        if image.voxel_size_nm != size:
            raise ValueError(
                f"{image.name}: got voxels of {image.voxel_size_nm} nm beside others of {size}; "
                "needs one size in a split: score the stacks in runs of their own, by data=files"
            )
    joined = {name: join([stack[name] for stack in layers], gap) for name in layers[0]}
    if joined["mask"].all():
        del joined["mask"]
    offset = images[0].offset if len(images) == 1 else (0, 0, 0)
    paths = {name: str(folder / f"{name}.zarr") for name in joined}
    for name, voxels in joined.items():
        _write(paths[name], voxels, size, offset)
    return paths


def _write(path: str, voxels: np.ndarray, voxel_size_nm, offset) -> None:
    chunk = (16, 256, 256, 1)[: voxels.ndim]
    volume = create_volume(
        path,
        shape=voxels.shape,
        dtype=voxels.dtype,
        voxel_size_nm=voxel_size_nm,
        offset=offset,
        chunk_shape=chunk,
    )
    volume.write(voxels)
