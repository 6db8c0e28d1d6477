"""What is compared: rules over maps of three networks or of one, and VESICLE-RF."""

import dataclasses
from collections.abc import Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Integer

from experiments.benchmarks.synapses.evidence import MEMBRANE, Evidence
from experiments.benchmarks.synapses.forest import forest_module
from experiments.benchmarks.synapses.networks import Network, Source
from ops.metrics.synapse_objects import vesicle_objects
from ops.synapses.find import find_synapses
from ops.synapses.rules import Rules

FOREST = "VESICLE-RF"
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, *(n / 40 for n in range(28, 41)))
NEXT_TO_NONE = 0.001  # probability of membrane that nearly every voxel has
PIXEL_NM2, VOXEL_NM3 = 36.0, 1080.0  # that VESICLE's sizes are for: 30 x 6 x 6 nm
LEAST_2D, MOST_2D, LEAST_3D, SECTIONS = (
    (0, 50, 200),
    (2500, 5000, 10000),
    (100, 500, 1000, 2000),
    (1, 3, 5),
)
SIZES: dict[str, Sequence[Any]] = {
    "cleft_probability": THRESHOLDS,
    "least_nm3": [VOXEL_NM3 * n for n in LEAST_3D],
    "least_section_nm2": [PIXEL_NM2 * n for n in LEAST_2D],
    "most_section_nm2": [PIXEL_NM2 * n for n in MOST_2D],
    "least_sections": SECTIONS,
}
EVIDENCE: dict[str, dict[str, Sequence[Any]]] = {
    "membrane": {
        "membrane_probability": (NEXT_TO_NONE, 0.3, 0.5, 0.7, 0.9),
        "membrane_distance_nm": (15.0, 30.0, 60.0),
    },
    "vesicle": {
        "vesicle_probability": (0.3, 0.5, 0.7, 0.9),
        "least_vesicles_nm3": (0.0, 1e4, 3e4, 1e5, 3e5, 1e6),
        "least_asymmetry": (0.0, 0.2, 0.4, 0.6),
        "partners": ("one", "several"),
    },
}
# Rules that reject next to nothing for want of membranes or vesicles, so that what is chosen first
# is chosen as it would be without them.
START = Rules(membrane_probability=NEXT_TO_NONE, least_vesicles_nm3=0.0)


@dataclasses.dataclass(frozen=True)
class Cut:
    """How objects are cut out of a map: see `ops.metrics.synapse_objects.vesicle_objects`."""

    threshold: float = 0.9
    min_size_2d: int = 0
    max_size_2d: int = 5000
    min_size_3d: int = 500
    min_slices: int = 1


@dataclasses.dataclass(frozen=True)
class Method:
    """A way from an image to synapses.

    Attributes:
        name: in words.
        networks: that it needs.
        sources: the maps of clefts, membranes and vesicles that its rules combine; of the forest,
            that of membranes.
        settings: its constants, before they are chosen.
        options: what they are chosen from.
    """

    name: str
    networks: tuple[str, ...]
    sources: Mapping[str, Source]
    settings: Rules | Cut
    options: Mapping[str, Sequence[Any]]

    def missing(self, networks: Mapping[str, Network], missing: Mapping[str, str]) -> str:
        """Why it cannot be run; empty if it can.

        Args:
            networks: by name.
            missing: why there are no others, by name.
        """
        for name, output in self.sources.values():
            if name in missing:
                return missing[name]
            if output not in networks[name].outputs:
                return f"{networks[name].weights} answers no {output}"
        if self.name == FOREST and forest_module() is None:
            return "scikit-learn is not installed (pip install scikit-learn)"
        return ""


@dataclasses.dataclass(frozen=True)
class Tuned:
    """A method with the constants that were chosen, and its F1 (VESICLE's rule) where they were."""

    method: Method
    settings: Rules | Cut
    f1: float


def methods() -> tuple[Method, ...]:
    """All of them, in the order of the table."""
    three = ("cleft", "membrane", "vesicle")
    ours = [_rules("", three[:count]) for count in (1, 2, 3)]
    joint = [_rules("joint", three[:count]) for count in (2, 3)]
    sizes = (LEAST_3D, LEAST_2D, MOST_2D, SECTIONS)
    names = ("min_size_3d", "min_size_2d", "max_size_2d", "min_slices")
    options = {"threshold": THRESHOLDS, **dict(zip(names, sizes, strict=True))}
    rival = Method(FOREST, ("membrane",), {"membrane": MEMBRANE}, Cut(), options)
    return (*ours, *joint, rival)


def objects(
    method: Method, settings: Rules | Cut, evidence: Evidence
) -> Integer[np.ndarray, "z y x"]:
    """The synapses that a method finds with these constants, as labels."""
    if isinstance(settings, Cut):
        assert evidence.votes is not None
        return vesicle_objects(evidence.votes, **dataclasses.asdict(settings))
    found = {kind: evidence.maps[source] for kind, source in method.sources.items()}
    labels, _ = find_synapses(
        found["cleft"],
        evidence.segmentation,
        found.get("membrane"),
        found.get("vesicle"),
        voxel_size_nm=evidence.part.image.voxel_size_nm,
        rules=settings,
    )
    return labels


def _rules(network: str, kinds: Sequence[str]) -> Method:
    """Rules over maps of one network, or of one for each kind."""
    sources = {kind: (network or kind, kind) for kind in kinds}
    options = {**SIZES, **{n: o for kind in kinds[1:] for n, o in EVIDENCE[kind].items()}}
    words = " + ".join(kinds)
    networks = tuple(dict.fromkeys(name for name, _ in sources.values()))
    return Method(
        f"{network} net: {words}" if network else words, networks, sources, START, options
    )
