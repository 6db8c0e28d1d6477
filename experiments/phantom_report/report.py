"""The report on a phantom: pictures of it, its truth, and figures."""

import dataclasses
from collections.abc import Mapping
from pathlib import Path

import numpy as np
from jaxtyping import Float64
from PIL import Image

from data.synthetic import Phantom
from data.volume import Volume
from experiments.phantom_report import pictures
from experiments.report import page
from experiments.report.colours import POST, PRE, STRUCTURES
from experiments.report.plots import draw_histogram, draw_skeletons
from experiments.report.scale import times
from experiments.report.synapses import AROUND_NM, draw_synapse

MOST_SKELETONS = 10
MOST_SYNAPSES = 12


def write_report(
    path: Path,
    phantom: Phantom,
    volumes: Mapping[str, Volume],
    sizes_um3: Mapping[str, Float64[np.ndarray, " neurites"]],
    metrics: Mapping,
    environment: Mapping,
) -> None:
    """Writes the report as one HTML file.

    Args:
        path: of the file.
        phantom: what it is about.
        volumes: its layers, as written.
        sizes_um3: the volumes of its neurites, by kind.
        metrics: the figures of `statistics.measure`, and `seconds` and `mvoxel_per_s`.
        environment: as in environment.json.
    """
    parts = [
        page.numbers(_main_figures(metrics)),
        _sections(phantom, volumes),
        _reslice(volumes),
        _synapses(phantom, volumes),
        _skeletons(phantom),
        _counts(metrics, sizes_um3),
        _making(phantom, metrics, environment),
    ]
    page.write_page(path, "A phantom of neuropil", _lead(phantom, metrics), parts)


def _lead(phantom: Phantom, metrics: Mapping) -> str:
    parameters = phantom.parameters
    size_um = np.round(np.multiply(parameters.shape, parameters.voxel_size_nm) / 1000, 1)
    return (
        f"Synthetic tissue of {times(size_um.tolist())} µm, generated from seed {parameters.seed}: "
        f"{times(parameters.shape)} voxels of {times(parameters.voxel_size_nm)} nm (z, y, x). "
        "Every structure is known exactly."
    )


def _main_figures(metrics: Mapping) -> dict[str, str]:
    fractions = metrics["volume_fractions"]
    return {
        "neurites": str(metrics["neurites"]),
        f"synapses ({metrics['synapses_per_um3']:.2f} per µm³)": str(metrics["synapses"]),
        "of the volume is membrane": f"{fractions['membrane']:.1%}",
        "is mitochondria": f"{fractions['mitochondria']:.1%}",
        "Mvoxel/s, rendered and written": f"{metrics['mvoxel_per_s']:.1f}",
    }


def _sections(phantom: Phantom, volumes: Mapping[str, Volume]) -> str:
    z = choose_section(phantom)
    plane = pictures.section_plane(volumes, z)
    shown = [
        page.micrograph(plane.draw(plane.image), f"Section {z} as the microscope shows it."),
        page.micrograph(pictures.draw_structures(plane), "The same section with its truth."),
    ]
    coloured = page.micrograph(pictures.draw_neurites(plane), "Its neurites, one colour each.")
    return page.section(
        "A section", page.beside("pair", shown), page.colour_key(STRUCTURES), coloured
    )


