"""Stage `region_graph` by cross-classification (3C): regions, followed from section to section.

All regions of a section are painted in a few colours, once for each digit of a code; a network says
where the colours go on in the section above and below, and what it says of all paintings tells for
every pixel there which region it belongs to (Meirovitch, Mi et al., CVPR 2019). That is evidence
beside the boundaries that `adjoining` counts, in one region graph: agglomeration makes objects of
it.
"""

import dataclasses
import functools
import itertools
from collections.abc import Iterator, Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt64

from data.normalisation import GreyScale, as_grey
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage
from experiments.reconstruction.grid import Block, Grid, Index, Slices
from experiments.reconstruction.markers import stage_key
from experiments.reconstruction.opened import opened
from experiments.reconstruction.source import Origin
from experiments.reconstruction.stages.adjoining import GRAPHS, adjoining_graph, halo_of
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.stages.prediction import MEMBRANE
from models.cross_classifier import CrossClassifier
from models.cross_weights import cross_digest, load_cross_classifier
from models.crossing import cross_classify, reduced
from ops.codes.codebook import least_length, random_code
from ops.codes.decode import decode
from ops.codes.encode import encode
from ops.segmentation.graph_sums import merge_graphs
from ops.segmentation.region_graph import RegionGraph
from ops.segmentation.region_statistics import region_statistics
from ops.tracking import followed_graph

VERSION = 2
BLANK = 1.5 / 255  # standard deviation of grey values, up to which a section shows nothing
FARTHEST = 2  # sections between which regions are followed, where the one between is lost
SPARE_DIGITS = 1  # more than are needed to tell all regions apart

Regions = UInt64[np.ndarray, "h w"]
Views = Float32[np.ndarray, "z y x view"]


