"""Sections to follow objects through, with the true pieces of their neurites as regions."""

import dataclasses
from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt64
from skimage import measure

from configs.sources import Data
from configs.training import CrossClassifierConfig
from experiments.training.crossing import load_pairs
from experiments.training.crossing_validation import sections_of
from experiments.training.layers import Layers, TrainingData
from models.cross_weights import load_cross_weights
from models.crossing import reduced
from models.weights import read_card


@dataclasses.dataclass(frozen=True)
class Stack:
    """What a tracker is given, and what it is scored against.

    Attributes:
        views: what the network sees.
        pieces: ids of connected parts of neurites in each section, all different, 0 = none.
        neurites: true ids.
    """

    views: Float32[np.ndarray, "z y x view"]
    pieces: UInt64[np.ndarray, "z h w"]
    neurites: UInt64[np.ndarray, "z h w"]

    @property
    def objects(self) -> float:
        """Pieces in a section, on average."""
        return float(np.mean([len(np.unique(s[s > 0])) for s in self.pieces]))


def read_halves(data: Data, weights: Path, seed: int) -> tuple[Stack, Stack]:
    """The left and the right half of a dataset, as a network has learnt to see it.

    Thresholds are chosen on the one, and scored on the other.

    Raises:
        ValueError, FileNotFoundError: as the data or the weights do.
    """
    reduction = load_cross_weights(weights)[0].reduction
    membranes = read_card(weights)["config"]["model"]["membranes"]
    found = load_pairs(data, CrossClassifierConfig(membranes=membranes), seed)
    middle = found.stacks[0]["image"].shape[2] // 2
    left, right = (
        {name: volume[:, :, part] for name, volume in found.stacks[0].items()}
        for part in (slice(0, middle), slice(middle, 2 * middle))
    )
    return _stack(found, left, reduction), _stack(found, right, reduction)


def _stack(data: TrainingData, layers: Layers, reduction: int) -> Stack:
    pairs = [sections_of(data, layers, (z, z)) for z in range(layers["image"].shape[0])]
    neurites = np.stack([reduced(labels[0], reduction) for _, labels in pairs])
    views = np.stack([views[0] for views, _ in pairs])
    return Stack(views, pieces_of(neurites), neurites.astype(np.uint64))


def pieces_of(neurites: np.ndarray) -> UInt64[np.ndarray, "z h w"]:
    """The connected parts of each section, numbered through all of them."""
    pieces, last = np.zeros(neurites.shape, np.uint64), 0
    for section, labels in zip(pieces, neurites, strict=True):
        found = measure.label(labels, background=0, connectivity=1)
        section[:] = np.where(found > 0, found + last, 0)
        last += int(found.max())
    return pieces
