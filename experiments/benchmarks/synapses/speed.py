"""How fast each step of each method is, in turns, on the first voxels of the scored part."""

import dataclasses
import statistics
from collections.abc import Callable, Mapping, Sequence

from experiments.benchmarks.result import take_turns, voxel_rate
from experiments.benchmarks.synapses import rival
from experiments.benchmarks.synapses.evidence import MEMBRANE, Evidence
from experiments.benchmarks.synapses.features import forest_features
from experiments.benchmarks.synapses.forest import candidates
from experiments.benchmarks.synapses.methods import FOREST, Tuned, objects
from experiments.benchmarks.synapses.networks import Network, maps_of


@dataclasses.dataclass(frozen=True)
class Speed:
    """Of one method, in MB/s of image (a byte a voxel); medians of the rounds.

    Attributes:
        networks: rate of each network.
        steps: rate of each step after them.
    """

    networks: Mapping[str, float]
    steps: Mapping[str, float]

    @property
    def after_networks(self) -> float:
        """Of all steps that follow the networks."""
        return _together(self.steps)

    @property
    def all(self) -> float:
        """From the image to the synapses."""
        return _together({**self.networks, **self.steps})


def measure_speed(
    tuned: Sequence[Tuned],
    evidence: Evidence,
    networks: Mapping[str, Network],
    trained: rival.Rival | None,
    rounds: int,
) -> dict[str, Speed]:
    """The speed of each method, by its name; what several use is measured once.

    Args:
        tuned: methods with their constants.
        evidence: of the part that it is measured on.
        networks: by name.
        trained: the forest, where there is one.
        rounds: how often each step is measured, after one time that does not count.
    """
    steps = {each.method.name: _steps(each, evidence, trained) for each in tuned}
    used = dict.fromkeys(name for each in tuned for name in each.method.networks)
    works: dict[str, Callable[[], object]] = {
        f"network {name}": lambda name=name: maps_of(name, networks[name], evidence.part)
        for name in used
    }
    for method, found in steps.items():
        works |= {f"{method}, {step}": work for step, work in found.items()}
    for work in works.values():
        work()
    voxels = evidence.truth.size
    rates = take_turns({key: voxel_rate(work, voxels) for key, work in works.items()}, rounds)
    middle = {key: statistics.median(found) for key, found in rates.items()}
    return {
        each.method.name: Speed(
            {name: middle[f"network {name}"] for name in each.method.networks},
            {step: middle[f"{each.method.name}, {step}"] for step in steps[each.method.name]},
        )
        for each in tuned
    }


def _steps(
    tuned: Tuned, evidence: Evidence, trained: rival.Rival | None
) -> dict[str, Callable[[], object]]:
    """What a method does after the networks, by name."""

    def last() -> object:
        return objects(tuned.method, tuned.settings, evidence)

    if tuned.method.name != FOREST or trained is None:
        return {"rules": last}
    part, membrane, template = evidence.part, evidence.maps[MEMBRANE], trained.template
    seen, vesicles = rival.look(part, membrane, template), rival.vesicles_of(part, template)
    image = part.image.read()
    return {
        "vesicles": lambda: rival.vesicles_of(part, template),
        "features": lambda: forest_features(image, vesicles, candidates(membrane)),
        "prediction": lambda: rival.vote(trained.forest, seen),
        "objects": last,
    }


def _together(rates: Mapping[str, float]) -> float:
    return 1 / sum(1 / rate for rate in rates.values())
