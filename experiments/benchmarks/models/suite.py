"""Whole networks, in training and at inference, beside the same in PyTorch and in stock JAX."""

import importlib
import logging
from collections.abc import Callable, Sequence

from flax import nnx

from configs.schema import BenchmarkRun
from experiments.benchmarks.conv.allocator import keep_freed_memory
from experiments.benchmarks.conv.jax_works import Work
from experiments.benchmarks.conv.timing import seconds_of
from experiments.benchmarks.conv.torch_works import torch_module
from experiments.benchmarks.models.cases import CASES, Case, draw_network, draw_samples
from experiments.benchmarks.models.jax_works import jax_work
from experiments.benchmarks.models.stock import stock_convolutions
from experiments.benchmarks.result import OURS, Result, markdown, take_turns
from experiments.run_record import usable_threads
from models.architecture import build
from models.cost import parameter_count

STOCK, TORCH = "stock JAX", "PyTorch"
WORDS = (
    "A training step is forward, loss, backward and AdamW; inference gives the logits; images are "
    "(z, y, x), of one grey value. PyTorch: the same networks, eager, channels last, in "
    "inference mode where they do not learn. Stock JAX: the same networks with "
    "lax.conv_general_dilated."
)
log = logging.getLogger(__name__)


def measure_models(config: BenchmarkRun) -> tuple[list[Result], str]:
    """The figures of all cases, and what they say in words and a table."""
    allocator = keep_freed_memory()
    if torch_module() is None:
        log.warning("left out: PyTorch, which is not installed (pip install torch)")
    results = [_measure(case, config.rounds, config.seed) for case in CASES]
    words = [fastest_words(results), f"{size_words(CASES)} {WORDS}", f"Memory: {allocator}."]
    return results, "\n".join([markdown(results), "\n\n".join(words)]) + "\n"


def _measure(case: Case, rounds: int, seed: int) -> Result:
    log.info("measuring %s", case.label)
    works = case_works(case, seed)
    for work in works.values():
        work()  # which finds its memory; compiled it is
    rates = {who: _rate(work, case.voxels) for who, work in works.items()}
    return Result(case.label, "Mvoxel/s", take_turns(rates, rounds))


def case_works(case: Case, seed: int) -> dict[str, Work]:
    """The work of each contender, of the same parameters and images."""
    network = draw_network(case.architecture, seed)
    samples = draw_samples(case.shape, seed)
    works = {OURS: jax_work(network, case.what, samples)}
    if torch_module() is not None:
        peer = importlib.import_module("experiments.benchmarks.models.torch_works")
        works[TORCH] = peer.torch_work(network, case.what, samples)
    with stock_convolutions():
        works[STOCK] = jax_work(network, case.what, samples)
    return works


def fastest_words(results: Sequence[Result]) -> str:
    """Ratios of the fastest runs, which a busy machine disturbs the least."""
    parts = []
    for result in results:
        peers = [who for who in result.figures if who != OURS]
        ratios = (f"{who} {result.highest() / result.highest(who):.2g}" for who in peers)
        parts.append(f"{result.name}: {', '.join(ratios)}")
    return f"Ratios of the fastest runs: {'; '.join(parts)}."


def size_words(cases: Sequence[Case]) -> str:
    """What the networks are, and on how many threads they run."""
    parts = []
    for a in dict.fromkeys(case.architecture for case in cases):
        millions = parameter_count(nnx.eval_shape(lambda a=a: build(a, nnx.Rngs(0)))) / 1e6
        parts.append(f"{a.network} with {a.levels} levels, {millions:.2g} million parameters")
    return f"Networks: {'; '.join(parts)}; {usable_threads()} threads."


def _rate(work: Work, voxels: int) -> Callable[[], float]:
    """What measures Mvoxel/s of some work; slow work runs once."""
    return lambda: voxels / 1e6 / seconds_of(work)
