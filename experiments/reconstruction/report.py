"""The report on a reconstruction: pictures, neurites to turn, scores, times, as one HTML file."""

import csv
import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure

from configs.reconstruction import ReconstructRun
from data.normalisation import GreyScale
from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.mending_report import mending_sections
from experiments.reconstruction.pictures import draw_cut, draw_section
from experiments.reconstruction.stages.growing import TABLE
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.prediction import MEMBRANE
from experiments.reconstruction.stages.tracing import read_coarse
from experiments.reconstruction.synapse_report import synapse_sections
from experiments.reconstruction.tracking_report import tracking_sections
from experiments.reconstruction.weights import tracker_weights
from experiments.report import page
from experiments.report.colours import id_colour
from experiments.report.plots import draw_histogram
from experiments.report.scale import times
from experiments.report.space import Object3d, surface
from experiments.report.view_3d import view_3d
from ops.downsampling import coarse_factors
from ops.meshes import mesh
from ops.synapses.table import Synapses

SHOWN_3D = 15
COARSE_NM = 60.0  # of the surfaces shown


def write_report(
    folder: Path,
    layers: Mapping[str, Volume],
    metrics: Mapping,
    config: ReconstructRun,
    environment: Mapping,
    synapses: Synapses | None,
    scale: GreyScale,
) -> None:
    """Writes report.html into the run directory.

    Args:
        folder: with the volumes and tables of the run.
        layers: the image, and the truth (neurites) where there is one.
        metrics: as in metrics.json.
        config: of the run.
        environment: as in environment.json.
        synapses: of the run; None where none were looked for.
        scale: of the image's grey values.
    """
    volumes = dict(layers) | {
        "membrane": open_volume(str(folder / MEMBRANE)),
        "segmentation": open_volume(str(folder / SEGMENTATION)),
    }
    parts = [
        page.numbers(_main_figures(metrics)),
        *_scores(metrics),
        *mending_sections(folder, metrics),
        *_synapses(folder, layers, metrics, config, synapses),
        _sections(volumes),
        *_tracking(folder, volumes, metrics, config, scale),
        _in_space(folder, volumes["segmentation"]),
        _sizes(folder),
        _times(metrics),
        _settings(config, environment),
    ]
    image = layers["image"]
    lead = (
        f"{image.name}: {times(image.shape)} voxels of {times(image.voxel_size_nm)} nm (z, y, x), "
        f"{metrics['volume_um3']:.1f} µm³, segmented with the weights {config.weights!r}."
    )
    page.write_page(folder / "report.html", "A reconstruction by neuropil", lead, parts)


def _tracking(folder, volumes, metrics, config, scale: GreyScale) -> list[str]:
    weights = tracker_weights(config)
    if weights is None:
        return []
    return tracking_sections(folder, volumes, metrics["lost_sections"], weights, scale)


def _synapses(folder, layers, metrics, config, synapses: Synapses | None) -> list[str]:
    if synapses is None:
        return []
    on_truth = config.synapses.true_neurites
    return synapse_sections(folder, synapses, metrics, layers, on_truth)


def _main_figures(metrics: Mapping) -> dict[str, str]:
    figures = {
        "segments of more than 1000 voxels": str(metrics["segments_above_1000_voxels"]),
        "skeletons": str(metrics["skeletons"]),
        "MB/s, all stages": _rate(metrics),
    }
    scores = metrics["scores"]
    if "vi" in scores:
        figures["bits of VI (0 is perfect)"] = f"{scores['vi']['value']:.2f}"
        figures["adapted Rand error"] = f"{scores['adapted_rand_error']['value']:.3f}"
    return figures


def _rate(metrics: Mapping) -> str:
    """Missing where the run was stopped on the way, so that some of its time is not known."""
    return "missing" if metrics["mb_per_s"] is None else f"{metrics['mb_per_s']:.2f}"


def _scores(metrics: Mapping) -> list[str]:
    if not metrics["scores"]:
        return []
    rows = []
    for name, score in metrics["scores"].items():
        between = "" if not score["interval"] else "{:.3f} to {:.3f}".format(*score["interval"])
        value = "missing" if score["value"] is None else f"{score['value']:.3f}"
        rows.append([name, value, between])
    words = (
        "Compared with the truth voxel by voxel (CREMI convention: voxels without a true id do not "
        "count); 95 % intervals by resampling blocks."
    )
    return [page.section("Scores", page.text(words), page.table(["", "", "interval"], rows))]


