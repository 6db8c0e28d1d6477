"""The training of a network that sees images alone: data, network, loss, validation."""

import dataclasses
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

import jax.numpy as jnp
from flax import nnx
from jaxtyping import PyTree

from configs.training import ModelConfig, TrainRun
from data.augment import Augmentation
from experiments.training.batches import Sampling, batches
from experiments.training.earlier import FINAL, already_begun, already_done, plain
from experiments.training.layers import load_layers
from experiments.training.loop import Arrays, Problem, card_of, join_cluster, learn
from experiments.training.shares import positive_shares
from experiments.training.targets import kinds_of
from experiments.training.validation import validate
from models.architecture import Architecture, Network, build
from models.losses import balanced_cross_entropy, overlap_loss, tempered
from models.outputs import check_outputs
from models.weights import load_weights, save_weights

log = logging.getLogger(__name__)


def run(config: TrainRun, folder: Path) -> dict[str, float]:
    """Trains what a config asks for; returns the final figures.

    Raises:
        ValueError: data, labels, crops or checkpoints that do not fit, before the first step.
        FloatingPointError: a loss that is no number; names the step and the last checkpoint.
    """
    told = plain(dataclasses.asdict(config))
    if already_done(folder, told):
        log.info("%s holds the finished run of this config", folder)
        return json.loads((folder / FINAL).read_text())
    begun = already_begun(folder, told)
    join_cluster(config.cluster)

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

    # Network
    constant = tempered(shares, 1 - model.balance)  # the answer that costs least if it is one
    architecture = architecture_of(model, float(constant.mean()))
    graph, params = nnx.split(build(architecture, nnx.Rngs(config.seed)), nnx.Param)
    if config.weights:
        params = starting_weights(config.weights, architecture)

    def loss_of(params, images, targets, known):
        network = nnx.merge(graph, params)
        inner = {"ends": False} if sampling.margin else {}
        logits = network(images, **inner)
        entropy = balanced_cross_entropy(logits, targets, known, balance)
        overlap = overlap_loss(logits, targets, known)
        return entropy + config.optimizer.overlap * overlap, {"entropy": entropy, "dice": overlap}

    def drawn(start: int) -> Iterator[Arrays]:
        found = batches(learnt, outputs, sampling, config.seed, start=start)
        return ((batch.images, batch.targets, batch.known) for batch in found)

    problem = Problem(
        loss=loss_of,
        batches=drawn,
        validate=lambda params, pictures: validate(
            nnx.merge(graph, params), held_out, outputs, pictures
        ),
        save=lambda path, params, card: save_weights(path, architecture, params, card),
        card=card_of(told, learnt),
    )
    return learn(config, told, folder, problem, params, begun)


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
