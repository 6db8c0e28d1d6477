"""Layers forward and in training, beside XLA, PyTorch (oneDNN) and the limits of the machine.

The figure of a contender is the rate at which it would have done the multiplications of the direct
algorithm, so that a fast algorithm can exceed the peak of the machine.
"""

import dataclasses
import logging
from collections.abc import Mapping, Sequence

import jax
import jax.numpy as jnp
import numpy as np

from experiments.benchmarks.conv.jax_works import (
    PASSES,
    Images,
    Pass,
    Work,
    jax_works,
    lax_conv,
)
from experiments.benchmarks.conv.layers import Layer
from experiments.benchmarks.conv.limits import PEAK, UNITS, Measure
from experiments.benchmarks.conv.timing import rate_of
from experiments.benchmarks.conv.torch_works import torch_module, torch_works
from experiments.benchmarks.result import OURS, Result, take_turns
from ops.winograd import conv_prepared, prepare, winograd_conv

XLA, TORCH = "XLA", "PyTorch (oneDNN)"
CONTENDERS = (OURS, XLA, TORCH)
UNIT = "GFLOP/s of the direct algorithm"
log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Measured:
    """A pass of a layer, and the rates of its contenders and of the machine."""

    layer: Layer
    what: Pass
    result: Result


def measure_layers(
    layers: Sequence[Layer], limits: Mapping[str, Measure], rounds: int, seed: int
) -> tuple[list[Measured], list[Result]]:
    """Every pass of every layer, and the limits: the peak in each pass, bandwidths in the first."""
    if torch_module() is None:
        log.warning("left out: PyTorch, which is not installed (pip install torch)")
    measured = []
    found: dict[str, list[float]] = {name: [] for name in limits}
    for layer in layers:
        log.info("measuring %s", layer.label)
        for what, works in layer_works(layer, seed).items():
            flop = PASSES[what] * layer.flop
            rates = {who: rate_of(work, flop) for who, work in works.items()}
            here = {name: limits[name] for name in limits if what == "forward" or name == PEAK}
            figures = take_turns({**rates, **here}, rounds)
            for name in here:
                found[name] += figures[name] if name == PEAK else figures.pop(name)
            measured.append(Measured(layer, what, Result(f"{layer.label}, {what}", UNIT, figures)))
    return measured, [Result(name, UNITS[name], {name: rates}) for name, rates in found.items()]


def layer_works(layer: Layer, seed: int) -> dict[Pass, dict[str, Work]]:
    """Each pass of a layer by each contender, on the same random numbers."""
    x, w, dy = draw_arrays(layer, seed)
    works = {OURS: jax_works(winograd_conv, x, w, dy), XLA: jax_works(lax_conv, x, w, dy)}
    torch = torch_module()
    if torch is not None:
        works[TORCH] = torch_works(torch, x, w, dy)
    for who, passes in works.items():
        passes["prepared"] = prepared_work(x, w) if who == OURS else passes["forward"]
    return {what: {who: passes[what] for who, passes in works.items()} for what in PASSES}


def prepared_work(x: Images, w: Images) -> Work:
    """Our forward pass by kernels that are transformed already."""
    images, prepared = jnp.asarray(x), prepare(jnp.asarray(w), x.shape)
    work = jax.jit(conv_prepared)
    return lambda: jax.block_until_ready(work(images, prepared))


def draw_arrays(layer: Layer, seed: int) -> list[Images]:
    """Images, kernels and a gradient of the result, normally distributed."""
    rng = np.random.default_rng(seed)
    shapes = (
        layer.shape,
        (*layer.kernel, layer.cin, layer.cout),
        (*layer.shape[:-1], layer.cout),
    )
    return [rng.standard_normal(shape, np.float32) for shape in shapes]
