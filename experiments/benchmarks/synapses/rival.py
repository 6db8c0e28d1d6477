"""VESICLE-RF from end to end: its vesicles, its forest, and its votes on a part of a tissue."""

import dataclasses
from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Bool, Float32

from experiments.benchmarks.synapses.features import forest_features
from experiments.benchmarks.synapses.forest import (
    Membrane,
    candidates,
    forest_probability,
    train_forest,
    training_sample,
)
from experiments.benchmarks.synapses.parts import Part
from experiments.benchmarks.synapses.vesicle_hits import (
    Template,
    drawn_template,
    find_vesicles,
    template_of,
)


@dataclasses.dataclass(frozen=True)
class Rival:
    """What was learnt.

    Attributes:
        template: of a vesicle.
        forest: of scikit-learn.
    """

    template: Template
    forest: Any


@dataclasses.dataclass(frozen=True)
class Seen:
    """What a forest sees of a part.

    Attributes:
        part: itself.
        places: candidates.
        features: of them.
    """

    part: Part
    places: Bool[np.ndarray, "z y x"]
    features: Float32[np.ndarray, "n feature"]


def choose_template(part: Part) -> Template:
    """The mean of the vesicles labelled there; a drawn one where none are."""
    if part.vesicles is None:
        return drawn_template(part.image.voxel_size_nm[2])
    return template_of(part.image.read(), part.vesicles)


def look(part: Part, membrane: Membrane, template: Template) -> Seen:
    """Candidates of a part, and their features."""
    places = candidates(membrane)
    vesicles = vesicles_of(part, template)
    return Seen(part, places, forest_features(part.image.read(), vesicles, places))


def vesicles_of(part: Part, template: Template) -> Bool[np.ndarray, "z y x"]:
    """The vesicles that a forest is told of."""
    return find_vesicles(part.image.read(), template, part.image.voxel_size_nm)


def learn(parts: Sequence[Seen], trees: int, samples: int, seed: int) -> Any:
    """A forest from some parts: of each kind of voxel at most so many samples, in equal shares.

    Raises:
        ValueError: a part without candidates of either kind.
    """
    rng = np.random.default_rng(seed)
    features, kinds = [], []
    for seen in parts:
        most = samples // len(parts)
        chosen, is_synapse = training_sample(seen.part.clefts, seen.places, most, rng)
        features.append(seen.features[chosen[seen.places]])
        kinds.append(is_synapse)
    return train_forest(np.concatenate(features), np.concatenate(kinds), trees, seed)


def vote(forest: Any, seen: Seen) -> Float32[np.ndarray, "z y x"]:
    """The probability of a synapse."""
    return forest_probability(forest, seen.features, seen.places)
