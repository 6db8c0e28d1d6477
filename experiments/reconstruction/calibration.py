"""How good a reconstruction would be for every way of joining its supervoxels."""

from collections.abc import Mapping
from pathlib import Path
from typing import Any

import numpy as np

from data.opening import open_volume
from data.volume import Volume
from experiments.cards import write_cards
from experiments.evaluation.cells import cut as cut_into_cells
from experiments.evaluation.segmentation import count_by_cell
from experiments.reconstruction.grid import Block
from experiments.reconstruction.scoring import CONVENTION
from experiments.reconstruction.settings import config_of
from experiments.reconstruction.source import origin_of
from experiments.reconstruction.stages.adjoining import GRAPHS, read_graph
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.joining import learned_scores
from models.archive import read_archive, write_archive
from models.pretrained_weights import FOLDER
from ops.metrics.contingency import Contingency, merge
from ops.metrics.segmentation import values_by_convention
from ops.segmentation.agglomeration import Dendrogram, agglomerate, cut

LINKAGES: dict[str, dict[str, Any]] = {
    "mean": {"linkage": "mean", "quantile": 0.5},
    "quantile 0.25": {"linkage": "quantile", "quantile": 0.25},
    "quantile 0.5": {"linkage": "quantile", "quantile": 0.5},
    "quantile 0.75": {"linkage": "quantile", "quantile": 0.75},
}
THRESHOLDS = np.round(np.arange(0.06, 0.98, 0.02), 2).tolist()
SHOWN = ("vi", "vi_split", "vi_merge", "adapted_rand_error")


def calibrate(run: Path, classifier: Path | None = None) -> list[dict[str, Any]]:
    """The scores of every linkage and threshold, or of every threshold by a classifier of edges.

    Raises:
        FileNotFoundError: a folder that is no run directory of a reconstruction.
        ValueError: data without true neurites, or a classifier of other features.
    """
    graph, regions = read_graph(run, blocks_of(run))
    table = count_neurites(run, true_neurites(run))
    if classifier:
        tree = agglomerate(graph, initial_scores=learned_scores(graph, regions, classifier))
        return _scores("classifier", {}, tree, table)
    return [
        row
        for name, how in LINKAGES.items()
        for row in _scores(name, how, agglomerate(graph, **how), table)
    ]


def _scores(
    name: str, how: Mapping[str, Any], tree: Dendrogram, table: Contingency
) -> list[dict[str, Any]]:
    """Of every threshold."""
    rows = []
    for threshold in THRESHOLDS:
        joined = cut(tree, table.prediction, threshold)
        parts = Contingency(joined, table.truth, table.counts).swapped()  # which sums equals
        values = values_by_convention(parts, [CONVENTION])[CONVENTION]
        scores = {key: values[key] for key in SHOWN}
        rows.append({"name": name, "threshold": threshold, **how, **scores})
    return rows


def note_in_card(path: Path, name: str, setting: Mapping[str, Any]) -> None:
    """Writes a setting that was chosen into the card of weights or of a classifier."""
    about, arrays = read_archive(path)
    card = {**about["card"], name: dict(setting)}
    write_archive(path, {**about, "card": card}, arrays)
    if path.parent.parent == FOLDER:
        write_cards(path.parent)


def blocks_of(run: Path) -> tuple[Block, ...]:
    """The blocks of a run, of which only the index is known.

    Raises:
        FileNotFoundError: a folder that is no run directory of a reconstruction.
    """
    names = sorted(path.stem for path in (run / GRAPHS).glob("*.npz"))
    if not names:
        raise FileNotFoundError(f"{run}: needs a run directory of experiments.reconstruct")
    nowhere = (0, 0, 0)
    indices = [tuple(map(int, name.split("_"))) for name in names]
    return tuple(Block((z, y, x), nowhere, nowhere, nowhere, nowhere) for z, y, x in indices)


def true_neurites(run: Path) -> Volume:
    """Those of the data of a run.

    Raises:
        ValueError: data without any.
    """
    config = config_of(run)
    layers = origin_of(config.data, config.seed).layers()
    if "neurites" not in layers:
        raise ValueError(f"{run}: its data have no true neurites to be compared with")
    return layers["neurites"]


def count_neurites(run: Path, truth: Volume) -> Contingency:
    """Voxels of each true neurite in each supervoxel of a run."""
    volumes = {"truth": truth, "prediction": open_volume(str(run / SUPERVOXELS))}
    cells = cut_into_cells(truth.shape, (1, 1, 1))
    return merge(count_by_cell(volumes, cells, None)["prediction"])
