"""How good a network is on volumes it does not learn from, and a picture of it."""

import dataclasses
import functools
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import jax
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float32, PyTree, UInt8
from scipy import ndimage

from data.normalisation import as_grey
from experiments.training.layers import Layers, TrainingData
from experiments.training.pictures import draw_sample
from experiments.training.targets import KINDS, targets_of
from models.architecture import Dense
from models.prediction import predict
from ops.metrics.contingency import Contingency, count_pairs
from ops.metrics.pixels import LEVELS, Histogram, average_precision, best_f1, count_levels
from ops.metrics.synapse_objects import CONNECTED_18, truth_components, vesicle_rule_from_table

TILE_VOXELS = 1 << 22  # that a network is applied to at once, unless its field of view is larger
THRESHOLDS = (0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9)  # of clefts
SMALLEST = (0, 50, 200, 500)  # voxels of a cleft

Probability = Float32[np.ndarray, "z y x"]
Truth = tuple[UInt8[np.ndarray, "z y x"], Bool[np.ndarray, "z y x"]]  # and where it is known


@dataclasses.dataclass(frozen=True)
class Validation:
    """What a validation found.

    Attributes:
        values: figures by name, in [0, 1], and the thresholds at which they were reached.
        score: the one figure by which networks are compared: the mean F1 of the outputs.
        pictures: by name.
    """

    values: Mapping[str, float]
    score: float
    pictures: Mapping[str, Path]


def validate(
    network: Dense, data: TrainingData, outputs: tuple[str, ...], folder: Path
) -> Validation:
    """Scores all outputs of a network on all volumes; draws the middle section of the largest."""
    predictions = [predict_stack(network, stack, data) for stack in data.stacks]
    values: dict[str, float] = {}
    for channel, output in enumerate(outputs):
        found = [prediction[..., channel] for prediction in predictions]
        truth = [_truth(output, stack) for stack in data.stacks]
        values |= _score(name_of(output), found, truth)
    mains = [value for name, value in values.items() if name.endswith("f1")]
    largest = max(range(len(predictions)), key=lambda i: predictions[i].size)
    picture = draw_sample(folder, data.stacks[largest], predictions[largest], outputs)
    return Validation(values, float(np.mean(mains)), {"sample": picture})


def predict_stack(
    network: Dense, stack: Layers, data: TrainingData
) -> Float32[np.ndarray, "z y x c"]:
    """Probabilities of a whole stack, one channel for each output."""
    image = np.asarray(data.scale.normalise(as_grey(stack["image"].read())))
    graph, params = nnx.split(network)
    return predict(
        functools.partial(_apply, graph, params),
        image,
        reach=network.reach,
        multiple=network.multiple,
        channels=network.channels,
        tile_shape=tile_for(image.shape, network.reach, network.multiple),
    )


def tile_for(
    shape: Sequence[int], reach: Sequence[int], multiple: Sequence[int]
) -> tuple[int, int, int]:
    """The largest tile of about TILE_VOXELS: the fewer tiles, the less is computed twice."""
    tile = [-(-n // m) * m for n, m in zip(shape, multiple, strict=True)]
    least = [-(-(2 * r + 1) // m) * m + 4 * m for r, m in zip(reach, multiple, strict=True)]
    while math.prod(tile) > TILE_VOXELS:
        shares = [t / low for t, low in zip(tile, least, strict=True)]
        axis = shares.index(max(shares))
        if shares[axis] <= 1:
            break
        m = multiple[axis]
        tile[axis] = max(least[axis], -(-tile[axis] // (2 * m)) * m)
    z, y, x = tile
    return z, y, x


def name_of(output: str) -> str:
    """An output's name in figures: "affinity(0,-1,0)" becomes "affinity_0_-1_0"."""
    return output.replace("(", "_").replace(",", "_").rstrip(")")


@functools.partial(jax.jit, static_argnums=0)
def _apply(graph, params: PyTree, images: Array) -> Array:
    return nnx.merge(graph, params)(images)


def _truth(output: str, stack: Layers) -> Truth:
    """Targets; of affinities, whether there is a border, which is what is rare."""
    layers = [KINDS.get(output, "neurites"), *(["known"] if "known" in stack else [])]
    crops = {name: stack[name].read()[None] for name in layers}
    targets, known = (a[0, ..., 0] for a in targets_of(crops, (output,)))
    wanted = targets if output in KINDS else 1 - targets
    return wanted.astype(np.uint8), known.astype(bool)


def _score(name: str, found: Sequence[Probability], truth: Sequence[Truth]) -> dict[str, float]:
    if name.startswith("affinity"):
        found = [1 - probability for probability in found]
    nothing = Histogram(np.zeros(LEVELS, np.int64), np.zeros(LEVELS, np.int64))
    counted = [count_levels(f, t, known) for f, (t, known) in zip(found, truth, strict=True)]
    histogram = sum(counted, start=nothing)
    values = {f"{name}/average_precision": average_precision(histogram)}
    if name == "cleft":
        return values | _score_objects(found, truth)
    threshold, matches = best_f1(histogram)
    return values | {f"{name}/f1": matches.f1, f"{name}/threshold": threshold}


def _score_objects(found: Sequence[Probability], truth: Sequence[Truth]) -> dict[str, float]:
    """The best F1 of clefts as objects (VESICLE's rule) over thresholds and least sizes."""
    options = {
        (threshold, size): _object_f1(found, truth, threshold, size)
        for threshold in THRESHOLDS
        for size in SMALLEST
    }
    threshold, size = max(options, key=lambda option: options[option])
    best = options[threshold, size]
    return {"cleft/object_f1": best, "cleft/threshold": threshold, "cleft/least_voxels": size}


def _object_f1(found, truth, threshold: float, size: int) -> float:
    scores = [
        vesicle_rule_from_table(_overlaps(f >= threshold, t, size))
        for f, (t, _) in zip(found, truth, strict=True)
    ]
    hits = sum(score.true_positives for score in scores)
    wrong = sum(score.false_positives + score.false_negatives for score in scores)
    return 2 * hits / max(1, 2 * hits + wrong)


def _overlaps(mask: Bool[np.ndarray, "z y x"], truth, size: int) -> Contingency:
    labels, count = ndimage.label(mask, CONNECTED_18)
    small = np.bincount(labels.ravel(), minlength=count + 1) < size
    return count_pairs(truth_components(truth), np.where(small[labels], 0, labels))
