"""The training of a cross-classifier: pairs of sections, network, loss, validation."""

import dataclasses
import json
import logging
from collections.abc import Iterator
from pathlib import Path
from typing import cast

from flax import nnx

from configs.sources import Data
from configs.training import CrossClassifierConfig, TrainingTargets, TrainRun
from data.augment import Augmentation
from experiments.reconstruction.weights import choose_weights
from experiments.training.batches import Sampling
from experiments.training.crossing_validation import validate
from experiments.training.earlier import FINAL, already_begun, already_done, plain
from experiments.training.layers import TrainingData, load_layers
from experiments.training.loop import Arrays, Problem, card_of, join_cluster, learn
from experiments.training.pairs import pair_batches, with_membranes
from models.cross_classifier import CrossArchitecture, CrossClassifier
from models.cross_weights import load_cross_weights, save_cross_weights
from models.losses import class_cross_entropy
from models.pretrained_weights import find_weights

log = logging.getLogger(__name__)


def run(config: TrainRun, folder: Path) -> dict[str, float]:
    """Trains what a config asks for; returns the final figures.

    Raises:
        ValueError: data without neurites, crops of one section, fewer than two letters, or
            volumes, weights or checkpoints that do not fit, before the first step.
        FloatingPointError: a loss that is no number; names the step and the last checkpoint.
    """
    told = plain(dataclasses.asdict(config))
    if already_done(folder, told):
        log.info("%s holds the finished run of this config", folder)
        return json.loads((folder / FINAL).read_text())
    begun = already_begun(folder, told)
    join_cluster(config.cluster)

    # Data
    model = cast(CrossClassifierConfig, config.model)
    architecture = CrossArchitecture(
        letters=model.letters,
        width=model.width,
        levels=model.levels,
        reduction=model.reduction,
        membranes=model.membranes is not None,
    )
    learnt = load_pairs(config.data, model, config.seed)
    held_out_data = dataclasses.replace(config.data, split=config.validation_split)
    held_out = load_pairs(held_out_data, model, config.seed)
    d, h, w = model.crop_shape
    augmentation = Augmentation(**dataclasses.asdict(config.augmentation))
    sampling = Sampling((d, h, w), config.batch_size, augmentation)

    # Network
    network = CrossClassifier(architecture, rngs=nnx.Rngs(config.seed))
    graph, params = nnx.split(network, nnx.Param)
    if config.weights:
        params = load_cross_weights(find_weights(config.weights), architecture)[1]

    def loss_of(params, source, target, colours, answers):
        logits = nnx.merge(graph, params)(source, target, colours)
        return class_cross_entropy(logits, answers), {}

    def drawn(start: int) -> Iterator[Arrays]:
        found = pair_batches(learnt, architecture, sampling, config.seed, start)
        return ((b.source, b.target, b.colours, b.answers) for b in found)

    problem = Problem(
        loss=loss_of,
        batches=drawn,
        validate=lambda params, pictures: validate(nnx.merge(graph, params), held_out, pictures),
        save=lambda path, params, card: save_cross_weights(path, architecture, params, card),
        card=card_of(told, learnt),
    )
    return learn(config, told, folder, problem, params, begun)


def load_pairs(data: Data, model: CrossClassifierConfig, seed: int) -> TrainingData:
    """Images, neurites and, if the network is to see them, membranes.

    Raises:
        ValueError: data without neurites, or of one section.
    """
    found = load_layers(data, ("neurites",), TrainingTargets(), seed)
    for stack in found.stacks:
        if stack["image"].shape[0] < 2:
            raise ValueError(
                f"{stack['image'].name}: got a single section; needs two, to follow objects from "
                "one to the other"
            )
    if model.membranes is None:
        return found
    return with_membranes(found, choose_weights(model.membranes))
