"""Pairs of sections to learn cross-classification from; batch k depends on (seed, k) alone."""

import dataclasses
from collections.abc import Iterator
from pathlib import Path

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Float32, UInt8, UInt32
from scipy import spatial

from data.augment import augment_batch
from data.normalisation import as_grey
from data.sampling import crops
from data.section_pairs import follow
from data.volume import from_array
from experiments.training.batches import Sampling, ahead
from experiments.training.layers import Layers, TrainingData
from experiments.training.validation import predict_stack
from models.architecture import build
from models.cross_classifier import CrossArchitecture
from models.crossing import reduced
from models.outputs import boundary_of
from models.weights import load_weights

MEMBRANE = "membrane"  # the output of a network, and the layer that it becomes
FAR = 0.2  # share of pairs two sections apart, as where one is missing
CUT, MOST_CELLS = 0.5, 40  # share of pairs whose neurites are cut up, and into how many cells
STREAM = 3  # keeps these random numbers apart from those of crops, of the same seed

Pieces = UInt32[np.ndarray, "y x"]
Colours = UInt8[np.ndarray, "y x"]


@dataclasses.dataclass(frozen=True)
class PairBatch:
    """What one step learns from.

    Attributes:
        source: grey values, normalised, and membrane probabilities if those are seen.
        target: likewise.
        colours: of the source's pieces, 1 ... letters; 0 where there is none.
        answers: the colours that go on in the target; 0 where none does.
    """

    source: Float32[np.ndarray, "batch y x view"]
    target: Float32[np.ndarray, "batch y x view"]
    colours: UInt8[np.ndarray, "batch h w"]
    answers: UInt8[np.ndarray, "batch h w"]


def pair_batches(
    data: TrainingData,
    architecture: CrossArchitecture,
    sampling: Sampling,
    seed: int,
    start: int = 0,
) -> Iterator[PairBatch]:
    """Endless batches from number `start` on: two sections of each crop, in either order.

    They are neighbours; of crops of three sections or more, sometimes one lies between them. Every
    piece of the source (`data.section_pairs`) has a letter of its own choice, each time anew.
    Sometimes neurites are cut up at random, as a segmentation cuts them up now and then.

    Raises:
        ValueError: crops of one section, or that do not fit into the volumes.
    """
    if sampling.crop_shape[0] < 2:
        raise ValueError(
            f"got crops of {sampling.crop_shape} voxels; needs at least two sections, of which "
            "one is the source and one the target"
        )
    drawn = crops(data.stacks, sampling.crop_shape, sampling.batch_size, seed, start=start)

    def make(found: dict[str, np.ndarray], number: int) -> PairBatch:
        key = jax.random.fold_in(jax.random.key(seed), number)
        labels = {name: crop for name, crop in found.items() if name != "image"}
        images, labels = augment_batch(key, as_grey(found["image"]), labels, sampling.augmentation)
        views = views_of(data, images, {n: np.asarray(crop) for n, crop in labels.items()})
        neurites = np.asarray(labels["neurites"])
        rng = np.random.default_rng([seed, number, STREAM])
        return _make_batch(views, neurites, architecture, rng)

    return ahead(drawn, make, start)


def views_of(
    data: TrainingData, images: Float32[Array | np.ndarray, "*shape"], labels: dict[str, np.ndarray]
) -> Float32[np.ndarray, "*shape view"]:
    """What a network sees of every voxel: grey values in [0, 1] normalised, and membranes."""
    seen = [np.asarray(data.scale.normalise(images), np.float32)]
    if MEMBRANE in labels:
        seen.append(as_grey(labels[MEMBRANE]))
    return np.stack(seen, axis=-1)


def _make_batch(
    views, neurites, architecture: CrossArchitecture, rng: np.random.Generator
) -> PairBatch:
    pairs = []
    for section, labels in zip(views, neurites, strict=True):
        source, target = draw_pair(len(labels), rng)
        coarse = [reduced(labels[z], architecture.reduction) for z in (source, target)]
        cells = draw_cells(coarse[0].shape, rng) if rng.random() < CUT else None
        colours, answers = paint(*follow(*coarse, cells), architecture.letters, rng)
        pairs.append((section[source], section[target], colours, answers))
    return PairBatch(*(np.stack(arrays) for arrays in zip(*pairs, strict=True)))


def draw_cells(shape: tuple[int, ...], rng: np.random.Generator) -> Pieces:
    """A section divided at random: every pixel has the number of the nearest of a few points."""
    points = rng.uniform(size=(rng.integers(2, MOST_CELLS + 1), 2)) * shape
    places = np.moveaxis(np.indices(shape), 0, -1)
    return spatial.KDTree(points).query(places)[1].astype(np.uint32)


def draw_pair(depth: int, rng: np.random.Generator) -> tuple[int, int]:
    """Source and target among some sections."""
    step = 2 if depth > 2 and rng.random() < FAR else 1
    first = int(rng.integers(depth - step))
    pair = (first, first + step)
    return pair if rng.random() < 0.5 else pair[::-1]


def paint(
    pieces: Pieces, followed: Pieces, letters: int, rng: np.random.Generator
) -> tuple[Colours, Colours]:
    """A random letter for each piece, in the source and where it goes on in the target.

    Of one letter alone: for a single piece.
    """
    count = int(pieces.max())
    drawn = rng.integers(1, letters + 1, count, np.uint8)
    if letters == 1 and count:
        drawn[np.arange(count) != rng.integers(count)] = 0
    letter_of = np.concatenate([np.zeros(1, np.uint8), drawn])
    return letter_of[pieces], letter_of[followed]


def with_membranes(data: TrainingData, weights: Path) -> TrainingData:
    """The data with what a trained network takes for boundary, as a layer of its own.

    Raises:
        ValueError: weights of a network that answers neither membranes nor affinities.
    """
    architecture, params = load_weights(weights)
    network = build(architecture, nnx.Rngs(0))
    nnx.update(network, params)

    def extended(stack: Layers) -> Layers:
        found = boundary_of(predict_stack(network, stack, data), architecture.outputs)
        voxels, image = np.rint(255 * found).astype(np.uint8), stack["image"]
        name = f"{image.name}, {MEMBRANE}"
        return stack | {MEMBRANE: from_array(voxels, image.voxel_size_nm, image.offset, name)}

    return dataclasses.replace(data, stacks=tuple(map(extended, data.stacks)))
