"""What the viewer shows of a run at first: layers, colours, where it looks, how near."""

import math
from pathlib import Path

import neuroglancer
import numpy as np

from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.growing import SWC
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.listing import CLEFTS
from experiments.reconstruction.stages.mending import TABLE as MERGE_ERRORS
from experiments.reconstruction.wiring import CSV as SYNAPSES
from experiments.report.colours import POST, PRE, STRUCTURES
from experiments.viewing import neurites, tables, volumes

PROBABILITIES = {"membrane": "membrane.zarr", "vesicles": "vesicles.zarr"}
VOLUMES = (*PROBABILITIES.values(), SUPERVOXELS, SEGMENTATION, CLEFTS)
CHOSEN = 24  # neurites in 3-D at first
PANEL = 400  # pixels of screen, about, along the shorter edge of a panel
LARGEST_NM = 3.0 * 4  # of a pixel of screen at first: sections larger than that show a part


def scene(run: Path, source: dict[str, Volume]) -> neuroglancer.ViewerState:
    """The state of the viewer.

    Args:
        run: a run directory that holds some of `VOLUMES`.
        source: layers that the run was made from, `image` and perhaps `neurites`; empty where
            they cannot be had.

    Raises:
        ValueError: as `open_volume`.
    """
    state, made = neuroglancer.ViewerState(), open_made(run)
    synapses = tables.read_rows(run / SYNAPSES) if (run / SYNAPSES).exists() else []
    if "image" in source:
        state.layers["image"] = volumes.image_layer(source["image"])
    for name, file in PROBABILITIES.items():
        if file in made:
            tint = neurites.as_hex(STRUCTURES[name])
            _hide(state, name, volumes.probability_layer(made[file], tint))
    if SUPERVOXELS in made:
        _hide(state, "supervoxels", volumes.label_layer(made[SUPERVOXELS]))
    if "neurites" in source:
        _hide(state, "truth", volumes.label_layer(source["neurites"]))
    if SEGMENTATION in made:
        state.layers[tables.SEGMENTATION] = segments_layer(run, made[SEGMENTATION], synapses)
    if CLEFTS in made:
        state.layers["clefts"] = cleft_layer(made[CLEFTS])
    if (run / SYNAPSES).exists():
        state.layers["synapses"] = tables.synapse_layer(synapses, PRE, POST)
    if (run / MERGE_ERRORS).exists():
        rows = tables.read_rows(run / MERGE_ERRORS)
        state.layers["merge errors"] = tables.merge_error_layer(rows)
    aim(state, next(iter(made.values())), synapses)
    return state


def open_made(run: Path) -> dict[str, Volume]:
    """Those of `VOLUMES` that are there, by their names."""
    return {name: open_volume(str(run / name)) for name in VOLUMES if (run / name).exists()}


def segments_layer(
    run: Path, volume: Volume, synapses: list[tables.Row]
) -> neuroglancer.SegmentationLayer:
    """The segmentation with its skeletons; the longest neurites are chosen, in 3-D too."""
    layer = volumes.label_layer(volume)
    if (run / SWC).is_dir():
        layer.source = [*layer.source, neurites.SwcSource(run / SWC)]
    chosen = neurites.longest(run, CHOSEN)
    layer.segments = chosen
    layer.segment_colors = {number: neurites.colour(number) for number in chosen}
    layer.selected_alpha, layer.not_selected_alpha = 0.35, 0.15
    layer.skeleton_rendering = neuroglancer.SkeletonRenderingOptions(
        mode2d="lines", line_width3d=3.0
    )
    return layer


def cleft_layer(volume: Volume) -> neuroglancer.SegmentationLayer:
    """Clefts, all in one colour."""
    layer = volumes.label_layer(volume)
    layer.segment_default_color = neurites.as_hex(STRUCTURES["clefts"])
    layer.selected_alpha = 0.6
    return layer


def aim(state: neuroglancer.ViewerState, volume: Volume, synapses: list[tables.Row]) -> None:
    """Looks at the synapse nearest to the middle, else at the middle, from as near as fits."""
    size = np.array(volume.voxel_size_nm)
    extent_nm, corner_nm = volume.shape[:3] * size, volume.offset * size
    middle = corner_nm + extent_nm / 2
    places = [np.array(tables.place_nm(row)) for row in synapses]
    at = min(places, key=lambda place: float(np.linalg.norm(place - middle)), default=middle)
    unit = float(size.min())  # what neuroglancer counts in
    state.dimensions = volumes.space(volume)
    state.display_dimensions = ["x", "y", "z"]
    state.position = (at / size).tolist()
    state.cross_section_scale = min(extent_nm.max() / PANEL, LARGEST_NM) / unit
    state.projection_scale = 1.2 * math.hypot(*extent_nm) / unit
    state.layout, state.show_slices = "4panel", False


def _hide(state: neuroglancer.ViewerState, name: str, layer: neuroglancer.Layer) -> None:
    """Adds a layer that is not shown until it is asked for."""
    state.layers.append(neuroglancer.ManagedLayer(name, layer, visible=False))