def choose_section(phantom: Phantom) -> int:
    """The section with most synapses among those that were not lost; the middle one if none."""
    depth = phantom.parameters.shape[0]
    z = (phantom.synapse_table()["z_nm"] / phantom.parameters.voxel_size_nm[0]).astype(int)
    count = np.bincount(z.clip(0, depth - 1), minlength=depth).astype(float)
    count -= np.abs(np.arange(depth) - depth // 2) / depth  # towards the middle among equals
    return int(np.argmax(np.where(phantom.sections.missing, -np.inf, count)))


def _reslice(volumes: Mapping[str, Volume]) -> str:
    y = volumes["image"].shape[1] // 2
    plane = pictures.reslice_plane(volumes, y)
    shown = [
        page.micrograph(plane.draw(plane.image, smooth=False), f"The image at row {y}."),
        page.micrograph(pictures.draw_neurites(plane, smooth=False), "The neurites."),
    ]
    words = "Cut across all sections (z downwards, x to the right), in true proportions."
    return page.section("Across the sections", page.text(words), *shown)


def _synapses(phantom: Phantom, volumes: Mapping[str, Volume]) -> str:
    rows = pictures.choose_synapses(phantom.synapse_table(), MOST_SYNAPSES)
    if not len(rows):
        return page.section("Synapses", page.text("There are none in a volume this small."))
    shown = [
        page.micrograph(_draw_synapse(volumes, row), f"{row['id']}: {row['pre']} → {row['post']}")
        for row in rows
    ]
    colours = {"presynaptic": PRE, "postsynaptic": POST, "cleft": STRUCTURES["clefts"]}
    words = f"Fields of {AROUND_NM:g} nm; below each, number: from neurite → to neurite."
    return page.section(
        "Synapses",
        page.text(words),
        page.colour_key(colours),
        page.beside("gallery", shown),
    )


def _skeletons(phantom: Phantom) -> str:
    skeletons = phantom.skeletons()
    longest = sorted(skeletons, key=lambda i: -skeletons[i].length_nm())[:MOST_SKELETONS]
    parameters = phantom.parameters
    size_nm = [n * v for n, v in zip(parameters.shape, parameters.voxel_size_nm, strict=True)]
    synapses = phantom.synapse_table()
    places = np.stack([synapses[f"{axis}_nm"] for axis in "zyx"], axis=-1)
    figure = draw_skeletons({i: skeletons[i] for i in longest}, size_nm, places)
    words = f"The {len(longest)} longest of {len(skeletons)} skeletons; all synapses as red dots."
    return page.section("Skeletons", page.plot(figure, words))


def _counts(metrics: Mapping, sizes_um3: Mapping) -> str:
    volume = metrics["volume_um3"]
    counts = {
        "neurites": metrics["neurites"],
        **{f"of these {kind}": n for kind, n in metrics["neurites_by_kind"].items()},
        "synapses": metrics["synapses"],
        "vesicles": metrics["vesicles"],
    }
    rows = [(name, f"{n}", f"{n / volume:.2f}") for name, n in counts.items()]
    fractions = [
        (name.replace("cleft_ids", "clefts"), f"{share:.2%}")
        for name, share in metrics["volume_fractions"].items()
    ]
    return page.section(
        "Counts and densities",
        page.beside(
            "pair",
            [
                page.table(("what", "number", "per µm³"), rows),
                page.table(("structure", "share of the volume"), fractions),
            ],
        ),
        page.text(f"Skeletons: {metrics['path_um_per_um3']:.1f} µm of path per µm³."),
        page.plot(draw_histogram(sizes_um3, "volume of a neurite (µm³)"), "Sizes of the neurites."),
    )


def _making(phantom: Phantom, metrics: Mapping, environment: Mapping) -> str:
    stages = [(s.replace("_", " "), f"{t:.1f} s") for s, t in metrics["seconds"].items()]
    parameters = dataclasses.asdict(phantom.parameters)
    knobs = [
        (f"{group}.{name}", f"{value:g}")
        for group in ("tissue", "imaging")
        for name, value in parameters[group].items()
    ]
    words = (
        f"{environment['cpu']}, {environment['threads']} threads, "
        f"{environment['instruction_set']}; JAX {environment['packages']['jax']}. Generated at "
        f"{metrics['mvoxel_per_s']:.1f} million voxels a second, all layers written to disk."
    )
    return page.section(
        "How it was made",
        page.text(words),
        page.beside(
            "pair",
            [page.table(("stage", "time"), stages), page.table(("parameter", "value"), knobs)],
        ),
    )


def _draw_synapse(volumes, row) -> Image.Image:
    named = {name: volumes[name] for name in ("image", "neurites")}
    place_nm = [row[f"{axis}_nm"] for axis in "zyx"]
    ids = (int(row[name]) for name in ("id", "pre", "post"))
    return draw_synapse(named | {"clefts": volumes["cleft_ids"]}, place_nm, *ids)
