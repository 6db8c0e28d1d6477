"""How good a reconstruction would be for every way of joining its supervoxels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any, cast

import numpy as np
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs.reconstruction import ReconstructRun
from configs.schema import register
from data.opening import open_volume
from experiments.cards import write_cards
from experiments.evaluation.cells import cut as cut_into_cells
from experiments.evaluation.segmentation import count_by_cell
from experiments.reconstruction.grid import Block
from experiments.reconstruction.scoring import CONVENTION
from experiments.reconstruction.source import origin_of, with_split
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.joining import GRAPHS, read_graph
from models.pretrained_weights import FOLDER, find_weights
from models.weights import load_weights, read_card, save_weights
from ops.metrics.contingency import Contingency, merge
from ops.metrics.segmentation import values_by_convention
from ops.segmentation.agglomeration import agglomerate, cut

LINKAGES: dict[str, dict[str, Any]] = {
    "mean": {"linkage": "mean", "quantile": 0.5},
    "quantile 0.25": {"linkage": "quantile", "quantile": 0.25},
    "quantile 0.5": {"linkage": "quantile", "quantile": 0.5},
    "quantile 0.75": {"linkage": "quantile", "quantile": 0.75},
}
THRESHOLDS = np.round(np.arange(0.06, 0.98, 0.02), 2).tolist()
SHOWN = ("vi", "vi_split", "vi_merge", "adapted_rand_error")


def calibrate(run: Path) -> list[dict[str, Any]]:
    """The scores of every linkage and threshold.

    Raises:
        FileNotFoundError: a folder that is no run directory of a reconstruction.
        ValueError: data without true neurites.
    """
    graph, _ = read_graph(run, _blocks(run))
    table = _pairs(run)
    rows = []
    for name, how in LINKAGES.items():
        tree = agglomerate(graph, **how)
        for threshold in THRESHOLDS:
            joined = cut(tree, table.prediction, threshold)
            parts = Contingency(joined, table.truth, table.counts).swapped()  # which sums equals
            values = values_by_convention(parts, [CONVENTION])[CONVENTION]
            scores = {key: values[key] for key in SHOWN}
            rows.append({"name": name, "threshold": threshold, **how, **scores})
    return rows


def read_config(run: Path) -> ReconstructRun:
    """The config that a run was made with.

    Raises:
        FileNotFoundError: a folder that is no run directory.
    """
    register()
    if not (run / ".hydra" / "overrides.yaml").exists():
        raise FileNotFoundError(f"{run}: needs a run directory of experiments.reconstruct")
    overrides = [str(word) for word in OmegaConf.load(run / ".hydra" / "overrides.yaml")]
    with initialize_config_module("configs", version_base="1.3"):
        composed = OmegaConf.to_object(compose("reconstruct", overrides))
    return with_split(cast(ReconstructRun, composed))


def note_in_card(weights: str, name: str, setting: Mapping[str, Any]) -> Path:
    """Writes a setting that was chosen into the card of weights; returns their file."""
    path = find_weights(weights)
    architecture, params = load_weights(path)
    card = {**read_card(path), name: dict(setting)}
    if path.parent.parent != FOLDER:
        save_weights(path, architecture, params, card)
        return path
    save_weights(path, architecture, params, card, storage="float16")
    write_cards(path.parent)
    return path


def _blocks(run: Path) -> tuple[Block, ...]:
    names = sorted(path.stem for path in (run / GRAPHS).glob("*.npz"))
    if not names:
        raise FileNotFoundError(f"{run}: needs a run directory of experiments.reconstruct")
    nowhere = (0, 0, 0)
    indices = [tuple(map(int, name.split("_"))) for name in names]
    return tuple(Block((z, y, x), nowhere, nowhere, nowhere, nowhere) for z, y, x in indices)


def _pairs(run: Path) -> Contingency:
    """Voxels of each true neurite in each supervoxel."""
    config = read_config(run)
    layers = origin_of(config.data, config.seed).layers()
    if "neurites" not in layers:
        raise ValueError(f"{run}: its data have no true neurites to be compared with")
    volumes = {"truth": layers["neurites"], "prediction": open_volume(str(run / SUPERVOXELS))}
    cells = cut_into_cells(volumes["truth"].shape, (1, 1, 1))
    return merge(count_by_cell(volumes, cells, None)["prediction"])
