"""How well a cross-classifier follows objects that it has not learnt from, and a picture of it."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, Int64, UInt8, UInt32
from PIL import Image

from data.normalisation import as_grey
from data.section_pairs import follow
from experiments.report.colours import blend, colour_ids, grey
from experiments.training.layers import Layers, TrainingData
from experiments.training.pairs import MEMBRANE, paint, views_of
from experiments.training.validation import Validation
from models.cross_classifier import CrossClassifier
from models.crossing import cross_classify, enlarged, reduced

FIGURES = ("pixel_accuracy", "object_accuracy", "code_accuracy")
PAIRS = 12  # of each stack, at most
SINGLE = 16  # paintings of one object each
EDGE, GAP = 512, 4  # pixels shown along each side, at most, and between panels

Counts = Int64[np.ndarray, "figure 2"]  # how many are right, and how many there are
Sections = UInt8[np.ndarray, "digit y x"]


def validate(network: CrossClassifier, data: TrainingData, folder: Path) -> Validation:
    """Scores a network on pairs of neighbours spread over all volumes, in either direction.

    Of every pair the pieces of the source (`data.section_pairs`) are painted as often as a code of
    so many words needs, at random, and followed into the target. Figures, in [0, 1]:

    * pixel_accuracy: share of the target's labelled pixels whose colour is right, in one painting;
    * object_accuracy: share of pieces most of whose pixels in the target have their colour;
    * code_accuracy, the score: share of labelled pixels whose colours are right in all paintings.
    """
    counts = np.zeros((len(FIGURES), 2), np.int64)
    for stack in data.stacks:
        for number, pair in enumerate(spread_pairs(stack["image"].shape[0])):
            rng = np.random.default_rng(number)
            counts += score_pair(network, data, stack, pair, rng)
    shares = counts[:, 0] / np.maximum(counts[:, 1], 1)
    values = dict(zip(FIGURES, shares.tolist(), strict=True))
    largest = max(data.stacks, key=lambda stack: np.prod(stack["image"].shape))
    picture = draw_sample(network, data, largest, folder)
    return Validation(values, values["code_accuracy"], {"sample": picture})


def spread_pairs(depth: int) -> list[tuple[int, int]]:
    """Neighbouring sections, evenly spread; every other pair backwards."""
    lower = np.unique(np.linspace(0, depth - 2, min(PAIRS, depth - 1)).round().astype(int))
    pairs = [(int(z), int(z) + 1) for z in lower]
    return [pair[::-1] if number % 2 else pair for number, pair in enumerate(pairs)]


def score_pair(
    network: CrossClassifier,
    data: TrainingData,
    stack: Layers,
    pair: tuple[int, int],
    rng: np.random.Generator,
) -> Counts:
    """The counts of one pair."""
    (source, target), labels = sections_of(data, stack, pair)
    labels = [reduced(section, network.architecture.reduction) for section in labels]
    pieces, followed = follow(*labels)
    letters = network.channels - 1
    paintings = [
        paint(pieces, followed, letters, rng) for _ in range(digits_for(int(pieces.max()), letters))
    ]
    colours, answers = (np.stack(sections) for sections in zip(*paintings, strict=True))
    found = cross_classify(network, source, target, colours).argmax(-1).astype(np.uint8)
    return count_right(found, answers, followed, labels[1] != 0)


def count_right(
    found: Sections,
    answers: Sections,
    followed: UInt32[np.ndarray, "y x"],
    labelled: np.ndarray,
) -> Counts:
    """Right and all: pixels in each painting, pieces in each painting, pixels in all of them."""
    right = (found == answers) & labelled
    sizes = np.bincount(followed.ravel())[1:]
    kept = [np.bincount(followed.ravel(), digit.ravel(), len(sizes) + 1)[1:] for digit in right]
    tracked = (2 * np.stack(kept) > sizes) & (sizes > 0)
    whole = int(labelled.sum())
    return np.array(
        [
            [int(right.sum()), len(right) * whole],
            [int(tracked.sum()), len(right) * int((sizes > 0).sum())],
            [int(right.all(axis=0).sum()), whole],
        ]
    )


def digits_for(objects: int, letters: int) -> int:
    """How many letters tell so many objects apart: the least k with letters ** k >= objects.

    With one letter, each object takes a painting; a few are enough to go by.
    """
    if letters == 1:
        return min(objects, SINGLE)
    digits = 1
    while letters**digits < objects:
        digits += 1
    return digits


def sections_of(
    data: TrainingData, stack: Layers, pair: tuple[int, int]
) -> tuple[list[Float32[np.ndarray, "_ _ _"]], list[np.ndarray]]:
    """What the network sees of both sections, and their neurites."""
    views, labels = [], []
    for z in pair:
        layers = {name: volume[z : z + 1].read()[0] for name, volume in stack.items()}
        membrane = {name: section for name, section in layers.items() if name == MEMBRANE}
        views.append(views_of(data, as_grey(layers["image"]), membrane))
        labels.append(layers["neurites"])
    return views, labels


def draw_sample(network: CrossClassifier, data: TrainingData, stack: Layers, folder: Path) -> Path:
    """Writes sample.png: colours in the source, and in the target as they are and as found."""
    folder.mkdir(parents=True, exist_ok=True)
    z = stack["image"].shape[0] // 2 - 1
    views, labels = sections_of(data, stack, (z, z + 1))
    reduction = network.architecture.reduction
    pieces, followed = follow(*(reduced(section, reduction) for section in labels))
    colours, answers = paint(pieces, followed, network.channels - 1, np.random.default_rng(0))
    found = cross_classify(network, *views, colours[None])[0].argmax(-1)
    panels = [
        panel(stack, section, enlarged(drawn, reduction))
        for section, drawn in ((z, colours), (z + 1, answers), (z + 1, found))
    ]
    path = folder / "sample.png"
    Image.fromarray(np.hstack(panels)).save(path)
    return path


def panel(stack: Layers, z: int, colours: np.ndarray) -> UInt8[np.ndarray, "_ _ 3"]:
    """Colours over a section."""
    image = as_grey(stack["image"][z : z + 1, :EDGE, :EDGE].read())[0]
    under = grey(np.rint(255 * np.clip(image, 0, 1)).astype(np.uint8))
    h, w = image.shape
    drawn = blend(under, colour_ids(colours[:h, :w]), 0.5)
    return np.pad(drawn, [(GAP, GAP), (GAP, GAP), (0, 0)], constant_values=255)
