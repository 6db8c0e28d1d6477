"""Whether the two regions of an edge are different objects: a logistic regression.

After NeuroProof (Parag et al., "A Context-aware Delayed Agglomeration Framework for Electron
Microscopy Segmentation", PLoS ONE 10(5):e0125825, 2015). Its classifier is a random forest; but
edges to learn from are those of the sections that the network has learnt too, where it errs less
than elsewhere, and a model of few and small weights suffers least from that.
"""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Float64
from scipy import optimize

from models.archive import read_archive, write_archive

PENALTY = 1e-2  # of the squares of the weights, beside the mean loss of an edge
PRECISION = {"maxiter": 1000, "ftol": 1e-14, "gtol": 1e-7}
STEEPEST = 30.0  # log-odds, which float64 tells from certainty


@dataclasses.dataclass(frozen=True)
class EdgeClassifier:
    """Log-odds are `bias + weights * (features - mean) / spread`, summed.

    Attributes:
        features: their names, in order.
        mean, spread: of each, by which they are made alike.
        weights: of each.
        bias: log-odds of an edge with average features.
    """

    features: tuple[str, ...]
    mean: Float64[np.ndarray, " features"]
    spread: Float64[np.ndarray, " features"]
    weights: Float64[np.ndarray, " features"]
    bias: float


def fit(
    names: Sequence[str],
    features: Float32[np.ndarray, "edges features"],
    different: Bool[np.ndarray, " edges"],
) -> EdgeClassifier:
    """The most likely classifier (maximum a posteriori), found by L-BFGS.

    Args:
        names: of the features.
        features: of each edge, finite.
        different: whether its regions are different objects in truth.

    Raises:
        ValueError: edges of one class alone.
    """
    if different.all() or not different.any():
        kind = "between different objects" if different.any() else "within one object"
        raise ValueError(
            f"got {len(different)} edges, all of them {kind}; needs both kinds to learn from: take "
            "a larger volume, or smaller supervoxels"
        )
    values = features.astype(np.float64)
    mean, spread = values.mean(axis=0), values.std(axis=0)
    spread[spread == 0] = 1
    rows = np.c_[(values - mean) / spread, np.ones(len(values))]
    *weights, bias = _most_likely(rows, different.astype(np.float64))
    return EdgeClassifier(tuple(names), mean, spread, np.array(weights), float(bias))


def probabilities(
    classifier: EdgeClassifier, features: Float32[np.ndarray, "edges features"]
) -> Float64[np.ndarray, " edges"]:
    """The probability, in [0, 1], that the two regions of each edge are different objects.

    The same features give the same bits on any number of threads.
    """
    scaled = (features - classifier.mean) / classifier.spread
    return _sigmoid((scaled * classifier.weights).sum(axis=1) + classifier.bias)


def save_classifier(
    path: str | os.PathLike, classifier: EdgeClassifier, card: Mapping[str, Any]
) -> None:
    """Writes a .npz file whole or not at all, with a card of JSON values.

    Raises:
        ValueError: another suffix.
    """
    arrays = {name: np.asarray(value) for name, value in vars(classifier).items()}
    about = {"features": arrays.pop("features").tolist(), "card": dict(card)}
    write_archive(path, about, arrays)


def load_classifier(path: str | os.PathLike, needed: Sequence[str]) -> EdgeClassifier:
    """The classifier of a file that `save_classifier` wrote.

    Args:
        path: of the file.
        needed: names of the features that it is going to be given.

    Raises:
        ValueError: a file that is cut off or none of ours, or a classifier of other features.
        FileNotFoundError: no such file.
    """
    if not is_classifier(path):
        raise ValueError(
            f"{path}: got other weights than those of an edge classifier; needs what "
            "`experiments.train model=agglomeration` leaves"
        )
    about, arrays = read_archive(path)
    if about["features"] != list(needed):
        other = sorted(set(about["features"]) ^ set(needed)) or "the same in another order"
        raise ValueError(
            f"{path}: got a classifier of other features ({other} differ); needs "
            f"{', '.join(needed)}: train it anew"
        )
    bias = float(arrays.pop("bias"))
    return EdgeClassifier(tuple(about["features"]), **arrays, bias=bias)


def is_classifier(path: str | os.PathLike) -> bool:
    """Whether a file holds an edge classifier, and not the weights of a network.

    Raises:
        ValueError, FileNotFoundError: as `models.archive.read_archive`.
    """
    return "features" in read_archive(path)[0]


def classifier_digest(classifier: EdgeClassifier) -> str:
    """A hash of a classifier, whatever its card says."""
    found = hashlib.sha256(json.dumps(classifier.features).encode())
    for values in (classifier.mean, classifier.spread, classifier.weights, classifier.bias):
        found.update(np.asarray(values).tobytes())
    return found.hexdigest()


def _most_likely(rows, different):
    """Weights of the columns, of which the last one is the bias, which is not penalised."""
    penalty = np.r_[np.full(rows.shape[1] - 1, PENALTY), 0]

    def loss(weights):
        odds = rows @ weights
        value = (np.logaddexp(0, odds) - odds * different).mean() + penalty @ weights**2 / 2
        slope = rows.T @ (_sigmoid(odds) - different) / len(rows) + penalty * weights
        return value, slope

    start = np.zeros(rows.shape[1])
    return optimize.minimize(loss, start, jac=True, method="L-BFGS-B", options=PRECISION).x


def _sigmoid(odds):
    return 1 / (1 + np.exp(-np.clip(odds, -STEEPEST, STEEPEST)))
