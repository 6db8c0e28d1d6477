"""The plan of a reconstruction: its stages, each with the key of all that it depends on."""

import dataclasses
import math
from collections.abc import Sequence
from pathlib import Path

from configs.reconstruction import ReconstructRun
from data.normalisation import GreyScale, measure_grey_scale
from data.volume import Volume
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Grid, Index, whole_chunks
from experiments.reconstruction.source import Origin, identity
from experiments.reconstruction.stages import (
    cutting,
    growing,
    joining,
    labelling,
    prediction,
    tracing,
)
from models.architecture import Dense
from ops.segmentation.supervoxels import SupervoxelSettings

ANISOTROPIC_BLOCK, ISOTROPIC_BLOCK = (32, 512, 512), (128, 256, 256)
THICK = 2.0  # times a pixel, from which a section is cut up by itself


@dataclasses.dataclass(frozen=True)
class Plan:
    """What is going to be done.

    Attributes:
        stages: in order.
        blocks: the grid that volumes are written by, without halos.
        scale: of the image's grey values.
    """

    stages: tuple[Stage, ...]
    blocks: Grid
    scale: GreyScale


def plan(config: ReconstructRun, folder: Path, origin: Origin, weights: Path) -> Plan:
    """The stages of a config, which write into a run directory."""
    begun, image = plan_graph(config, folder, origin, weights), origin.image()
    join = joining.joining_stage(folder, begun.blocks, config.agglomeration, [begun.stages[-1].key])
    label = labelling.stage(folder, image, begun.blocks, [join.key])
    fine = dataclasses.asdict(config.skeletons)
    trace = tracing.stage(folder, image, begun.blocks, fine, [label.key])
    coarse_nm, least_nm = config.skeletons.coarse_nm, config.skeletons.least_length_nm
    grow = growing.stage(folder, begun.blocks, trace.blocks, coarse_nm, least_nm, [trace.key])
    return dataclasses.replace(begun, stages=(*begun.stages, join, label, trace, grow))


def plan_graph(config: ReconstructRun, folder: Path, origin: Origin, weights: Path) -> Plan:
    """The stages up to the region graph, which depend on no truth and no agglomeration."""
    image, (architecture, network) = origin.image(), prediction.load_network(weights)
    scale, settings = measure_grey_scale([image]), supervoxel_settings(config, image)
    z, y, x = image.shape[:3]
    blocks = Grid((z, y, x), block_shape_for(image, config.block_shape, network))
    source = identity(config.data, config.seed, image)
    look = prediction.stage(
        folder, origin, weights, scale, blocks.block_shape, config.context, source
    )
    cut = cutting.stage(folder, image, blocks, settings, [look.key])
    offsets = prediction.offsets(architecture.outputs)
    pairs = joining.graph_stage(folder, blocks, offsets, [look.key, cut.key])
    return Plan((look, cut, pairs), blocks, scale)


def block_shape_for(image: Volume, wanted: Sequence[int] | None, network: Dense) -> Index:
    """Whole chunks and multiples of what the network pools; along each axis about equal blocks."""
    z, _, x = image.voxel_size_nm
    target = wanted or (ANISOTROPIC_BLOCK if z > THICK * x else ISOTROPIC_BLOCK)
    even = [_even(n, most) for n, most in zip(image.shape[:3], target, strict=True)]
    cuts = [c < n for c, n in zip(even, image.shape[:3], strict=True)]
    chunks = [c if cut else 1 for c, cut in zip(prediction.CHUNK, cuts, strict=True)]
    return whole_chunks(even, network.multiple, chunks)


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
