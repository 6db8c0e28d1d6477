"""Batches for training: crops, augmented, with targets; batch k depends on (seed, k) alone."""

import concurrent.futures
import dataclasses
from collections.abc import Callable, Iterator, Sequence
from typing import TypeVar

import jax
import numpy as np
from jaxtyping import Array, Float32

from data.augment import Augmentation, augment_batch
from data.normalisation import as_grey
from data.sampling import crops, foreground_positions
from experiments.training.layers import TrainingData
from experiments.training.targets import kinds_of, targets_of

Made = TypeVar("Made")


@dataclasses.dataclass(frozen=True)
class Batch:
    """What one step learns from.

    Attributes:
        images: normalised.
        targets: 0 or 1, one channel for each output.
        known: 1 where the target is known.
    """

    images: Float32[Array | np.ndarray, "batch _ y x 1"]
    targets: Float32[np.ndarray, "batch z y x c"]
    known: Float32[np.ndarray, "batch z y x c"]


@dataclasses.dataclass(frozen=True)
class Sampling:
    """How batches are drawn.

    Attributes:
        crop_shape: (z, y, x) in voxels.
        batch_size: crops of a batch.
        augmentation: of each crop.
        focus: layer near whose voxels `focus_fraction` of the crops are drawn, or None.
        focus_fraction: in [0, 1].
        margin: sections at both ends of a crop that lend context alone: targets lack them.
    """

    crop_shape: tuple[int, int, int]
    batch_size: int
    augmentation: Augmentation
    focus: str | None = None
    focus_fraction: float = 0.0
    margin: int = 0


def batches(
    data: TrainingData, outputs: Sequence[str], sampling: Sampling, seed: int, start: int = 0
) -> Iterator[Batch]:
    """Endless batches from number `start` on; the next is made while one is learnt from.

    Raises:
        ValueError: a crop that does not fit into the volumes.
    """
    layers = ["image", *kinds_of(outputs)] + ["known"] * ("known" in data.stacks[0])
    sources = [{name: stack[name] for name in layers} for stack in data.stacks]
    focus = [foreground_positions(s[sampling.focus]) for s in sources] if sampling.focus else []
    drawn = crops(
        sources,
        sampling.crop_shape,
        sampling.batch_size,
        seed,
        start=start,
        focus=focus,
        focus_fraction=sampling.focus_fraction if sampling.focus else 0.0,
    )
    key = jax.random.key(seed)

    def make(found: dict[str, np.ndarray], number: int) -> Batch:
        return _make_batch(found, data, outputs, sampling, jax.random.fold_in(key, number))

    return ahead(drawn, make, start)


def ahead(
    drawn: Iterator[dict[str, np.ndarray]],
    make: Callable[[dict[str, np.ndarray], int], Made],
    number: int,
) -> Iterator[Made]:
    """What is made from crops and the number of their batch; the next is made in a helper."""
    with concurrent.futures.ThreadPoolExecutor(1) as helper:
        upcoming = helper.submit(make, next(drawn), number)
        while True:
            number += 1
            made, upcoming = upcoming, helper.submit(make, next(drawn), number)
            yield made.result()


def _make_batch(found, data: TrainingData, outputs, sampling: Sampling, key) -> Batch:
    labels = {name: crop for name, crop in found.items() if name != "image"}
    images, labels = augment_batch(key, as_grey(found["image"]), labels, sampling.augmentation)
    arrays = {name: np.asarray(crop) for name, crop in labels.items()}
    targets, known = targets_of(arrays, outputs, sampling.margin)
    return Batch(data.scale.normalise(images)[..., None], targets, known)
