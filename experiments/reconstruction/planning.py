"""The plan of a reconstruction: its stages, each with the key of all that it depends on."""

import dataclasses
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

from configs.reconstruction import ReconstructRun
from data.normalisation import GreyScale, measure_grey_scale
from data.volume import Volume
from experiments.reconstruction import wiring
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Grid, Index, whole_chunks
from experiments.reconstruction.source import Origin, identity
from experiments.reconstruction.stages import (
    adjoining,
    cutting,
    growing,
    joining,
    labelling,
    listing,
    mending,
    pairing,
    prediction,
    spotting,
    tracing,
    tracking,
)
from experiments.reconstruction.weights import (
    merge_weights,
    synapse_rules,
    synapse_weights,
    tracker_weights,
)
from models.architecture import Dense
from ops.segmentation.supervoxels import SupervoxelSettings
from ops.synapses.rules import Rules

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
    join = joining.stage(folder, begun.blocks, config.agglomeration, [begun.stages[-1].key])
    told, folder_of = (join,), joining.SEGMENTS
    if detector := merge_weights(config):
        how = dataclasses.asdict(config.merge_errors)
        del how["weights"]
        mend = mending.stage(folder, begun.blocks, detector, how, [join.key])
        told, folder_of = (join, mend), mending.MENDED
    label = labelling.stage(folder, image, begun.blocks, folder_of, [told[-1].key])
    fine = dataclasses.asdict(config.skeletons)
    trace = tracing.stage(folder, image, begun.blocks, fine, [label.key])
    coarse_nm, least_nm = config.skeletons.coarse_nm, config.skeletons.least_length_nm
    grow = growing.stage(folder, begun.blocks, trace.blocks, coarse_nm, least_nm, [trace.key])
    stages = (*begun.stages, *told, label, trace, grow)
    if others := synapse_weights(config, weights):
        look = begun.stages[0]
        maps = {
            output: _predict(output, config, folder, origin, path, begun)
            for output, path in others.items()
            if path != weights
        }
        seen = dict.fromkeys(others, look) | maps
        rules = synapse_rules(config, others["cleft"])
        stages += tuple(maps.values())
        stages += _synapse_stages(config, folder, origin, begun.blocks, rules, look, label, seen)
    return dataclasses.replace(begun, stages=stages)


def plan_graph(config: ReconstructRun, folder: Path, origin: Origin, weights: Path) -> Plan:
    """The stages up to the region graph, which depend on no truth and no agglomeration."""
    image, (architecture, network) = origin.image(), prediction.load_network(weights)
    scale, settings = measure_grey_scale([image]), supervoxel_settings(config, image)
    others = synapse_weights(config, weights)
    networks = [network, *(prediction.load_network(path)[1] for path in others.values())]
    z, y, x = image.shape[:3]
    blocks = Grid((z, y, x), block_shape_for(image, config.block_shape, networks))
    look = _predict("membrane", config, folder, origin, weights, Plan((), blocks, scale))
    cut = cutting.stage(folder, image, blocks, settings, [look.key])
    offsets, reads = prediction.offsets(architecture.outputs), [look.key, cut.key]
    if tracker := tracker_weights(config):
        how = (offsets, tracker, scale, settings.threshold, config.context)
        pairs = tracking.stage(folder, origin, blocks, *how, reads)
    else:
        pairs = adjoining.stage(folder, blocks, offsets, reads)
    return Plan((look, cut, pairs), blocks, scale)


def _predict(
    name: str, config: ReconstructRun, folder: Path, origin: Origin, weights: Path, begun: Plan
) -> Stage:
    """What a network answers, on the blocks of a plan."""
    source = identity(config.data, config.seed, origin.image())
    shape, most = begun.blocks.block_shape, config.context
    return prediction.stage(name, folder, origin, weights, begun.scale, shape, most, source)


def _synapse_stages(
    config: ReconstructRun,
    folder: Path,
    origin: Origin,
    blocks: Grid,
    rules: Rules,
    look: Stage,
    label: Stage,
    seen: Mapping[str, Stage],
) -> tuple[Stage, ...]:
    """From the maps to a table of synapses; `seen` are the stages of clefts and vesicles."""
    image, on_truth = origin.image(), config.synapses.true_neurites
    if on_truth and "neurites" not in origin.layers():
        raise ValueError(f"{image.name}: has no true neurites; needs synapses.true_neurites=false")
    evidence = pairing.Evidence(
        folder,
        origin if on_truth else None,
        membrane="membrane" in config.synapses.evidence,
        vesicle="vesicle" in seen,
    )
    spots = spotting.pieces_stage(folder, blocks, rules, [seen["cleft"].key])
    unite = spotting.objects_stage(folder, blocks, rules, [spots.key])
    reads = [unite.key, label.key, look.key, *(stage.key for stage in seen.values())]
    source = identity(config.data, config.seed, image) if on_truth else None
    pair = pairing.stage(blocks, evidence, rules, reads, source)
    outputs = [folder / name for name in wiring.OUTPUTS]
    table = listing.table_stage(folder, image, blocks, outputs, [pair.key])
    paint = listing.painting_stage(folder, image, blocks, [table.key])
    return spots, unite, pair, table, paint


def block_shape_for(
    image: Volume, wanted: Sequence[int] | None, networks: Sequence[Dense]
) -> Index:
    """Whole chunks and multiples of what networks pool; along each axis about equal blocks."""
    z, _, x = image.voxel_size_nm
    target = wanted or (ANISOTROPIC_BLOCK if z > THICK * x else ISOTROPIC_BLOCK)
    even = [_even(n, most) for n, most in zip(image.shape[:3], target, strict=True)]
    cuts = [c < n for c, n in zip(even, image.shape[:3], strict=True)]
    chunks = [c if cut else 1 for c, cut in zip(prediction.CHUNK, cuts, strict=True)]
    return whole_chunks(even, *(network.multiple for network in networks), chunks)


def _even(size: int, most: int) -> int:
    return math.ceil(size / math.ceil(size / most))


def supervoxel_settings(config: ReconstructRun, image: Volume) -> SupervoxelSettings:
    """How to cut; in the plane where sections are thick, or regions followed through them."""
    given, (z, _, x) = config.supervoxels, image.voxel_size_nm
    flat = given.in_plane
    return SupervoxelSettings(
        threshold=max(1, round(255 * given.threshold)),
        smoothing_nm=given.smoothing_nm,
        deepest_nm=given.deepest_nm,
        least_diameter_nm=given.least_diameter_nm,
        in_plane=config.segmenter == "3c" or (z > THICK * x if flat is None else flat),
    )
