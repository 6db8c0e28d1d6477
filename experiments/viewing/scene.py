"""What the viewer shows of a run at first: layers, where it looks, from how near."""

import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import neuroglancer
import numpy as np
from jaxtyping import Float64

from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.growing import SWC
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.listing import CLEFTS
from experiments.reconstruction.stages.mending import TABLE as MERGE_ERRORS
from experiments.reconstruction.wiring import CSV as SYNAPSES
from experiments.report.colours import STRUCTURES
from experiments.viewing import annotations, neurites, volumes
from experiments.viewing.space import voxels

PROBABILITIES = {"membrane": "membrane.zarr", "vesicles": "vesicles.zarr"}
VOLUMES = (*PROBABILITIES.values(), SUPERVOXELS, SEGMENTATION, CLEFTS)
PANEL = 400  # pixels of screen, about, along a panel
FARTHEST_NM = 12.0  # in a pixel of screen: of a larger section a part is shown at first
TURNED = (0.21, 0.29, -0.07, 0.93)  # a quaternion: as the report turns what it shows in 3-D

Place = Float64[np.ndarray, " 3"]


def scene(run: Path, source: Mapping[str, Volume]) -> neuroglancer.ViewerState:
    """The state of the viewer: at the synapse nearest to the middle, if there is one.

    Args:
        run: a run directory that holds one of `VOLUMES` at least.
        source: layers that it was made from, `image` and perhaps `neurites`; empty where they are
            not to be had.

    Raises:
        ValueError: as `data.opening.open_volume`.
    """
    made = {name: open_volume(str(run / name)) for name in VOLUMES if (run / name).exists()}
    volume = next(iter(made.values()))
    size = np.array(volume.voxel_size_nm)
    at = (np.array(volume.offset) + np.array(volume.shape[:3]) / 2) * size
    synapses = annotations.by_distance(annotations.read_rows(run / SYNAPSES), at)
    state = neuroglancer.ViewerState()
    for layer in layers(run, source, made, synapses):
        state.layers.append(layer)
    look(state, volume, annotations.place_nm(synapses[0]) if synapses else at)
    return state


def layers(
    run: Path,
    source: Mapping[str, Volume],
    made: Mapping[str, Volume],
    synapses: Sequence[annotations.Row],
) -> list[neuroglancer.ManagedLayer]:
    """The layers of what there is, from the lowest to the topmost; some are hidden at first."""
    found: dict[str, neuroglancer.Layer] = {}
    if "image" in source:
        found["image"] = volumes.image_layer(source["image"])
    for name, file in PROBABILITIES.items():
        if file in made:
            found[name] = volumes.probability_layer(made[file], STRUCTURES[name])
    if SUPERVOXELS in made:
        found["supervoxels"] = volumes.label_layer(made[SUPERVOXELS])
    if "neurites" in source:
        found["truth"] = volumes.label_layer(source["neurites"])
    if SEGMENTATION in made:
        chosen = neurites.chosen(run, synapses)
        found[annotations.SEGMENTS] = neurites.segment_layer(run, made[SEGMENTATION], chosen)
    if (run / SWC).is_dir():
        found["skeletons"] = neurites.skeleton_layer(run)
    if CLEFTS in made:
        found["clefts"] = volumes.label_layer(made[CLEFTS], STRUCTURES["clefts"])
    if synapses:
        found["synapses"] = annotations.synapse_layer(synapses)
    if flags := annotations.read_rows(run / MERGE_ERRORS):
        found["merge errors"] = annotations.merge_error_layer(flags)
    hidden = {*PROBABILITIES, "truth"} | ({"supervoxels"} if SEGMENTATION in made else set())
    return [
        neuroglancer.ManagedLayer(name, layer, visible=name not in hidden)
        for name, layer in found.items()
    ]


def look(state: neuroglancer.ViewerState, volume: Volume, at_nm: Place) -> None:
    """Turns to a place (z, y, x) in three sections, and to the whole volume in 3-D."""
    size = np.array(volume.voxel_size_nm)
    extent_nm, unit_nm = np.array(volume.shape[:3]) * size, float(size.min())
    state.dimensions, state.display_dimensions = voxels(volume), ["x", "y", "z"]
    state.position = (at_nm / size).tolist()
    state.cross_section_scale = min(float(extent_nm.max()) / PANEL, FARTHEST_NM) / unit_nm
    state.projection_scale = math.hypot(*extent_nm.tolist()) / unit_nm
    state.projection_orientation = TURNED
    state.layout, state.show_slices = "4panel", False
