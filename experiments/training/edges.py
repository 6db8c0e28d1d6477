"""The training of an edge classifier: supervoxels of the data, their true objects, a regression.

It learns from the region graph of a reconstruction, which is made here up to that stage, block by
block, unless a finished one is named. A training that is stopped goes on in the same folder.
"""

import dataclasses
import json
import logging
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Bool, Float64

from configs.training import EdgeClassifier, TrainRun
from data.volume import Volume
from experiments.reconstruction.calibration import blocks_of, count_neurites
from experiments.reconstruction.engine import open_engine, run_blocks
from experiments.reconstruction.planning import plan_graph
from experiments.reconstruction.settings import composed, config_of
from experiments.reconstruction.source import origin_of
from experiments.reconstruction.stages.adjoining import read_graph
from experiments.reconstruction.stages.prediction import digest
from experiments.reconstruction.weights import choose_weights
from experiments.run_record import environment, write_json
from experiments.training.earlier import FINAL, already_done, plain
from experiments.training.tracking import track
from models.edge_classifier import fit, probabilities, save_classifier
from models.pretrained_weights import BEST
from ops.segmentation.edge_features import NAMES, edge_features
from ops.segmentation.edge_labels import edge_labels

log = logging.getLogger(__name__)
MADE = "reconstruction"  # the folder of what is made here
CERTAIN = 1e-12  # least probability whose logarithm is taken


def run(config: TrainRun, folder: Path) -> dict[str, float]:
    """Trains what a config asks for; returns its figures on the edges that it has learnt from.

    Raises:
        ValueError: no weights, data without true neurites or for validation, a reconstruction of
            other data or by other weights, or edges of one kind alone.
        FileNotFoundError: a reconstruction that is not finished.
    """
    told = plain(dataclasses.asdict(config))
    if already_done(folder, told):
        log.info("%s holds the finished run of this config", folder)
        return json.loads((folder / FINAL).read_text())
    weights, truth = check(config)
    named = cast(EdgeClassifier, config.model).reconstruction
    found = Path(named) if named else folder / MADE
    if named:
        check_same_source(config, found, weights)
    with track(told, folder, config.tracker) as record:
        write_json(folder / "environment.json", environment())
        if not named:
            reconstruct(config, found, weights)
        graph, regions = read_graph(found, blocks_of(found))
        features = edge_features(graph, regions)
        different, known = edge_labels(graph, count_neurites(found, truth))
        known &= graph.faces > 0  # the others join nothing by themselves
        classifier = fit(NAMES, features[known], different[known])
        figures = measure(probabilities(classifier, features[known]), different[known])
        card = {
            "config": {k: v for k, v in told.items() if k not in ("resume", "tracker")},
            "weights": config.weights,
            "network": digest(weights),
            "voxel_size_nm": truth.voxel_size_nm,
            "learnt": figures,
        }
        save_classifier(folder / BEST, classifier, card)
        record.finish(figures)
    log.info("%s: %s", folder / BEST, ", ".join(f"{k} {v:.4g}" for k, v in figures.items()))
    return figures


def check(config: TrainRun) -> tuple[Path, Volume]:
    """The weights and the true neurites; raises ValueError as `run` does."""
    if config.weights is None:
        raise ValueError("got no weights; needs weights=NAME, whose answers edges are told by")
    if config.data.split == config.validation_split:
        raise ValueError(
            f"got data.split={config.data.split}, which thresholds are chosen on; needs another "
            "split to learn from"
        )
    layers = origin_of(config.data, config.seed).layers()
    if "neurites" not in layers:
        raise ValueError(
            f"{config.data.name}, split {config.data.split}: got layers {', '.join(layers)}; needs "
            "true neurites to learn from"
        )
    return choose_weights(config.weights), layers["neurites"]


def check_same_source(config: TrainRun, run: Path, weights: Path) -> None:
    """Raises unless a finished reconstruction is of the same data by the same network."""
    if not (run / "metrics.json").is_file():
        raise FileNotFoundError(f"{run}: needs a finished run directory of experiments.reconstruct")
    there = config_of(run)
    wanted, found = (
        {key: value for key, value in dataclasses.asdict(data).items() if key != "root"}
        for data in (config.data, there.data)
    )
    if wanted != found:
        raise ValueError(f"{run}: got a reconstruction of {found}; needs one of {wanted}")
    if digest(choose_weights(there.weights)) != digest(weights):
        raise ValueError(
            f"{run}: got a reconstruction by the weights {there.weights}; needs one by "
            f"{config.weights}"
        )


def reconstruct(config: TrainRun, folder: Path, weights: Path) -> None:
    """Makes a reconstruction up to its region graph, with the settings that are the default."""
    folder.mkdir(exist_ok=True)
    settings = dataclasses.replace(composed(), data=config.data, seed=config.seed)
    todo = plan_graph(settings, folder, origin_of(config.data, config.seed), weights)
    with open_engine(settings.engine, folder) as engine:
        for stage in todo.stages:
            run_blocks(stage, folder, engine)


def measure(
    found: Float64[np.ndarray, " edges"], different: Bool[np.ndarray, " edges"]
) -> dict[str, float]:
    """How well probabilities tell edges apart."""
    right = np.where(different, found, 1 - found)
    return {
        "edges": float(len(found)),
        "different": float(different.mean()),
        "cross_entropy": float(-np.log(np.maximum(right, CERTAIN)).mean()),
        "errors": float((right < 0.5).mean()),
    }
