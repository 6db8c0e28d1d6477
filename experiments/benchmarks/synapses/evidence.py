"""What is known of a part before any constant matters: maps, segments and the forest's votes."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Float32, Int64, UInt

from configs.schema import SynapseSuite
from experiments.benchmarks.synapses import rival
from experiments.benchmarks.synapses.networks import Maps, Network, maps_of, segment
from experiments.benchmarks.synapses.parts import Part, Parts, Slices, cropped_part
from ops.metrics.synapse_objects import truth_components

MEMBRANE = ("membrane", "membrane")
Votes = Float32[np.ndarray, "z y x"]


@dataclasses.dataclass(frozen=True)
class Evidence:
    """Of one part.

    Attributes:
        part: itself.
        truth: its true synapses: components as labels.
        maps: what the networks answer.
        segmentation: true neurites, or segments from the membranes where those are not known.
        votes: the forest's; None without a forest.
    """

    part: Part
    truth: Int64[np.ndarray, "z y x"]
    maps: Maps
    segmentation: UInt[np.ndarray, "z y x"]
    votes: Votes | None = None

    def cropped(self, crop: Slices) -> "Evidence":
        """That of some of the voxels, as if there were no others."""
        part = cropped_part(self.part, crop)
        return Evidence(
            part,
            truth_components(part.clefts),
            {source: probability[crop] for source, probability in self.maps.items()},
            self.segmentation[crop],
            None if self.votes is None else self.votes[crop],
        )


def gather(part: Part, networks: Mapping[str, Network]) -> Evidence:
    """All that the networks say of a part."""
    maps: Maps = {}
    for name, network in networks.items():
        maps |= maps_of(name, network, part)
    segmentation = part.neurites
    if segmentation is None:
        segmentation = segment(maps[MEMBRANE], part.image.voxel_size_nm)
    return Evidence(part, truth_components(part.clefts), maps, segmentation)


def with_votes(
    parts: Parts,
    chosen: Evidence,
    scored: Evidence,
    membranes: Network,
    settings: SynapseSuite,
    seed: int,
) -> tuple[rival.Rival, Evidence, Evidence]:
    """The evidence with votes of forests, and the one that voted on the scored part.

    One that learnt from the first part votes where constants are chosen. Another, which learnt
    from both, votes on the part that is scored, so that the forest has seen all that the networks
    have of data with a single volume.
    """
    template = rival.choose_template(parts.learn)
    membrane = maps_of("membrane", membranes, parts.learn)[MEMBRANE]
    learnt = rival.look(parts.learn, membrane, template)
    seen, unseen = (rival.look(e.part, e.maps[MEMBRANE], template) for e in (chosen, scored))
    sizes = settings.trees, settings.samples, seed
    votes = rival.vote(rival.learn([learnt], *sizes), seen)
    forest = rival.learn([learnt, seen], *sizes)
    return (
        rival.Rival(template, forest),
        dataclasses.replace(chosen, votes=votes),
        dataclasses.replace(scored, votes=rival.vote(forest, unseen)),
    )
