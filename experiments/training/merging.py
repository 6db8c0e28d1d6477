"""The training of a MergeNet: windows of objects, network, loss, validation."""

import dataclasses
import json
import logging
from pathlib import Path
from typing import cast

from flax import nnx
from jax import nn

from configs.training import MergeNetConfig, TrainRun
from data.merging.batches import window_batches
from experiments.training.earlier import FINAL, WITHOUT_EFFECT, already_begun, already_done, plain
from experiments.training.loop import Problem, join_cluster, learn
from experiments.training.merge_data import architecture_of, load_merge_data
from experiments.training.merge_validation import validate
from models.merge_weights import load_merge_weights, save_merge_weights
from models.mergenet import MergeNet
from models.pretrained_weights import find_weights

log = logging.getLogger(__name__)


def run(config: TrainRun, folder: Path) -> dict[str, float]:
    """Trains what a config asks for; returns the final figures.

    Raises:
        ValueError: data without objects that touch, or windows, weights or checkpoints that do not
            fit, before the first step.
        FloatingPointError: a loss that is no number; names the step and the last checkpoint.
    """
    told = plain(dataclasses.asdict(config))
    if already_done(folder, told):
        log.info("%s holds the finished run of this config", folder)
        return json.loads((folder / FINAL).read_text())
    begun = already_begun(folder, told)
    join_cluster(config.cluster)

    # Data
    model = cast(MergeNetConfig, config.model)
    architecture = architecture_of(model)
    learnt = load_merge_data(config.data, model, model.pairs, config.seed)
    held_out_data = dataclasses.replace(config.data, split=config.validation_split)
    held_out = load_merge_data(held_out_data, model, model.validation_pairs, config.seed)
    log.info("%d pairs to learn from, %d to validate", learnt.source.pairs, held_out.source.pairs)

    # Network
    graph, params = nnx.split(MergeNet(architecture, rngs=nnx.Rngs(config.seed)), nnx.Param)
    if config.weights:
        params = load_merge_weights(find_weights(config.weights), architecture)[1]

    def loss_of(params, windows, merged):
        logits = nnx.merge(graph, params)(windows)
        return (nn.softplus(logits) - logits * merged).mean(), {}

    problem = Problem(
        loss=loss_of,
        batches=lambda start: window_batches(learnt.source, config.batch_size, config.seed, start),
        validate=lambda params, pictures: validate(nnx.merge(graph, params), held_out, pictures),
        save=lambda path, params, card: save_merge_weights(path, architecture, params, card),
        card={
            "config": {key: value for key, value in told.items() if key not in WITHOUT_EFFECT},
            "voxel_size_nm": learnt.voxel_size_nm,
        },
    )
    return learn(config, told, folder, problem, params, begun)
