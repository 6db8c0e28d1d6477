"""From a dataset to what a network learns from: images and labels, in memory."""

import dataclasses
import logging
from collections.abc import Sequence

import numpy as np

from configs.sources import Data, NamedData
from configs.training import TrainingTargets
from data.datasets.hydra_vesicles import VOXEL_SIZE_NM as HYDRA_VOXEL_SIZE_NM
from data.datasets.hydra_vesicles import read_patches
from data.normalisation import GreyScale, measure_grey_scale
from data.targets import cleft_target, membrane_target, vesicle_target
from data.volume import Volume, from_array
from experiments.source import open_source

log = logging.getLogger(__name__)
Layers = dict[str, Volume]


@dataclasses.dataclass(frozen=True)
class TrainingData:
    """Volumes with labels.

    Attributes:
        stacks: one dict for each, with the layers "image", one for each kind of target, and
            "known" (1 where labels are complete) where not all are.
        scale: of the grey values of all.
    """

    stacks: tuple[Layers, ...]
    scale: GreyScale


def load_layers(
    data: Data, kinds: Sequence[str], targets: TrainingTargets, seed: int
) -> TrainingData:
    """The layers for some kinds of targets: "membrane", "neurites", "clefts", "vesicles".

    Raises:
        ValueError: labels that the dataset has not, or a split without positives.
    """
    if isinstance(data, NamedData) and data.name == "hydra_vesicles":
        stacks = _hydra_stacks(data, kinds)
    else:
        opened = open_source(data, seed).volumes
        stacks = tuple(_stack(layers, kinds, targets, data) for layers in opened)
    for kind in kinds:
        if not any(stack[kind].read().any() for stack in stacks):
            raise ValueError(
                f"{data.name}, split {data.split}: got no voxel labelled as {kind}; needs some to "
                "learn from or to be scored against: choose another split"
            )
    return TrainingData(stacks, measure_grey_scale([stack["image"] for stack in stacks]))


def _stack(layers: Layers, kinds: Sequence[str], targets: TrainingTargets, data: Data) -> Layers:
    image = layers["image"]
    log.info("reading %s %s", image.name, "x".join(map(str, image.shape)))
    found = {kind: _labels(kind, layers, targets, data) for kind in kinds}
    size, offset = image.voxel_size_nm, image.offset
    arrays = {"image": image.read(), **found}
    return {
        name: from_array(array, size, offset, f"{image.name}, {name}")
        for name, array in arrays.items()
    }


def _labels(kind: str, layers: Layers, targets: TrainingTargets, data: Data) -> np.ndarray:
    size = layers["image"].voxel_size_nm
    match kind:
        case "membrane" if "membrane" in layers:
            return layers["membrane"].read().astype(np.uint8)
        case "membrane" if "neurites" in layers:
            labels = layers["neurites"].read()
            in_plane = size[0] > 2 * size[2]
            return membrane_target(
                labels, width_nm=targets.membrane_nm, voxel_size_nm=size, in_plane=in_plane
            )
        case "neurites" if "neurites" in layers:
            return _renumbered(layers["neurites"].read())
        case "clefts" if "clefts" in layers:
            labels = layers["clefts"].read()
            return cleft_target(labels, voxel_size_nm=size, dilation_nm=targets.cleft_dilation_nm)
        case "vesicles" if "vesicles" in layers:
            labels = layers["vesicles"].read()
            return vesicle_target(labels, voxel_size_nm=size, gap_nm=targets.vesicle_gap_nm)
    raise ValueError(
        f"{data.name}: got layers {', '.join(layers)}; needs labels of {kind} to train or score "
        "this model: see `python -m data.catalog` for what each dataset has"
    )


def _renumbered(labels: np.ndarray) -> np.ndarray:
    """Ids as 1, 2, ...: augmentation holds them in 32 bits."""
    values, ids = np.unique(labels, return_inverse=True)
    first = 0 if values[0] == 0 else 1
    return (ids.reshape(labels.shape) + first).astype(np.uint32)


def _hydra_stacks(data: NamedData, kinds: Sequence[str]) -> tuple[Layers, ...]:
    if set(kinds) != {"vesicles"}:
        raise ValueError(
            f"hydra_vesicles: got a model that needs labels of {', '.join(kinds)}; has vesicles"
        )
    patches = read_patches(data.root, data.split)
    # Patches in which one vesicle alone is marked would teach that vesicles are everywhere.
    complete = (patches.neuron_masks > 0).any(axis=(1, 2, 3))
    known = (patches.neuron_masks > 0) | (patches.vesicles > 0)
    arrays = {
        "image": patches.images,
        "vesicles": patches.vesicles,
        "known": known.astype(np.uint8),
    }
    return tuple(
        {
            name: from_array(array[i], HYDRA_VOXEL_SIZE_NM, name=f"patch {i}, {name}")
            for name, array in arrays.items()
        }
        for i in np.flatnonzero(complete)
    )