def _sections(volumes: Mapping[str, Volume]) -> str:
    depth, height, _ = volumes["image"].shape[:3]
    shown = [
        page.micrograph(draw_section(volumes, depth // 2, layer), words)
        for layer, words in _panels(volumes)
    ]
    parts = [page.beside("pair", shown)]
    if depth > 1:
        cut = draw_cut(volumes, height // 2)
        parts.append(page.micrograph(cut, f"Across all sections, at row {height // 2}."))
    return page.section(f"Section {depth // 2}", *parts)


def _panels(volumes: Mapping[str, Volume]) -> list[tuple[str, str]]:
    panels = [
        ("image", "The image."),
        ("membrane", "Boundaries, as the network sees them."),
        ("segmentation", "Segments over the image, one colour each."),
    ]
    return panels + [("neurites", "The truth.")] * ("neurites" in volumes)


def _in_space(folder: Path, segmentation: Volume) -> str:
    things = largest_surfaces(folder, segmentation)
    words = f"The {len(things)} largest segments, coarsened to about {COARSE_NM:g} nm."
    return page.section("In space", view_3d(things, words)) if things else ""


def largest_surfaces(folder: Path, segmentation: Volume) -> list[Object3d]:
    """The surfaces of the largest segments."""
    rows = sorted(read_table(folder), key=lambda row: -int(row["voxels"]))[:SHOWN_3D]
    factors = coarse_factors(segmentation.voxel_size_nm, COARSE_NM)
    z, y, x = segmentation.shape[:3]
    coarse = read_coarse(segmentation, factors, (0, 0, 0), (z, y, x))
    size = np.multiply(segmentation.voxel_size_nm, factors).tolist()
    things = []
    for row in rows:
        number = int(row["id"])
        made = mesh(coarse == number, size)
        if len(made.faces):
            things.append(surface(str(number), id_colour(number), made))
    return things


def read_table(folder: Path) -> list[dict[str, str]]:
    """The rows of neurites.csv."""
    with (folder / TABLE).open() as file:
        return list(csv.DictReader(file))


def _sizes(folder: Path) -> str:
    rows = read_table(folder)
    volumes = {"segments": np.array([float(row["volume_um3"]) for row in rows])}
    lengths = {"skeletons": np.array([float(row["length_um"]) for row in rows if row["length_um"]])}
    parts = [page.plot(draw_histogram(volumes, "volume (µm³)"), "Sizes of all segments.")]
    if len(lengths["skeletons"]):
        words = "Lengths of the skeletons."
        parts.append(page.plot(draw_histogram(lengths, "length (µm)"), words))
    longest = sorted(rows, key=lambda row: -float(row["length_um"] or 0))[:10]
    table = page.table(
        ["segment", "volume (µm³)", "skeleton (µm)", "ends"],
        [[row["id"], row["volume_um3"], row["length_um"], row["ends"]] for row in longest],
    )
    return page.section("Sizes", page.beside("pair", parts), table)


def _times(metrics: Mapping) -> str:
    mb, seconds = metrics["voxels"] / 1e6, metrics["seconds"]
    rows = [[name, f"{s:.1f}", f"{mb / s:.2f}"] for name, s in seconds.items() if s]
    rows.append(["together", f"{sum(seconds.values()):.1f}", _rate(metrics)])
    words = f"{mb:.1f} MB of image; at most {metrics['peak_memory_gb']:.2f} GB of memory."
    return page.section(
        "Times",
        page.table(["stage", "seconds", "MB/s"], rows),
        page.plot(draw_times(list(seconds), list(seconds.values())), words),
    )


def draw_times(names: Sequence[str], seconds: Sequence[float]) -> Figure:
    """A bar for each stage."""
    figure = Figure(figsize=(7, 0.4 * len(names) + 0.8), layout="constrained")
    axes = figure.add_subplot()
    axes.barh(names[::-1], seconds[::-1], color="#4895ef")
    axes.set_xlabel("seconds")
    return figure


def _settings(config: ReconstructRun, environment: Mapping) -> str:
    plain = json.loads(json.dumps(dataclasses.asdict(config), default=str))
    plain["data"].pop("root", None)
    rows = [[key, json.dumps(value)] for key, value in plain.items()]
    versions = [[key, json.dumps(value)] for key, value in environment.items()]
    return page.section(
        "How it was made", page.table(["setting", ""], rows), page.table(["machine", ""], versions)
    )
