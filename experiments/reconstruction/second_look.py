"""Objects that a MergeNet flags, looked at again: where each may be divided, and whether it should.

Two kinds of evidence have to agree. The shape of the whole at the contact of its two parts should
look like a merge error, and that of each part by itself should not; and the boundary between the
parts, as agglomeration scored it, should not speak against it much.
"""

import dataclasses
import itertools
import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Int64, UInt8, UInt32, UInt64
from scipy import ndimage

from experiments.reconstruction.suspects import Heat
from models.merge_scan import scan
from models.mergenet import MergeNet
from ops.segmentation.agglomeration import Dendrogram
from ops.segmentation.division import divide, large_joins
from ops.segmentation.region_graph import RegionGraph
from ops.shape_windows import points_along

SPACING = 8  # coarse voxels between places that are looked at along an object
MOST_JOINS = 4  # of an object that are looked at again; it is the last ones that go wrong
CERTAIN = 1e-3  # probabilities are taken to be this far from 0 and 1 at least

Ids = UInt64[np.ndarray, " n"]


@dataclasses.dataclass(frozen=True)
class Tissue:
    """What objects are made of.

    Attributes:
        coarse: number of the supervoxel at each coarse voxel, from 1; 0 = none.
        regions: of each supervoxel, by number less 1: what was joined before all else.
        voxels: of each supervoxel.
        graph: of regions, at least its edges within one segment.
        tree: how regions were joined.
    """

    coarse: UInt32[np.ndarray, "z y x"]
    regions: Ids
    voxels: Int64[np.ndarray, " n"]
    graph: RegionGraph
    tree: Dendrogram


@dataclasses.dataclass(frozen=True)
class Division:
    """A way to divide an object.

    Attributes:
        right: which supervoxels are split off.
        place: coarse voxel (z, y, x) in the middle of their contact.
        gain: log-odds by which shape and boundary together are better off.
    """

    right: Bool[np.ndarray, " supervoxels"]
    place: tuple[int, int, int]
    gain: float


def segment_labels(
    tissue: Tissue, segments: Ids, chosen: Bool[np.ndarray, " n"]
) -> UInt64[np.ndarray, "z y x"]:
    """The segment at each coarse voxel, of the supervoxels chosen; 0 elsewhere."""
    return np.append(np.uint64(0), np.where(chosen, segments, 0))[tissue.coarse]


def look(network: MergeNet, labels: UInt64[np.ndarray, "z y x"]) -> Heat:
    """Moves the network along all objects of coarse labels."""
    places, objects = points_along(labels, SPACING, network.architecture.least_voxels)
    return Heat(places, objects, scan(network, labels, objects[:, None], places))


def divisions(
    network: MergeNet,
    tissue: Tissue,
    own: Bool[np.ndarray, " supervoxels"],
    least: int,
    boundary_weight: float,
) -> list[Division]:
    """Ways to divide an object, the best one first.

    Args:
        network: with its weights.
        tissue: whose object it is.
        own: its supervoxels.
        least: voxels of each part.
        boundary_weight: of the boundary's log-odds beside those of the shape.
    """
    found = _divisions(network, tissue, own, least, boundary_weight)
    return sorted(found, key=lambda division: -division.gain)


def _divisions(network, tissue, own, least, weight) -> Iterator[Division]:
    regions, numbers = np.unique(tissue.regions[own], return_inverse=True)
    voxels = np.bincount(numbers, tissue.voxels[own]).astype(np.int64)
    box, corner = _box(tissue.coarse, own)
    joins = large_joins(tissue.tree, regions, voxels, least)
    for join in itertools.islice(joins, MOST_JOINS):
        right = np.zeros(len(own), bool)
        right[own] = divide(tissue.graph, regions, join)[numbers]
        sides = _sides(box, own, right)
        contact = np.argwhere(_touching(sides))
        if not len(contact):
            continue
        at = contact[np.linalg.norm(contact - contact.mean(axis=0), axis=1).argmin()]
        parts = np.array([[1, 2], [1, 1], [2, 2]], np.uint8)
        told = scan(network, sides, parts, np.tile(at, (3, 1)), mirrored=True)
        whole, *halves = map(_log_odds, told.tolist())
        z, y, x = (at + corner).tolist()
        yield Division(right, (z, y, x), whole - max(halves) + weight * _log_odds(join.score))


def _box(coarse, own) -> tuple[UInt32[np.ndarray, "_ _ _"], Int64[np.ndarray, " 3"]]:
    """The coarse voxels of an object's bounding box, empty if it has none, and the first one."""
    boxes = ndimage.find_objects(np.append(False, own)[coarse].astype(np.uint8))
    box = boxes[0] if boxes else (slice(0, 0),) * 3
    return coarse[box], np.array([part.start for part in box], np.int64)


def _sides(box, own, right) -> UInt8[np.ndarray, "_ _ _"]:
    """The object in its box: 1 on the left and 2 on the right."""
    return np.append(np.uint8(0), np.where(own, 1 + right, 0).astype(np.uint8))[box]


def _touching(sides: UInt8[np.ndarray, "z y x"]) -> Bool[np.ndarray, "z y x"]:
    """Voxels on the left that share a face with one on the right."""
    return (sides == 1) & ndimage.binary_dilation(sides == 2)


def _log_odds(probability: float) -> float:
    bounded = min(max(probability, CERTAIN), 1 - CERTAIN)
    return math.log(bounded / (1 - bounded))
