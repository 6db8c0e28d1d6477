"""One tissue: constants are chosen on one part of it; scores and speed are of another."""

import dataclasses
import logging
from collections.abc import Mapping
from typing import Any

from configs.schema import SynapseSuite, SynapseWeights
from experiments.benchmarks.synapses.choice import choose
from experiments.benchmarks.synapses.evidence import Evidence, gather, with_votes
from experiments.benchmarks.synapses.methods import (
    FOREST,
    Cut,
    Method,
    Tuned,
    methods,
    objects,
)
from experiments.benchmarks.synapses.networks import load_networks
from experiments.benchmarks.synapses.parts import Parts, crop_to
from experiments.benchmarks.synapses.scores import f1_of, scores_of
from experiments.benchmarks.synapses.speed import Speed, measure_speed
from ops.metrics.metric import Metric
from ops.synapses.rules import Rules

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Row:
    """What was measured of a method on a tissue.

    Attributes:
        data: name of the tissue.
        method: its name.
        missing: why it was not measured; empty if it was.
        settings: constants that were chosen.
        chosen_f1: F1 by VESICLE's rule where they were chosen.
        metrics: on the part that is scored.
        speed: of its steps.
    """

    data: str
    method: str
    missing: str = ""
    settings: Mapping[str, Any] = dataclasses.field(default_factory=dict)
    chosen_f1: float | None = None
    metrics: tuple[Metric, ...] = ()
    speed: Speed | None = None

    def as_dict(self) -> dict:
        """The row for JSON; rates in MB/s."""
        speed = self.speed and {
            **vars(self.speed),
            "after_networks": self.speed.after_networks,
            "all": self.speed.all,
        }
        metrics = [metric.as_dict() for metric in self.metrics]
        return {**vars(self), "metrics": metrics, "speed": speed}


def measure_tissue(
    name: str,
    parts: Parts,
    weights: SynapseWeights,
    settings: SynapseSuite,
    rounds: int,
    seed: int,
) -> list[Row]:
    """A row for each method, whether it can be run or not."""
    networks, missing = load_networks(weights)
    reasons = {method.name: method.missing(networks, missing) for method in methods()}
    if parts.score.neurites is None and "membrane" in missing:  # nothing to segment by
        reasons = dict.fromkeys(reasons, missing["membrane"])
    rows = {method: Row(name, method, reason) for method, reason in reasons.items()}
    able = [method for method in methods() if not reasons[method.name]]
    if not able:
        return list(rows.values())

    log.info("%s: predicting", name)
    chosen, scored, trained = gather(parts.choose, networks), gather(parts.score, networks), None
    if not reasons[FOREST]:
        log.info("%s: learning forests", name)
        try:
            trained, chosen, scored = with_votes(
                parts, chosen, scored, networks["membrane"], settings, seed
            )
        except ValueError as error:  # nothing to learn from
            able, rows[FOREST] = able[:-1], Row(name, FOREST, str(error))
    tuned = [_tuned(method, chosen) for method in able]
    log.info("%s: measuring speed", name)
    part = scored.cropped(crop_to(settings.speed_shape))
    speeds = measure_speed(tuned, part, networks, trained, rounds)
    for each in tuned:
        method = each.method.name
        found = objects(each.method, each.settings, scored)
        metrics = scores_of(scored.truth, found, settings.draws, seed)
        constants = dataclasses.asdict(each.settings)
        rows[method] = Row(name, method, "", constants, each.f1, metrics, speeds[method])
    return list(rows.values())


def _tuned(method: Method, evidence: Evidence) -> Tuned:
    log.info("choosing constants of %s", method.name)

    def score(settings: Rules | Cut) -> tuple[float, ...]:
        return f1_of(evidence.truth, objects(method, settings, evidence))

    settings, (f1, _) = choose(method.settings, method.options, score)
    return Tuned(method, settings, f1)
