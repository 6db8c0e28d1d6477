"""Scores a segmentation against skeletons: expected run length, splits, merges, XPRESS score."""

import dataclasses
from pathlib import Path
from typing import cast

import numpy as np
from jaxtyping import Bool, Float64, Int64
from scipy import sparse
from scipy.sparse.csgraph import connected_components

from configs.schema import EvaluationRun, SkeletonTask
from data.opening import open_volume
from data.skeletons import read_swc
from experiments.evaluation.inputs import (
    as_labels,
    check_no_baseline,
    check_no_mask,
    check_resampling,
    paths_of,
)
from experiments.evaluation.lookup import inside_of, labels_at
from experiments.evaluation.outcome import Outcome, Rows
from ops.metrics.bootstrap import Bootstrap, draw_weights
from ops.metrics.run_length import (
    RunLength,
    erl_of,
    expected_run_length,
    run_length_metrics,
)
from ops.metrics.xpress import xpress_metrics, xpress_score


@dataclasses.dataclass(frozen=True)
class Forest:
    """Skeletons as one list of nodes.

    Attributes:
        names: of the skeletons' files; a skeleton's number is its place here.
        skeleton: number of each node's skeleton.
        positions_nm: of each node (z, y, x).
        edges: rows of both nodes of each edge.
        lengths_nm: of each edge.
    """

    names: tuple[str, ...]
    skeleton: Int64[np.ndarray, " nodes"]
    positions_nm: Float64[np.ndarray, "nodes 3"]
    edges: Int64[np.ndarray, "edges 2"]
    lengths_nm: Float64[np.ndarray, " edges"]


def score(config: EvaluationRun) -> Outcome:
    """Run lengths with intervals over skeletons, and a table with one row for each."""
    task = cast(SkeletonTask, config.task)
    check_no_baseline(config)
    check_no_mask(config)
    check_resampling(config)
    prediction, truth = paths_of(config)
    labels = as_labels(open_volume(prediction, voxel_size_nm=config.voxel_size_nm))
    forest = read_forest(Path(truth))
    segments = labels_at(labels, forest.positions_nm)
    inside = inside_of(labels, forest.positions_nm)
    forest, segments = clip(forest, inside), segments[inside]
    graph = forest.skeleton, segments, forest.edges, forest.lengths_nm
    found = expected_run_length(*graph, task.merge_threshold)
    metrics = run_length_metrics(found, labels.voxel_size_nm, task.merge_threshold)
    drawn = _draw(found, config)
    pieces = connected_pieces(forest)
    xpress = xpress_score(pieces, segments, forest.edges, forest.lengths_nm)
    return Outcome(
        drawn.attach(metrics) + xpress_metrics(xpress),
        {"skeletons": _rows(forest, found)},
    )


def read_forest(folder: Path) -> Forest:
    """All SWC files of a folder, in nm, by name.

    Raises:
        FileNotFoundError: where there is none.
    """
    paths = sorted(folder.glob("*.swc"))
    if not paths:
        raise FileNotFoundError(f"{folder}: needs a folder with SWC files (*.swc), lengths in nm")
    skeletons = [read_swc(path) for path in paths]
    sizes = [len(skeleton.parents) for skeleton in skeletons]
    starts = np.cumsum([0, *sizes[:-1]])
    positions = np.concatenate([s.positions_nm for s in skeletons]).astype(np.float64)
    edges = np.concatenate(
        [_edges(s.parents) + start for s, start in zip(skeletons, starts, strict=True)]
    )
    ends = positions[edges]
    return Forest(
        names=tuple(path.stem for path in paths),
        skeleton=np.repeat(np.arange(len(paths)), sizes),
        positions_nm=positions,
        edges=edges,
        lengths_nm=np.linalg.norm(ends[:, 0] - ends[:, 1], axis=1),
    )


def clip(forest: Forest, inside: Bool[np.ndarray, " nodes"]) -> Forest:
    """The nodes inside the volume and the edges between them, as XPRESS scores them."""
    row = np.cumsum(inside) - 1
    kept = inside[forest.edges].all(axis=1)
    return Forest(
        forest.names,
        forest.skeleton[inside],
        forest.positions_nm[inside],
        row[forest.edges[kept]],
        forest.lengths_nm[kept],
    )


def connected_pieces(forest: Forest) -> Int64[np.ndarray, " nodes"]:
    """The connected piece that each node is in: what leaves the volume and returns is two."""
    nodes = len(forest.skeleton)
    ends = forest.edges[:, 0], forest.edges[:, 1]
    graph = sparse.coo_array((np.ones(len(forest.edges)), ends), shape=(nodes, nodes))
    return connected_components(graph, directed=False)[1].astype(np.int64)


def _edges(parents) -> Int64[np.ndarray, "edges 2"]:
    child = np.flatnonzero(parents >= 0)
    return np.stack([child, parents[child]], axis=1).astype(np.int64)


def _draw(found: RunLength, config: EvaluationRun) -> Bootstrap:
    """Run lengths of skeletons drawn with replacement; those without length are never drawn."""
    long = found.lengths_nm > 0
    lengths, erls = found.lengths_nm[long], found.erls_nm[long]
    weights = draw_weights(len(lengths), config.resampling.draws, config.seed)
    names = ("funlib_erl/erl", "funlib_erl/truth_erl", "funlib_erl/nerl")
    samples = dict(zip(names, erl_of(lengths, erls, weights), strict=True))
    return Bootstrap(samples, len(lengths), "skeletons")


def _rows(forest: Forest, found: RunLength) -> Rows:
    columns = {
        "length_nm": found.lengths_nm,
        "erl_nm": found.erls_nm,
        "segments": found.segments,
        "merging_segments": found.merging,
        "split_edges": found.split_edges,
        "omitted_edges": found.omitted_edges,
        "merged_edges": found.merged_edges,
    }
    return [
        {
            "skeleton": forest.names[number],
            **{name: values[row].item() for name, values in columns.items()},
        }
        for row, number in enumerate(found.skeleton_ids.tolist())
    ]
