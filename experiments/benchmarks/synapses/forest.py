"""VESICLE-RF: a random forest over voxels near membranes.

Source: Roncal et al. 2015 (arXiv:1403.3724) and github.com/neurodata/vesicle,
packages/vesiclerf: candidates, training sample and forest. Objects are then cut out by
`ops.metrics.synapse_objects.vesicle_objects`. Membranes are those of our network, as the
original's came from a network too.
"""

import importlib
import importlib.util
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32, Shaped
from scipy import ndimage

from experiments.benchmarks.synapses.vesicle_hits import disk
from experiments.run_record import usable_threads
from ops.metrics.synapse_objects import CONNECTED_4

MEMBRANE = 0.75  # probability above which a voxel is a candidate, and those around it
AROUND = 5  # pixels
LEAST_PIXELS = 1000  # of a 4-connected piece of them in its section
FEATURES_TRIED = 3  # at a split: the root of ten
CLEAR = 10  # voxels, a section counting for five, from which on a voxel is surely no synapse
CHUNK = 1 << 18  # voxels predicted at once

Membrane = Float32[np.ndarray, "z y x"]


def candidates(membrane: Membrane) -> Bool[np.ndarray, "z y x"]:
    """Voxels near membranes that enclose something, given the probability of membrane."""
    near = ndimage.binary_dilation(membrane > MEMBRANE, disk(AROUND))
    labels, _ = ndimage.label(near, CONNECTED_4)
    return near & (np.bincount(labels.ravel()) >= LEAST_PIXELS)[labels]


def training_sample(
    truth: Shaped[np.ndarray, "z y x"],
    places: Bool[np.ndarray, "z y x"],
    most: int,
    rng: np.random.Generator,
) -> tuple[Bool[np.ndarray, "z y x"], Bool[np.ndarray, " n"]]:
    """As many voxels of synapses as of none, drawn from the candidates.

    Args:
        truth: not 0 where there is a synapse.
        places: the candidates.
        most: of either kind.
        rng: of the draw.

    Returns:
        Which voxels, and of each, in the order of `numpy.nonzero`, whether it is a synapse's.

    Raises:
        ValueError: no candidate in a synapse, or none that is clearly outside.
    """
    inside = truth != 0
    outside = ndimage.distance_transform_edt(~inside, sampling=(5, 1, 1)) >= CLEAR
    kinds = [np.flatnonzero(places & kind) for kind in (inside, outside)]
    count = min(most, *map(len, kinds))
    if not count:
        raise ValueError(
            f"got {len(kinds[0])} candidates in synapses and {len(kinds[1])} outside; needs both: "
            "a larger part to learn from, or weights that find its membranes"
        )
    chosen = np.zeros(truth.shape, bool)
    for kind in kinds:
        chosen.flat[rng.choice(kind, count, replace=False)] = True
    return chosen, inside[chosen]


def forest_module() -> Any:
    """`sklearn.ensemble`; None where it is not installed."""
    if importlib.util.find_spec("sklearn") is None:
        return None
    return importlib.import_module("sklearn.ensemble")


def train_forest(
    features: Float32[np.ndarray, "n feature"],
    is_synapse: Bool[np.ndarray, " n"],
    trees: int,
    seed: int,
) -> Any:
    """A forest of fully grown trees; scikit-learn must be there."""
    forest = forest_module().RandomForestClassifier(
        trees, max_features=FEATURES_TRIED, n_jobs=usable_threads(), random_state=seed
    )
    return forest.fit(features, is_synapse)


def forest_probability(
    forest: Any, features: Float32[np.ndarray, "n feature"], places: Bool[np.ndarray, "z y x"]
) -> Float32[np.ndarray, "z y x"]:
    """The share of trees that vote for a synapse at the n places; 0 elsewhere."""
    found = np.zeros(places.shape, np.float32)
    parts = [features[start : start + CHUNK] for start in range(0, len(features), CHUNK)]
    votes = [forest.predict_proba(part)[:, 1] for part in parts]
    found[places] = np.concatenate([np.zeros(0), *votes])
    return found
