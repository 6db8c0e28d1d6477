"""How good synapses and the directed graph are, where the truth is known."""

from collections.abc import Iterator, Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float64

from configs.sources import Data, NamedData, PhantomData
from data.cremi import read_partners
from data.datasets.cremi import SAMPLES
from data.datasets.root import find_root
from data.opening import open_volume
from data.side_by_side import read_side_by_side
from data.synthetic import Phantom
from data.volume import Volume
from experiments.evaluation.lookup import inside_of, labels_at
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.listing import CLEFTS
from experiments.reconstruction.wiring import edges_of
from experiments.source import phantom_parameters
from ops.metrics.connectome import (
    HUNGARIAN_OVERLAP,
    Edges,
    connectome_metrics,
    count_edges,
    in_truth_ids,
    match_neurons,
)
from ops.metrics.contingency import Contingency, count_pairs, merge
from ops.metrics.matches import with_wilson_intervals
from ops.metrics.metric import Metric
from ops.metrics.partners import Partners, partner_metrics
from ops.metrics.synapse_objects import synapse_object_metrics, truth_components
from ops.synapses.table import Synapses

SAME_IDS = "partners looked up in the true neurites"
Sites = tuple[Float64[np.ndarray, "n 3"], Float64[np.ndarray, "n 3"]]


def score_synapses(
    run: Path, table: Synapses, layers: Mapping[str, Volume], sites: Sites | None, on_truth: bool
) -> tuple[Metric, ...]:
    """Scores of all that has a truth: synapses as objects, partners, direction, the graph.

    Args:
        run: the run directory, with clefts.zarr and segmentation.zarr.
        table: its synapses.
        layers: the truth: cleft_ids or clefts, neurites, as far as there are any.
        sites: true places (z, y, x) in nm inside of both partners of each synapse; None if unknown.
        on_truth: whether the table's ids are those of the true neurites.
    """
    found = list(_objects(run, layers))
    if sites is not None and "neurites" in layers:
        neurites = layers["neurites"]
        inside = inside_of(neurites, sites[0]) & inside_of(neurites, sites[1])
        truth = _partners(neurites, sites[0][inside], sites[1][inside])
        known = table.where(table.directed)
        found += partner_metrics(_partners(neurites, known.pre_nm, known.post_nm), truth)
        true_edges = count_edges(truth.ids[:, 0], truth.ids[:, 1])
        found += _graph(run, table, neurites, true_edges, on_truth)
    return with_wilson_intervals(found)


def true_sites(data: Data, seed: int) -> Sites | None:
    """Places in both partners of every true synapse; None where the data tell of none."""
    match data:
        case PhantomData():
            rows = Phantom(phantom_parameters(data, seed)).synapse_table()
            pre, post = (
                np.stack([rows[f"{side}_{axis}_nm"] for axis in "zyx"], axis=1)
                for side in ("pre", "post")
            )
            return pre, post
        case NamedData(name="cremi"):
            root = find_root(data.root)
            paths = [root / file.path for file in SAMPLES.values()]
            (path,) = (path for path in paths if path.is_file())  # of several none is reconstructed
            partners = read_partners(path)
            return partners.pre_zyx_nm, partners.post_zyx_nm
        case _:
            return None


def _objects(run: Path, layers: Mapping[str, Volume]) -> tuple[Metric, ...]:
    """Synapses found, one to one and by the rule of VESICLE."""
    clefts = open_volume(str(run / CLEFTS))
    if "cleft_ids" in layers:
        table = merge(_pairs({"truth": layers["cleft_ids"], "prediction": clefts}))
    elif "clefts" in layers:
        table = count_pairs(truth_components(layers["clefts"].read()), clefts.read())
    else:
        return ()
    return synapse_object_metrics(table)


def _pairs(volumes: Mapping[str, Volume]) -> Iterator[Contingency]:
    for _, voxels in read_side_by_side(volumes):
        yield count_pairs(voxels["truth"], voxels["prediction"])


def _partners(neurites: Volume, pre, post) -> Partners:
    """With the true labels at both sites, whatever ids the sites have elsewhere."""
    ids = labels_at(neurites, np.concatenate([pre, post])).reshape(2, -1).T
    return Partners(pre, post, ids)


def _graph(run: Path, table: Synapses, neurites: Volume, truth: Edges, on_truth: bool):
    prediction, correspondence = edges_of(table), SAME_IDS
    if not on_truth:
        volumes = {"truth": neurites, "prediction": open_volume(str(run / SEGMENTATION))}
        prediction = in_truth_ids(prediction, match_neurons(merge(_pairs(volumes))), truth)
        correspondence = HUNGARIAN_OVERLAP
    return connectome_metrics(truth, prediction, correspondence)