@dataclasses.dataclass(frozen=True)
class Tracking:
    """The stage, as plain values.

    Attributes:
        offsets: of the affinities; none where strengths are those of the boundary map.
        run: the run directory.
        origin: of the image.
        weights: file of the cross-classifier.
        scale: of the image's grey values.
        inside: boundary strength, 0 to 255, from which a voxel is no inside of a cell.
    """

    offsets: tuple[Index, ...]
    run: Path
    origin: Origin
    weights: Path
    scale: GreyScale
    inside: int

    def work(self, block: Block) -> None:
        """Writes region_graph/Z_Y_X.npz: regions, pairs that the block owns, lost sections."""
        labels = opened(self.run / SUPERVOXELS)[block.outer].read()
        boundary = opened(self.run / MEMBRANE)[block.outer].read()
        grey, owned = as_grey(self.origin.image()[block.outer].read()), block.inner_in_outer
        seen = ~lost_sections(labels, grey)
        adjoining = adjoining_graph(self.run, block, self.offsets, labels, boundary)
        followed = self.followed(labels, boundary, grey, seen, owned)
        graph = merge_graphs([adjoining, *followed])
        regions = region_statistics(labels[owned], boundary[owned])
        lost = {"lost": block.start[0] + np.flatnonzero(~seen[owned[0]])}
        save_arrays(self.run / GRAPHS, block, vars(graph) | vars(regions) | lost)

    def followed(self, labels, boundary, grey, seen, owned: Slices) -> Iterator[RegionGraph]:
        """What following tells of the sections that the block owns and those below them."""
        network = _load(self.weights)
        views = views_of(network, self.scale, grey, boundary)
        reduction = network.architecture.reduction
        coarse = np.stack([reduced(section, reduction) for section in labels])
        insides = boundary[:, ::reduction, ::reduction] < self.inside
        length = code_length(coarse, network.architecture.letters)
        y, x = (slice(-(-s.start // reduction), -(-s.stop // reduction)) for s in owned[1:])
        for low, high in pairs_of_sections(seen):
            if owned[0].start <= high < owned[0].stop:
                up, _ = follow(network, coarse[low], views[low], views[high], length)
                down, _ = follow(network, coarse[high], views[high], views[low], length)
                inner = [np.where(insides[z], coarse[z], np.uint64(0)) for z in (low, high)]
                yield followed_graph(*inner, up, down, owned=(y, x))


def follow(
    network: CrossClassifier,
    regions: Regions,
    source: Float32[np.ndarray, "y x view"],
    target: Float32[np.ndarray, "y x view"],
    length: int,
) -> tuple[Regions, UInt8[np.ndarray, "h w"]]:
    """The region that each pixel of another section belongs to (0 = none), and how sure that is.

    Args:
        network: with its weights.
        regions: of the source section, 0 = none, as coarse as the network's colours.
        source: what the network sees of it.
        target: what it sees of the other section.
        length: digits of the code, enough for all regions.
    """
    ids = np.unique(regions[regions > 0])
    code = random_code(len(ids), network.architecture.letters, length, seed=0)
    told = cross_classify(network, source, target, encode(regions, ids, code))
    return decode(told, ids, code)


def views_of(network: CrossClassifier, scale: GreyScale, grey, boundary) -> Views:
    """What the network sees: grey values, and boundaries if it has learnt with them."""
    views = [np.asarray(scale.normalise(grey), np.float32)]
    if network.architecture.membranes:
        views.append(as_grey(boundary))
    return np.stack(views, axis=-1)


def code_length(labels: UInt64[np.ndarray, "z h w"], letters: int) -> int:
    """Digits for the section with the most regions, and one more, which shows misread ones."""
    most = max(len(np.unique(section)) for section in labels)
    return least_length(max(2, most), letters) + SPARE_DIGITS


def lost_sections(
    labels: UInt64[np.ndarray, "z y x"], grey: Float32[np.ndarray, "z y x"]
) -> Bool[np.ndarray, " z"]:
    """Which sections show nothing, or have no region to follow."""
    return np.array([s.std() <= BLANK or not r.any() for s, r in zip(grey, labels, strict=True)])


def pairs_of_sections(seen: Bool[np.ndarray, " z"]) -> Iterator[tuple[int, int]]:
    """The lower and the upper one: neighbours, and those on both sides of a lost section."""
    there = np.flatnonzero(seen).tolist()
    for low, high in itertools.pairwise(there):
        if high - low <= FARTHEST:
            yield low, high


def read_lost(run: Path, blocks: Sequence[Block]) -> list[int]:
    """The sections that were lost in all blocks of a run; none where nothing was followed."""
    lost: dict[int, int] = {}
    for block in blocks:
        for z in load_arrays(run / GRAPHS, block).get("lost", np.zeros(0, int)).tolist():
            lost[z] = lost.get(z, 0) + 1
    columns = sum(block.index[0] == 0 for block in blocks)
    return sorted(z for z, count in lost.items() if count == columns)


def stage(
    run: Path,
    origin: Origin,
    blocks: Grid,
    offsets: tuple[Index, ...],
    weights: Path,
    scale: GreyScale,
    inside: int,
    context: Sequence[int],
    reads: Sequence[str],
) -> Stage:
    """The stage of a run, on blocks with so much of the plane around as is wanted at most."""
    network = _load(weights)
    y, x = (
        -(-min(reach, most) // multiple) * multiple
        for reach, most, multiple in zip(
            network.reach[1:], context[1:], network.multiple[1:], strict=True
        )
    )
    needed = halo_of(offsets)
    z, y, x = (max(n, more) for n, more in zip(needed, (FARTHEST, y, x), strict=True))
    grid = dataclasses.replace(blocks, halo=(z, y, x))
    told = {
        "offsets": offsets,
        "inside": inside,
        "scale": dataclasses.astuple(scale),
        "weights": cross_digest(weights),
    }
    return Stage(
        "region_graph",
        stage_key("region_graph_3c", VERSION, grid, told, reads),
        grid.blocks,
        Tracking(offsets, run, origin, weights, scale, inside).work,
        [run / GRAPHS],
        (run / GRAPHS).mkdir,
    )


@functools.lru_cache(maxsize=1)
def _load(weights: Path) -> CrossClassifier:
    return load_cross_classifier(weights)
