"""The training of a network, from top to bottom: data, network, step, loop.

State is a function of the config and of the number of steps done: a training that is killed and
goes on from its last checkpoint ends with the same bits as one that was left alone.
"""

import contextlib
import dataclasses
import functools
import json
import logging
import math
import sys
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import cast

import jax
import jax.numpy as jnp
import numpy as np
import optax
from flax import nnx
from jax.sharding import NamedSharding, PartitionSpec
from jaxtyping import PyTree
from tqdm import tqdm

from configs.training import ModelConfig, TrainRun
from data.augment import Augmentation
from experiments.run_record import environment, write_json
from experiments.training.batches import Batch, Sampling, batches
from experiments.training.checkpoints import latest_step, restore, save
from experiments.training.earlier import already_begun, already_done
from experiments.training.layers import load_layers
from experiments.training.optimizers import make_optimizer
from experiments.training.shares import positive_shares
from experiments.training.stopping import StopRequest
from experiments.training.targets import kinds_of
from experiments.training.tracking import Record, keep_until, track
from experiments.training.validation import Validation, validate
from models.architecture import Architecture, Network, build
from models.losses import balanced_cross_entropy, overlap_loss, tempered
from models.outputs import check_outputs
from models.weights import load_weights, save_weights

log = logging.getLogger(__name__)
LOG_EVERY = 10  # steps


def run(config: TrainRun, folder: Path) -> dict[str, float]:
    """Trains what a config asks for; returns the final figures.

    Raises:
        ValueError: data, labels, crops or checkpoints that do not fit, before the first step.
        FloatingPointError: a loss that is no number; names the step and the last checkpoint.
    """
    plain = json.loads(json.dumps(dataclasses.asdict(config), default=lambda e: e.value))
    if already_done(folder, plain):
        log.info("%s holds the finished run of this config", folder)
        return json.loads((folder / "metrics.json").read_text())
    begun = already_begun(folder, plain)
    if config.cluster.coordinator:
        cluster = config.cluster
        jax.distributed.initialize(cluster.coordinator, cluster.processes, cluster.process)
    leads = jax.process_index() == 0

    # Data
    model = cast(ModelConfig, config.model)
    outputs = tuple(model.outputs)
    check_outputs(outputs)
    kinds = kinds_of(outputs)
    learnt = load_layers(config.data, kinds, model.targets, config.seed)
    held_out_data = dataclasses.replace(config.data, split=config.validation_split)
    held_out = load_layers(held_out_data, kinds, model.targets, config.seed)
    sampling = sampling_of(config, model)
    shares = jnp.asarray(positive_shares(learnt, outputs), jnp.float32)
    balance = tempered(shares, model.balance)

    # Network and optimizer
    constant = tempered(shares, 1 - model.balance)  # the answer that costs least if it is one
    architecture = architecture_of(model, float(constant.mean()))
    graph, params = nnx.split(build(architecture, nnx.Rngs(config.seed)), nnx.Param)
    if config.weights:
        params = starting_weights(config.weights, architecture)
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

    def loss_of(params, images, targets, known):
        network = nnx.merge(graph, params)
        inner = {"ends": False} if sampling.margin else {}
        logits = network(images, **inner)
        entropy = balanced_cross_entropy(logits, targets, known, balance)
        overlap = overlap_loss(logits, targets, known)
        return entropy + config.optimizer.overlap * overlap, {"entropy": entropy, "dice": overlap}

    def step(state, images, targets, known, number):
        (loss, parts), gradient = jax.value_and_grad(loss_of, has_aux=True)(
            state["params"], images, targets, known
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
            in_specs=(everywhere, shared_out, shared_out, shared_out, everywhere),
            out_specs=(everywhere, everywhere),
            check_vma=False,
        ),
        donate_argnums=0,
    )
    replicated = NamedSharding(mesh, everywhere)
    state = jax.device_put(state, replicated)

    # Loop
    if leads:
        write_json(folder / "environment.json", environment())
    told = {key: value for key, value in plain.items() if key not in ("resume", "tracker")}
    size = learnt.stacks[0]["image"].voxel_size_nm
    card = {"config": told, "grey_scale": dataclasses.asdict(learnt.scale), "voxel_size_nm": size}
    drawn = batches(learnt, outputs, sampling, config.seed, start=first)
    stop, last = StopRequest(), Validation({}, -math.inf, {})
    recorded = track(plain, folder, config.tracker) if leads else silence()
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
            state, values = step_on_all(state, *arrays, jnp.float32(number))
            check_finite(values, number, folder)
            progress.update()
            if number % LOG_EVERY == 0:
                record(number, {f"train/{name}": float(value) for name, value in values.items()})
                progress.set_postfix(loss=f"{float(values['loss']):.3f}", refresh=False)
            if number % config.validate_every == 0 or number == config.steps:
                average = jax.tree.map(lambda array: array.addressable_data(0), state["average"])
                last = validate(
                    nnx.merge(graph, average),
                    held_out,
                    outputs,
                    folder / "samples" / f"{number:06d}",
                )
                figures = {f"validation/{name}": value for name, value in last.values.items()}
                record(number, figures, last.pictures)
                log.info("step %d: %s", number, in_words(last.values))
                if last.score > float(state["best"]):
                    state["best"] = jax.device_put(np.float32(last.score), replicated)
                    if leads:
                        best = {**card, "step": number, "validation": dict(last.values)}
                        save_weights(folder / "best.npz", architecture, average, best)
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


def sampling_of(config: TrainRun, model: ModelConfig) -> Sampling:
    """How batches are drawn.

    Raises:
        ValueError: a crop of fewer sections than the network sees at once.
    """
    (d, h, w), sections = model.crop_shape, model.sections
    if d < sections:
        raise ValueError(
            f"got model.crop_shape={[d, h, w]} for a network that sees {sections} sections at "
            "once; needs at least as many: the ends of a crop lend context alone"
        )
    return Sampling(
        crop_shape=(d, h, w),
        batch_size=config.batch_size,
        augmentation=Augmentation(**dataclasses.asdict(config.augmentation)),
        focus=model.focus,
        focus_fraction=0.5 if model.focus else 0.0,
        margin=sections // 2,
    )


def architecture_of(model: ModelConfig, prior: float) -> Architecture:
    """The network that a config describes, which starts out by answering `prior`."""
    return Architecture(
        network=cast(Network, model.network),
        outputs=tuple(model.outputs),
        width=model.width,
        levels=model.levels,
        sections=model.sections,
        anisotropic_levels=model.anisotropic_levels,
        prior=prior,
    )


def starting_weights(path: str, architecture: Architecture) -> PyTree:
    """The weights of a file, for a network of the same architecture.

    Raises:
        ValueError: another architecture; says which field differs.
    """
    return load_weights(path, architecture)[1]


def on_devices(batch: Batch, sharding: NamedSharding) -> list[jax.Array]:
    """The batch's arrays, each device with its own crops."""
    arrays = [np.asarray(a) for a in (batch.images, batch.targets, batch.known)]
    return [
        jax.make_array_from_callback(a.shape, sharding, functools.partial(a.__getitem__))
        for a in arrays
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
