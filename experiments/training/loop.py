"""Steps, validations and checkpoints: what the trainings of all networks have in common.

State is a function of the config and of the number of steps done: a training that is killed and
goes on from its last checkpoint ends with the same bits as one that was left alone.
"""

import contextlib
import dataclasses
import functools
import logging
import math
import sys
from collections.abc import Callable, Generator, Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import optax
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import PyTree
from tqdm import tqdm

from configs.training import Cluster, TrainRun
from experiments.run_record import environment, write_json
from experiments.training.checkpoints import latest_step, restore, save
from experiments.training.earlier import WITHOUT_EFFECT
from experiments.training.layers import TrainingData
from experiments.training.optimizers import make_optimizer
from experiments.training.stopping import StopRequest
from experiments.training.tracking import Record, keep_until, track
from experiments.training.validation import Validation

log = logging.getLogger(__name__)
LOG_EVERY = 10  # steps
Arrays = Sequence[jax.Array | np.ndarray]


@dataclasses.dataclass(frozen=True)
class Problem:
    """What is learnt.

    Attributes:
        loss: of weights, on the arrays of a batch; with named parts of it to be recorded.
        batches: endless, from a number on; the first axis of each array is that of the crops.
        validate: scores weights, and draws pictures into a folder.
        save: writes weights with a card to a file.
        card: what users of the weights should know.
    """

    loss: Callable[..., tuple[jax.Array, dict[str, jax.Array]]]
    batches: Callable[[int], Iterator[Arrays]]
    validate: Callable[[PyTree, Path], Validation]
    save: Callable[[Path, PyTree, Mapping[str, Any]], None]
    card: Mapping[str, Any]


def join_cluster(cluster: Cluster) -> None:
    """Meets the other processes that train this network, if there are any."""
    if cluster.coordinator:
        jax.distributed.initialize(cluster.coordinator, cluster.processes, cluster.process)


def card_of(told: Mapping[str, Any], data: TrainingData) -> dict[str, Any]:
    """What users of weights should know of a run and of what it learnt from."""
    return {
        "config": {key: value for key, value in told.items() if key not in WITHOUT_EFFECT},
        "grey_scale": dataclasses.asdict(data.scale),
        "voxel_size_nm": data.stacks[0]["image"].voxel_size_nm,
    }


