"""The synapses of a run as files that other tools read: tables, graphs, lines to look at."""

import csv
import shutil
from pathlib import Path

import networkx
import numpy as np
from jaxtyping import UInt64
from scipy import sparse

from data.formats.precomputed_annotations import write_lines
from ops.metrics.connectome import Edges, count_edges
from ops.synapses.table import Synapses

CSV, GRAPH, ADJACENCY = "synapses.csv", "connectome.graphml", "adjacency.npz"
ADJACENCY_IDS, LINES = "adjacency_ids.npy", "synapses.precomputed"
OUTPUTS = (CSV, GRAPH, ADJACENCY, ADJACENCY_IDS, LINES)
COLUMNS = (
    *("id", "pre", "post", "z_nm", "y_nm", "x_nm", "size_voxels", "polarity_confidence"),
    *(f"{side}_{axis}_nm" for side in ("pre", "post") for axis in "zyx"),
    *("vesicles_pre", "vesicles_post", "at_edge"),
)


def write_wiring(run: Path, table: Synapses) -> None:
    """Writes all of `OUTPUTS` anew."""
    _write_csv(table, run / CSV)
    edges = edges_of(table)
    networkx.write_graphml(as_graph(edges), run / GRAPH)
    ids, weights = as_matrix(edges)
    sparse.save_npz(run / ADJACENCY, weights)
    np.save(run / ADJACENCY_IDS, ids)
    shutil.rmtree(run / LINES, ignore_errors=True)
    known = table.where(table.directed)
    write_lines(
        str(run / LINES),
        known.pre_nm,
        known.post_nm,
        {"pre": known.pre, "post": known.post},
        {
            "size_voxels": known.size_voxels.astype(np.float32),
            "confidence": known.polarity_confidence,
        },
    )


def edges_of(table: Synapses) -> Edges:
    """The directed graph: what has both partners and a direction; autapses too."""
    known = table.where(table.directed)
    return count_edges(known.pre, known.post)


def as_graph(edges: Edges) -> networkx.DiGraph:
    """Neurites as nodes, by their ids; `weight` of an edge is its number of synapses."""
    graph = networkx.DiGraph()
    graph.add_nodes_from(str(n) for n in _neurites(edges).tolist())
    rows = zip(edges.pre.tolist(), edges.post.tolist(), edges.synapses.tolist(), strict=True)
    graph.add_weighted_edges_from((str(pre), str(post), count) for pre, post, count in rows)
    return graph


def as_matrix(edges: Edges) -> tuple[UInt64[np.ndarray, " neurites"], sparse.csr_array]:
    """The neurites, and synapses from each (row) to each (column)."""
    ids = _neurites(edges)
    places = np.searchsorted(ids, edges.pre), np.searchsorted(ids, edges.post)
    return ids, sparse.csr_array((edges.synapses, places), shape=(len(ids), len(ids)))


def _neurites(edges: Edges) -> UInt64[np.ndarray, " neurites"]:
    return np.unique(np.concatenate([edges.pre, edges.post]))


def _write_csv(table: Synapses, path: Path) -> None:
    """One row a partner; lengths to a tenth of a nm, an unknown confidence empty."""
    places = np.concatenate([table.place_nm, table.pre_nm, table.post_nm], axis=1).round(1)
    with path.open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(COLUMNS)
        for row in range(len(table)):
            sure = float(table.polarity_confidence[row])
            rows.writerow(
                [
                    *(table.id[row], table.pre[row], table.post[row], *places[row, :3]),
                    *(table.size_voxels[row], "" if np.isnan(sure) else f"{sure:.4f}"),
                    *places[row, 3:],
                    *(table.vesicles_pre[row], table.vesicles_post[row], int(table.at_edge[row])),
                ]
            )
