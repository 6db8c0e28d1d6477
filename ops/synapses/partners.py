"""Who is joined by a cleft, and which of them has the vesicles."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt

from ops.segmentation.distance import boundary_distance
from ops.synapses.candidates import Probability, likely
from ops.synapses.rules import Rules
from ops.synapses.sparse import Voxels
from ops.synapses.table import Synapses


@dataclasses.dataclass(frozen=True)
class Maps:
    """A part of a volume, or all of it.

    Attributes:
        segmentation: ids, 0 = background.
        vesicle: probability; None leaves the rules of vesicles out.
        size_nm: of a voxel.
        start: of the part, in voxels of the volume.
        shape: of the volume.
    """

    segmentation: UInt[np.ndarray, "z y x"]
    vesicle: Probability | None
    size_nm: Float64[np.ndarray, " 3"]
    start: Int64[np.ndarray, " 3"]
    shape: Int64[np.ndarray, " 3"]


@dataclasses.dataclass(frozen=True)
class Surroundings:
    """The box around a cleft.

    Attributes:
        first: voxel of the box, in voxels of the part.
        away_nm: from the nearest voxel of the cleft.
        segmentation: ids.
        vesicles: whether a voxel is one; None where nothing is known of them.
    """

    first: Int64[np.ndarray, " 3"]
    away_nm: Float32[np.ndarray, "z y x"]
    segmentation: UInt[np.ndarray, "z y x"]
    vesicles: Bool[np.ndarray, "z y x"] | None


def judge(cleft: Voxels, maps: Maps, rules: Rules) -> Synapses | None:
    """The rows of a candidate; None if it is no synapse.

    It is none where no segment lies at the cleft, or where vesicles are known and there are too
    few, or about as many on both sides. With a single segment at the cleft, `post` is 0.
    """
    around = _surroundings(cleft, maps, rules)
    shell = around.away_nm <= rules.shell_nm
    partners = _partners(around.segmentation[shell], rules)
    if not len(partners):
        return None
    vesicles, confidence = np.zeros(len(partners), np.int64), np.float32(np.nan)
    if around.vesicles is not None:
        vesicles = _count_vesicles(around, partners, rules)
        order = np.argsort(-vesicles, kind="stable")
        partners, vesicles = partners[order], vesicles[order]
        most, second = (*vesicles.tolist(), 0)[:2]
        asymmetry = (most - second) / max(1, most + second)
        if most * maps.size_nm.prod() < rules.least_vesicles_nm3:
            return None
        if asymmetry < rules.least_asymmetry:
            return None
        if len(partners) > 1:
            confidence = np.float32(1 / (1 + np.exp(-rules.steepness * asymmetry)))
    return _rows(cleft, around, shell, partners, vesicles, confidence, maps)


def _surroundings(cleft: Voxels, maps: Maps, rules: Rules) -> Surroundings:
    """As far as the rules reach."""
    reach_nm = rules.shell_nm if maps.vesicle is None else rules.reach_nm
    margin = np.floor(reach_nm / maps.size_nm).astype(np.int64)
    first = np.maximum(cleft.min(axis=0) - margin, 0)
    stop = np.minimum(cleft.max(axis=0) + margin + 1, maps.segmentation.shape)
    box = tuple(map(slice, first, stop))
    outside = np.ones(stop - first, bool)
    outside[tuple((cleft - first).T)] = False
    size = tuple(maps.size_nm.tolist())
    away_nm = boundary_distance(outside, size, in_plane=False, threads=1)
    vesicles = None
    if maps.vesicle is not None:
        vesicles = likely(maps.vesicle[box], rules.vesicle_probability)
    return Surroundings(first, away_nm, maps.segmentation[box], vesicles)


def _partners(ids: UInt[np.ndarray, " shell"], rules: Rules) -> UInt[np.ndarray, " partners"]:
    """The segments that fill most of the shell, the largest first."""
    found, voxels = np.unique(ids[ids != 0], return_counts=True)
    order = np.argsort(-voxels, kind="stable")
    order = order[voxels[order] >= rules.least_partner_share * voxels.sum()]
    return found[order if rules.partners == "several" else order[:2]]


def _count_vesicles(around: Surroundings, partners, rules: Rules) -> Int64[np.ndarray, " partners"]:
    assert around.vesicles is not None
    ids = around.segmentation[around.vesicles & (around.away_nm <= rules.vesicle_reach_nm)]
    return np.array([np.count_nonzero(ids == partner) for partner in partners], np.int64)


def _rows(cleft, around, shell, partners, vesicles, confidence, maps: Maps) -> Synapses:
    """One row for each partner on the other side; ids are left for later."""
    place = ((cleft + maps.start).mean(axis=0) + 0.5) * maps.size_nm
    sites = [_site(around, shell, partner, maps) for partner in partners]
    if len(partners) == 1:
        partners, vesicles = np.append(partners, 0), np.append(vesicles, 0)
        sites.append(place)
    count = len(partners) - 1
    whole = cleft + maps.start
    touches = bool(((whole == 0) | (whole == maps.shape - 1)).any())
    return Synapses(
        id=np.zeros(count, np.uint64),
        pre=np.repeat(partners[:1], count).astype(np.uint64),
        post=partners[1:].astype(np.uint64),
        place_nm=np.tile(place, (count, 1)),
        pre_nm=np.tile(sites[0], (count, 1)),
        post_nm=np.stack(sites[1:]),
        size_voxels=np.full(count, len(cleft)),
        vesicles_pre=np.repeat(vesicles[:1], count),
        vesicles_post=vesicles[1:],
        polarity_confidence=np.full(count, confidence, np.float32),
        at_edge=np.full(count, touches),
    )


def _site(around: Surroundings, shell, partner, maps: Maps) -> Float64[np.ndarray, " 3"]:
    """The voxel of a partner in the shell that is nearest to the middle of them."""
    voxels = np.argwhere(shell & (around.segmentation == partner))
    from_middle = (voxels - voxels.mean(axis=0)) * maps.size_nm
    chosen = voxels[np.square(from_middle).sum(axis=1).argmin()]
    return (chosen + around.first + maps.start + 0.5) * maps.size_nm