def learn(
    config: TrainRun,
    told: Mapping[str, Any],
    folder: Path,
    problem: Problem,
    params: PyTree,
    begun: bool,
) -> dict[str, float]:
    """Trains the weights of a network; returns the figures of the last validation.

    Args:
        config: of the run.
        told: the same as plain values, for the record.
        folder: the run directory.
        problem: what is learnt.
        params: weights to start from.
        begun: whether to go on from the last checkpoint, if there is one.

    Raises:
        ValueError: a batch that devices cannot share, or a checkpoint that does not fit.
        FloatingPointError: a loss that is no number; names the step and the last checkpoint.
    """
    leads = jax.process_index() == 0
    optimizer = make_optimizer(config.optimizer, config.steps)
    state = {
        "params": params,
        "average": jax.tree.map(jnp.copy, params),
        "optimizer": optimizer.init(params),
        "best": jnp.float32(-math.inf),
    }
    first = 0
    if begun and latest_step(folder / "checkpoints"):
        first, state = restore(folder / "checkpoints", state)
    if leads:
        keep_until(folder, first if first else -1)

    # Step
    devices = jax.devices()
    if config.batch_size % len(devices):
        raise ValueError(
            f"got batch_size={config.batch_size} on {len(devices)} devices; needs a multiple"
        )
    mesh = jax.make_mesh((len(devices),), ("crops",))
    everywhere, shared_out = PartitionSpec(), PartitionSpec("crops")

    def step(state, arrays, number):
        (loss, parts), gradient = jax.value_and_grad(problem.loss, has_aux=True)(
            state["params"], *arrays
        )
        loss, parts, gradient = jax.lax.pmean((loss, parts, gradient), "crops")
        updates, memory = optimizer.update(gradient, state["optimizer"], state["params"])
        params = optax.apply_updates(state["params"], updates)
        decay = jnp.minimum(config.optimizer.average, (1 + number) / (10 + number))
        average = jax.tree.map(lambda a, p: decay * a + (1 - decay) * p, state["average"], params)
        values = {"loss": loss, **parts, "gradient_norm": optax.tree.norm(gradient)}
        return {**state, "params": params, "average": average, "optimizer": memory}, values

    step_on_all = jax.jit(
        jax.shard_map(
            step,
            mesh=mesh,
            in_specs=(everywhere, shared_out, everywhere),
            out_specs=(everywhere, everywhere),
            check_vma=False,
        ),
        donate_argnums=0,
    )
    replicated = NamedSharding(mesh, everywhere)
    state = jax.device_put(state, replicated)

    # Loop
    drawn = problem.batches(first)
    if leads:
        write_json(folder / "environment.json", environment())
    stop, last = StopRequest(), Validation({}, -math.inf, {})
    recorded = track(told, folder, config.tracker) if leads else silence()
    progress = tqdm(
        total=config.steps,
        initial=first,
        desc="training",
        disable=not leads,
        mininterval=0.1 if sys.stderr.isatty() else 30,  # a log is not filled with bars
    )
    with recorded as record, stop, progress:
        for number in range(first + 1, config.steps + 1):
            arrays = on_devices(next(drawn), NamedSharding(mesh, shared_out))
            state, values = step_on_all(state, arrays, jnp.float32(number))
            check_finite(values, number, folder)
            progress.update()
            if number % LOG_EVERY == 0:
                record(number, {f"train/{name}": float(value) for name, value in values.items()})
                progress.set_postfix(loss=f"{float(values['loss']):.3f}", refresh=False)
            if number % config.validate_every == 0 or number == config.steps:
                average = jax.tree.map(lambda array: array.addressable_data(0), state["average"])
                last = problem.validate(average, folder / "samples" / f"{number:06d}")
                figures = {f"validation/{name}": value for name, value in last.values.items()}
                record(number, figures, last.pictures)
                log.info("step %d: %s", number, in_words(last.values))
                if last.score > float(state["best"]):
                    state["best"] = jax.device_put(np.float32(last.score), replicated)
                    if leads:
                        best = {**problem.card, "step": number, "validation": dict(last.values)}
                        problem.save(folder / "best.npz", average, best)
            if number % config.save_every == 0 or number == config.steps or stop.requested:
                save(folder / "checkpoints", number, state)
            if stop.requested:
                log.warning("stopped after step %d: go on with resume=%s", number, folder)
                raise SystemExit(128 + stop.requested)
        if isinstance(record, Record):
            record.finish({"score": float(state["best"]), **last.values})
    return dict(last.values)


@contextlib.contextmanager
def silence() -> Generator[Callable[..., None]]:
    """The record of a process that does not lead: none."""
    yield lambda *_: None


def in_words(values: Mapping[str, float]) -> str:
    """Figures on one line."""
    return ", ".join(f"{name} {value:.4f}" for name, value in values.items())


def on_devices(arrays: Arrays, sharding: NamedSharding) -> list[jax.Array]:
    """The arrays of a batch, each device with its own crops."""
    found = [np.asarray(a) for a in arrays]
    return [
        jax.make_array_from_callback(a.shape, sharding, functools.partial(a.__getitem__))
        for a in found
    ]


def check_finite(values: dict[str, jax.Array], number: int, folder: Path) -> None:
    """Raises FloatingPointError where the loss is no number."""
    if not math.isfinite(float(values["loss"])):
        last = latest_step(folder / "checkpoints")
        found = f"step {last} in {folder}" if last else "none"
        raise FloatingPointError(
            f"got loss {float(values['loss'])} at step {number}; the last good checkpoint is "
            f"{found}: "
            "go on from it with a lower optimizer.learning_rate"
        )
