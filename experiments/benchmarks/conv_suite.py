"""How fast layers are, forward and in a training step, beside XLA and PyTorch.

The figure of a contender is the rate at which it would have done the multiplications of the direct
algorithm, so that a fast algorithm can exceed the peak of the machine.
"""

import importlib
import importlib.util
import logging
import math
import time
from collections.abc import Callable, Mapping
from types import ModuleType

import jax
import jax.numpy as jnp
import numpy as np
from jax import lax
from jaxtyping import Array, Float32

from configs.schema import BenchmarkRun
from experiments.benchmarks.result import OURS, Result, take_turns
from experiments.run_record import usable_threads
from ops.winograd import winograd_conv

LAYERS = {  # name to images (batch, spatial axes, channels) and output channels; kernels of 3
    "3-D 16 channels": ((1, 32, 96, 96, 16), 16),
    "3-D 32 channels": ((1, 26, 52, 52, 32), 32),
    "3-D 64 channels": ((1, 16, 64, 64, 64), 64),
    "3-D 128 channels": ((1, 16, 32, 32, 128), 128),
    "2-D 32 channels": ((1, 512, 512, 32), 32),
    "2-D 64 channels": ((1, 224, 224, 64), 64),
    "2-D 128 channels": ((1, 112, 112, 128), 128),
}
PAUSE_S = 0.02  # between contenders, whose idle threads would otherwise still be spinning
NAMES = {2: ("NHWC", "HWIO", "NHWC"), 3: ("NDHWC", "DHWIO", "NDHWC")}
log = logging.getLogger(__name__)

Work = Callable[[], None]


def measure_convolutions(config: BenchmarkRun) -> list[Result]:
    """Forward and training step of every layer; the fastest of each round's runs counts."""
    if importlib.util.find_spec("torch") is None:
        log.warning("left out: PyTorch, which is not installed (pip install torch)")
    results = []
    for name, (shape, cout) in LAYERS.items():
        log.info("measuring %s", name)
        images = _draw(config.seed, *shape)
        kernels = _draw(config.seed + 1, *(3,) * (len(shape) - 2), shape[-1], cout)
        for what, steps in (("forward", 1), ("training step", 3)):
            flop = steps * 2.0 * images.size * kernels.size / shape[-1]
            works = _contenders(images, kernels, what)
            rates = {who: _rate_of(work, flop, config.rounds) for who, work in works.items()}
            figures = take_turns(rates, config.rounds)
            results.append(Result(f"{name}, {what}", "GFLOP/s of the direct algorithm", figures))
    return results


def _contenders(images, kernels, what: str) -> Mapping[str, Work]:
    found = {
        OURS: _jax_work(winograd_conv, images, kernels, what),
        "XLA": _jax_work(_lax_conv, images, kernels, what),
    }
    if importlib.util.find_spec("torch") is not None:
        torch = importlib.import_module("torch")

        found["PyTorch (oneDNN)"] = _torch_work(torch, images, kernels, what)
    return found


def _lax_conv(x: Float32[Array, "..."], w: Float32[Array, "..."]) -> Float32[Array, "..."]:
    rank = x.ndim - 2
    return lax.conv_general_dilated(x, w, (1,) * rank, "SAME", dimension_numbers=NAMES[rank])


def _jax_work(conv: Callable, images, kernels, what: str) -> Work:
    """The forward pass, or forward pass and both gradients."""

    def step(x, w):
        y, back = jax.vjp(conv, x, w)
        return y, back(y)

    work = jax.jit(conv if what == "forward" else step)
    x, w = jnp.asarray(images), jnp.asarray(kernels)
    return lambda: jax.block_until_ready(work(x, w))


def _torch_work(torch: ModuleType, images, kernels, what: str) -> Work:
    """The same in PyTorch, channels last, on as many threads."""
    torch.set_num_threads(usable_threads())
    rank = images.ndim - 2
    layout = torch.channels_last if rank == 2 else torch.channels_last_3d
    conv = torch.nn.functional.conv2d if rank == 2 else torch.nn.functional.conv3d
    axes = tuple(range(rank))
    x = torch.from_numpy(np.moveaxis(images, -1, 1)).to(memory_format=layout)
    w = torch.from_numpy(kernels.transpose(rank + 1, rank, *axes).copy()).to(memory_format=layout)

    def forward() -> None:
        with torch.no_grad():
            conv(x, w, padding=1)

    def step() -> None:
        for leaf in leaves:
            leaf.grad = None
        y = conv(*leaves, padding=1)
        y.backward(y.detach())

    leaves = [value.clone().requires_grad_() for value in (x, w)]
    return forward if what == "forward" else step


def _rate_of(work: Work, flop: float, runs: int) -> Callable[[], float]:
    """GFLOP/s of the fastest of some runs, the first of all being for compilation."""
    warm = False

    def measure() -> float:
        nonlocal warm
        if not warm:
            work()
            warm = True
        time.sleep(PAUSE_S)
        best = math.inf
        for _ in range(runs):
            start = time.perf_counter()
            work()
            best = min(best, time.perf_counter() - start)
        return flop / 1e9 / best

    return measure


def _draw(seed: int, *shape: int) -> Float32[np.ndarray, "..."]:
    return np.random.default_rng(seed).standard_normal(shape, np.float32)
