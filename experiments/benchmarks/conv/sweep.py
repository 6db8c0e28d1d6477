"""Random shapes, forward, against XLA: whether any is slower than what it replaces."""

import dataclasses
import logging
import statistics
from collections.abc import Sequence
from functools import partial

import jax
import jax.numpy as jnp

from experiments.benchmarks.conv.jax_works import jax_works, lax_conv
from experiments.benchmarks.conv.layers import Layer
from experiments.benchmarks.conv.suite import XLA, draw_arrays
from experiments.benchmarks.conv.timing import seconds_of, warm_up
from experiments.benchmarks.result import OURS, Result, take_turns
from experiments.evaluation.outcome import Rows
from ops.winograd import explain, winograd_conv
from ops.winograd.plan import Plan

SLOWER = 1.1  # times XLA's time, from which on a shape counts as slower
WORST = 5  # shapes that are named
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Compared:
    """A layer, and the seconds of the fastest run by us and by XLA."""

    layer: Layer
    ours_s: float
    xla_s: float

    @property
    def ratio(self) -> float:
        """XLA's time over ours."""
        return self.xla_s / self.ours_s


def compare(layers: Sequence[Layer], rounds: int, seed: int) -> list[Compared]:
    """Each layer forward, by turns."""
    compared = []
    for layer in layers:
        arrays = draw_arrays(layer, seed)
        convs = {OURS: winograd_conv, XLA: lax_conv}
        works = {who: jax_works(conv, *arrays)["forward"] for who, conv in convs.items()}
        for work in works.values():
            warm_up(work)
        turns = take_turns({who: partial(seconds_of, work) for who, work in works.items()}, rounds)
        compared.append(Compared(layer, min(turns[OURS]), min(turns[XLA])))
        if len(compared) % 20 == 0:
            log.info("compared %d of %d shapes", len(compared), len(layers))
    return compared


def plan_of(layer: Layer) -> Plan:
    """How a layer is computed."""
    x = jax.ShapeDtypeStruct(layer.shape, jnp.float32)
    w = jax.ShapeDtypeStruct((*layer.kernel, layer.cin, layer.cout), jnp.float32)
    return explain(x, w)


def sweep_result(compared: Sequence[Compared]) -> Result:
    """The ratios of all layers, whose median counts."""
    name = f"{len(compared)} random shapes, forward"
    return Result(name, "times as fast as XLA", {OURS: [c.ratio for c in compared]})


def sweep_rows(compared: Sequence[Compared]) -> Rows:
    """One row for each layer, the slowest beside XLA first."""
    rows = []
    for c in sorted(compared, key=lambda c: c.ratio):
        plan = plan_of(c.layer)
        rows.append(
            {
                "shape": "x".join(map(str, c.layer.shape)),
                "kernel": "x".join(map(str, c.layer.kernel)),
                "cout": c.layer.cout,
                "neuropil_ms": 1e3 * c.ours_s,
                "xla_ms": 1e3 * c.xla_s,
                "times_as_fast": c.ratio,
                "path": plan.path,
                "tile": "x".join(map(str, plan.tile)),
                "reason": plan.reason,
            }
        )
    return rows


def sweep_words(compared: Sequence[Compared]) -> str:
    """How it went in a sentence, and a table of the worst."""
    ratios = [c.ratio for c in compared]
    slower = sum(ratio < 1 / SLOWER for ratio in ratios) / len(ratios)
    sentence = (
        f"{len(ratios)} random shapes, forward, fastest runs: {statistics.median(ratios):.2g} "
        f"times as fast as XLA in the median; {slower:.1%} are slower than XLA by more than "
        f"{SLOWER - 1:.0%}. The worst:"
    )
    rows = sweep_rows(compared)[:WORST]
    lines = ["| " + " | ".join(_cell(value) for value in row.values()) + " |" for row in rows]
    head = "| " + " | ".join(rows[0]) + " |"
    return "\n".join([sentence, "", head, "|" + " --- |" * len(rows[0]), *lines]) + "\n"


def _cell(value: object) -> str:
    return f"{value:.3g}" if isinstance(value, float) else str(value)
