"""From a dataset to windows with and without merge errors."""

import dataclasses

import numpy as np
from jaxtyping import Float32

from configs.sources import Data, NamedData
from configs.training import MergeNetConfig
from data.datasets.mnist import read_mnist
from data.merging.batches import WindowSource
from data.merging.digits import digit_windows
from data.merging.examples import Examples, find_examples
from data.merging.shapes import Shapes, read_shapes
from experiments.source import open_source
from models.mergenet import MergeArchitecture
from ops.shape_windows import cut_windows

DIGITS = "mnist"
HELD_OUT_DIGITS = (7, 8, 9)  # never learnt from, so that no digit can be known by its shape


@dataclasses.dataclass(frozen=True)
class MergeData:
    """Examples of a split.

    Attributes:
        source: of their windows.
        features: of each example, by which merges were matched (`data.merging.examples`).
        volumes: shapes and examples of each, in their order; none of digits.
        voxel_size_nm: of the volumes, None of digits.
    """

    source: WindowSource
    features: Float32[np.ndarray, "n 3"]
    volumes: tuple[tuple[Shapes, Examples], ...] = ()
    voxel_size_nm: tuple[float, float, float] | None = None


def architecture_of(model: MergeNetConfig) -> MergeArchitecture:
    """The network that a config describes."""
    z, y, x = model.window
    return MergeArchitecture(
        (z, y, x), float(model.voxel_nm), model.width, model.levels, model.least_voxels
    )


def load_merge_data(data: Data, model: MergeNetConfig, most: int, seed: int) -> MergeData:
    """Windows of merges made by program, and of single objects matched with them.

    Args:
        data: label volumes, or digits.
        model: tells the windows, and which layer has the labels.
        most: pairs of each volume, at most.
        seed: of all choices.

    Raises:
        ValueError: data without labels, or of which no two objects touch.
    """
    z, y, x = model.window
    if isinstance(data, NamedData) and data.name == DIGITS:
        images, digits = read_mnist(data.root, data.split)
        held_out = np.isin(digits, HELD_OUT_DIGITS)
        kept = ~held_out if data.split == "train" else held_out
        source, features = digit_windows(images[kept], (z, y, x), most, seed)
        return MergeData(source, features)
    found, sizes = [], []
    for layers in open_source(data, seed).volumes:
        if model.layer not in layers:
            raise ValueError(
                f"{data.name}: got layers {', '.join(layers)}; needs model.layer to be one with "
                "labels of objects: see `python -m data.catalog` for what each dataset has"
            )
        shapes = read_shapes(layers[model.layer], model.voxel_nm)
        examples = find_examples(shapes, (z, y, x), model.least_voxels, most, seed)
        found.append((shapes, examples))
        sizes.append(layers[model.layer].voxel_size_nm)
    features = np.concatenate([examples.features for _, examples in found])
    return MergeData(source_of(found, (z, y, x)), features, tuple(found), sizes[0])


def source_of(volumes: list[tuple[Shapes, Examples]], window: tuple[int, int, int]) -> WindowSource:
    """The windows of the examples of some volumes, one after the other."""
    counts = [len(examples.centres) for _, examples in volumes]
    volume_of = np.repeat(np.arange(len(volumes)), counts)
    number_of = np.concatenate([np.arange(count) for count in counts])

    def cut(examples, shifts):
        windows = np.zeros((len(examples), *window), bool)
        for number, (shapes, found) in enumerate(volumes):
            here = volume_of[examples] == number
            rows = number_of[examples[here]]
            centres = found.centres[rows] + shifts[here]
            windows[here] = cut_windows(shapes.labels, found.ids[rows], centres, window)
        return windows

    isotropic = all(shapes.isotropic for shapes, _ in volumes)
    return WindowSource(cut, sum(counts) // 2, window, isotropic)
