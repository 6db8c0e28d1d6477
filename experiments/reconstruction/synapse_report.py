"""What the report says of synapses: figures, scores, the graph, and pictures to judge by."""

from collections.abc import Mapping
from pathlib import Path

import numpy as np

from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.listing import CLEFTS
from experiments.reconstruction.wiring import as_matrix, edges_of
from experiments.report import page
from experiments.report.colours import POST, PRE, STRUCTURES
from experiments.report.plots import draw_counts, draw_histogram, draw_matrix
from experiments.report.synapses import AROUND_NM, draw_synapse
from ops.metrics.connectome import Edges
from ops.synapses.table import Synapses

MOST_PICTURES, MOST_NEURITES = 24, 60
DESCRIBED = {
    "synapses": "synapses",
    "synapses_per_um3": "synapses per µm³",
    "synapses_per_neurite": "synapses per neurite",
    "synapses_at_edge": "of them at the edge of the volume",
    "directed_connections": "connections with a direction",
    "edges": "edges of the graph",
    "neurites_connected": "neurites in the graph",
    "median_size_voxels": "median size of a cleft, voxels",
    "mean_polarity_confidence": "mean confidence in a direction",
}


def synapse_sections(
    run: Path, table: Synapses, metrics: Mapping, layers: Mapping[str, Volume], on_truth: bool
) -> list[str]:
    """The sections of the report.

    Args:
        run: the run directory.
        table: its synapses.
        metrics: as in metrics.json.
        layers: the image, and the true neurites where partners were looked up in them.
        on_truth: whether they were.
    """
    neurites = layers["neurites"] if on_truth else open_volume(str(run / SEGMENTATION))
    clefts = open_volume(str(run / CLEFTS))
    volumes = {"image": layers["image"], "neurites": neurites, "clefts": clefts}
    return [
        _figures(table, metrics, layers["image"]),
        *_scores(metrics["synapse_scores"]),
        *_graph(edges_of(table)),
        *_gallery(table, volumes),
    ]


def _figures(table: Synapses, metrics: Mapping, image: Volume) -> str:
    figures = {words: _short(metrics["synapses"][name]) for name, words in DESCRIBED.items()}
    parts = [page.numbers(figures)]
    if len(table):
        _, first = np.unique(table.id, return_index=True)
        sizes = table.size_voxels[first] * (np.prod(image.voxel_size_nm) / 1e9)
        drawn = draw_histogram({"synapses": sizes}, "volume of the cleft (µm³)")
        parts.append(page.plot(drawn, "Sizes of all synapses."))
    if len(table) and not table.directed.any():
        parts.append(
            page.text(
                "No vesicles were looked for, so no direction is known and the graph is empty."
            )
        )
    return page.section("Synapses", *parts)


def _short(value: float | None) -> str:
    return "none" if value is None else f"{value:.3g}"


def _scores(scores: Mapping) -> list[str]:
    if not scores:
        return []
    rows = []
    for key, score in scores.items():
        between = "" if not score["interval"] else "{:.3f} to {:.3f}".format(*score["interval"])
        value = "missing" if score["value"] is None else f"{score['value']:.3f}"
        counts = ", ".join(f"{count} {kind}" for kind, count in score["counts"].items())
        rows.append([key, value, between, counts.replace("_", " ")])
    how = {score["settings"].get("correspondence") for score in scores.values()} - {None}
    words = [
        "Compared with the truth; 95 % intervals as of objects found independently of each other.",
        *(f"Segments correspond to true neurites: {way}." for way in sorted(how)),
    ]
    table = page.table(["", "", "interval", "taken over"], rows)
    return [page.section("Scores of the synapses", page.text(" ".join(words)), table)]


def _graph(edges: Edges) -> list[str]:
    if not len(edges.pre):
        return []
    ids, weights = as_matrix(edges)
    total = np.asarray(weights.sum(axis=0)) + np.asarray(weights.sum(axis=1))
    shown = np.argsort(-total, kind="stable")[:MOST_NEURITES]
    matrix = weights[shown][:, shown].toarray()
    drawn = draw_matrix(matrix, ids[shown].tolist(), "to neurite", "from neurite")
    words = f"Synapses between the {len(shown)} neurites that have most, of {len(ids)}."
    connected = (weights > 0).astype(np.int64)
    more = "How many partners the neurites have."
    degrees = {
        "as the presynaptic one": np.asarray(connected.sum(axis=1)),
        "as the postsynaptic one": np.asarray(connected.sum(axis=0)),
    }
    counted = page.plot(
        draw_counts(degrees, "partners of a neurite"), "How many neurites have how many."
    )
    return [page.section("The graph", page.plot(drawn, words), page.plot(counted, more))]


def _gallery(table: Synapses, volumes: Mapping[str, Volume]) -> list[str]:
    if not len(table):
        return []
    chosen = np.unique(np.linspace(0, len(table) - 1, MOST_PICTURES).round().astype(int))
    shown = [_picture(table, row, volumes) for row in chosen.tolist()]
    colours = {"presynaptic": PRE, "postsynaptic": POST, "cleft": STRUCTURES["clefts"]}
    words = (
        f"{len(shown)} of {len(table)}, in fields of {AROUND_NM:g} nm; below each, number: from "
        "neurite → to neurite, and how sure the direction is."
    )
    return [
        page.section(
            "Synapses found",
            page.text(words),
            page.colour_key(colours),
            page.beside("gallery", shown),
        )
    ]


def _picture(table: Synapses, row: int, volumes: Mapping[str, Volume]) -> str:
    number, pre, post = (int(column[row]) for column in (table.id, table.pre, table.post))
    sure = table.polarity_confidence[row]
    arrow = f"{pre} and {post}" if np.isnan(sure) else f"{pre} → {post} ({sure:.2f})"
    drawn = draw_synapse(volumes, table.place_nm[row].tolist(), number, pre, post)
    return page.micrograph(drawn, f"{number}: {arrow}")
