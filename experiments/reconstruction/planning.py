"""The plan of a reconstruction: its stages, each with the key of all that it depends on."""

import dataclasses
import hashlib
import logging
import math
from collections.abc import Sequence
from pathlib import Path

import jax
import numpy as np

from configs.reconstruction import ReconstructRun
from data.normalisation import GreyScale, measure_grey_scale
from data.volume import Volume
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Grid, Index, whole_chunks
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.source import Origin, identity
from experiments.reconstruction.stages import cutting, joining, labelling, prediction, tracing
from models.architecture import Dense
from models.weights import load_weights
from ops.segmentation.supervoxels import SupervoxelSettings

log = logging.getLogger(__name__)
ANISOTROPIC_BLOCK, ISOTROPIC_BLOCK = (32, 512, 512), (128, 256, 256)
THICK = 2.0  # times a pixel, from which a section is cut up by itself


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is going to be done.

    Attributes:
        stages: in order.
        blocks: the grid that volumes are written by, without halos.
        scale: of the image's grey values.
        settings: of the supervoxels.
    """

    stages: tuple[Stage, ...]
    blocks: Grid
    scale: GreyScale
    settings: SupervoxelSettings


def plan(config: ReconstructRun, folder: Path, origin: Origin, weights: Path) -> Plan:
    """The stages of a config, which write into a run directory."""
    image = origin.image()
    architecture, network = prediction.load_network(weights)
    scale = measure_grey_scale([image])
    shape = block_shape_for(image, config.block_shape, network)
    z, y, x = image.shape[:3]
    blocks, whole = Grid((z, y, x), shape), Grid((z, y, x), (z, y, x))
    settings = supervoxel_settings(config, image)
    offsets = prediction.offsets(architecture.outputs)
    evidence = folder / (prediction.AFFINITIES if offsets else prediction.MEMBRANE)

    context = prediction.context_for(network, config.context)
    seen = prediction.grid_for(image, shape, context)
    look = prediction.Prediction(folder, origin, weights, scale, shape, context)
    told = {"scale": dataclasses.astuple(scale), "weights": digest(weights)}
    source = identity(config.data, config.seed, image)
    keys = [stage_key("membrane", prediction.VERSION, seen, told, source=source)]

    outer = cutting.grid_for(image, shape, settings)
    cut = cutting.Cutting(folder / prediction.MEMBRANE, folder, blocks.counts, settings)
    keys.append(
        stage_key("supervoxels", cutting.VERSION, outer, dataclasses.asdict(settings), keys[-1:])
    )

    pairs = joining.grid_for(image, shape, offsets)
    count = joining.Graph(evidence, offsets, folder)
    keys.append(stage_key("region_graph", joining.VERSION, pairs, {"offsets": offsets}, keys[-2:]))

    how = dataclasses.asdict(config.agglomeration)
    join = joining.Joining(folder, pairs.blocks, **how)
    keys.append(stage_key("agglomeration", joining.VERSION, whole, how, keys[-1:]))

    label = labelling.Labelling(folder, whole.blocks[0])
    keys.append(stage_key("segmentation", labelling.VERSION, blocks, {}, keys[-1:]))

    fine = dataclasses.asdict(config.skeletons)
    trace = tracing.Tracing(folder, blocks, **fine)
    keys.append(stage_key("skeletons", tracing.VERSION, whole, fine, keys[-1:]))

    volumes = (prediction.MEMBRANE, *([prediction.AFFINITIES] if offsets else []))
    makers = (
        lambda: prediction.make_outputs(folder, image, architecture.outputs),
        lambda: cutting.make_output(folder, image),
        lambda: (folder / joining.GRAPHS).mkdir(),
        lambda: (folder / joining.SEGMENTS).mkdir(),
        lambda: make_segmentation(folder, image),
        None,
    )
    works = (look.work, cut.work, count.work, join.work, label.work, trace.work)
    grids = (seen, outer, pairs, whole, blocks, whole)
    outputs = (
        volumes,
        (cutting.SUPERVOXELS,),
        (joining.GRAPHS,),
        (joining.SEGMENTS,),
        (labelling.SEGMENTATION, labelling.SIZES),
        (tracing.SWC, tracing.PRECOMPUTED, tracing.TABLE),
    )
    names = (
        "membrane",
        "supervoxels",
        "region_graph",
        "agglomeration",
        "segmentation",
        "skeletons",
    )
    stages = tuple(
        Stage(name, key, grid.blocks, work, tuple(folder / o for o in made), prepare)
        for name, key, grid, work, made, prepare in zip(
            names, keys, grids, works, outputs, makers, strict=True
        )
    )
    return Plan(stages, blocks, scale, settings)


def make_segmentation(folder: Path, image: Volume) -> None:
    """The empty segmentation, and the folder of its sizes."""
    cutting.make_output(folder, image, labelling.SEGMENTATION)
    (folder / labelling.SIZES).mkdir()


def block_shape_for(image: Volume, wanted: Sequence[int] | None, network: Dense) -> Index:
    """Whole chunks and multiples of what the network pools; along each axis about equal blocks."""
    z, _, x = image.voxel_size_nm
    target = wanted or (ANISOTROPIC_BLOCK if z > THICK * x else ISOTROPIC_BLOCK)
    even = [_even(n, most) for n, most in zip(image.shape[:3], target, strict=True)]
    cuts = [c < n for c, n in zip(even, image.shape[:3], strict=True)]
    chunks = [c if cut else 1 for c, cut in zip(prediction.CHUNK, cuts, strict=True)]
    return whole_chunks(even, network.multiple, chunks)


def digest(weights: Path) -> str:
    """A hash of a network and its parameters, whatever its card says."""
    architecture, params = load_weights(weights)
    found = hashlib.sha256(architecture.to_json().encode())
    for array in jax.tree.leaves(params):
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()


def _even(size: int, most: int) -> int:
    return math.ceil(size / math.ceil(size / most))


def supervoxel_settings(config: ReconstructRun, image: Volume) -> SupervoxelSettings:
    """How to cut; in the plane where sections are thick."""
    given, (z, _, x) = config.supervoxels, image.voxel_size_nm
    return SupervoxelSettings(
        threshold=max(1, round(255 * given.threshold)),
        smoothing_nm=given.smoothing_nm,
        deepest_nm=given.deepest_nm,
        least_diameter_nm=given.least_diameter_nm,
        in_plane=z > THICK * x if given.in_plane is None else given.in_plane,
    )
