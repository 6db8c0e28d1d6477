"""Ways to follow all regions of a section into another one: by codes, or one after the other."""

import dataclasses
from collections.abc import Callable
from typing import Literal

import numpy as np
from jaxtyping import Float32, UInt64
from skimage import segmentation

from models.cross_classifier import CrossClassifier
from models.crossing import cross_classify
from ops.codes.codebook import Codebook, least_length, random_code, redundant_code
from ops.codes.decode import decode
from ops.codes.encode import encode
from ops.codes.neighbours import neighbour_aware_code

AT_ONCE = 8  # paintings of single objects, to bound memory
NEAR = 5  # pixels between regions that count as neighbours, half of them
MARGIN = 32  # pixels around an object that its window shows, as wide as is customary
WINDOW = 64  # windows are as large as some multiple of this, so that few shapes are compiled

Regions = UInt64[np.ndarray, "h w"]
Section = Float32[np.ndarray, "y x view"]
Kind = Literal["random", "redundant", "neighbour-aware"]


@dataclasses.dataclass(frozen=True)
class Followed:
    """What following found, and what it took.

    Attributes:
        ids: the region that each pixel of the target belongs to, 0 = none.
        passes: of the network.
        pixels: that it was applied to, in all passes.
    """

    ids: Regions
    passes: int
    pixels: int


Follower = Callable[[Regions, Section, Section], Followed]


def by_codes(network: CrossClassifier, kind: Kind, spare: int, seed: int) -> Follower:
    """3C: as many passes as digits, the fewest that tell all regions apart, and some to spare."""

    def follow(regions: Regions, source: Section, target: Section) -> Followed:
        ids = np.unique(regions[regions > 0])
        code = code_for(regions, ids, network.architecture.letters, kind, spare, seed)
        told = cross_classify(network, source, target, encode(regions, ids, code))
        found, _ = decode(told, ids, code, least_posterior=0.0)
        return Followed(found, code.length, code.length * regions.size)

    return follow


def code_for(
    regions: Regions, ids: UInt64[np.ndarray, " n"], letters: int, kind: Kind, spare: int, seed: int
) -> Codebook:
    """A code of some kind."""
    length = least_length(max(2, len(ids)), letters) + spare
    if kind == "random":
        return random_code(len(ids), letters, length, seed)
    if kind == "redundant":
        return redundant_code(len(ids), letters, length)
    return neighbour_aware_code(len(ids), touching(regions, ids), letters, length, seed)


def touching(regions: Regions, ids: UInt64[np.ndarray, " n"]) -> np.ndarray:
    """Pairs of places, in `ids`, of the regions that touch or nearly do."""
    number = np.where(regions > 0, np.searchsorted(ids, regions) + 1, 0)
    grown = segmentation.expand_labels(number, NEAR)
    beside = [(grown[:, :-1], grown[:, 1:]), (grown[:-1], grown[1:])]
    pairs = np.concatenate([np.stack([a.ravel(), b.ravel()], axis=1) for a, b in beside])
    low, high = np.unique(np.sort(pairs, axis=1), axis=0).astype(np.int64).T
    kept = (low > 0) & (low < high)
    return np.stack([low[kept], high[kept]], axis=1) - 1


def one_by_one(network: CrossClassifier, *, windows: bool) -> Follower:
    """The rival: a pass for every region, of which a pixel belongs to the likeliest.

    Args:
        network: of one letter.
        windows: whether a pass is over a window around the region, as flood filling goes, in place
            of the section.
    """

    reduction = network.architecture.reduction

    def follow(regions: Regions, source: Section, target: Section) -> Followed:
        best, ids = np.full(regions.shape, 127, np.uint8), np.zeros(regions.shape, np.uint64)
        passes = pixels = 0
        for group, place in _groups(regions, windows, reduction):
            fine = tuple(slice(s.start * reduction, s.stop * reduction) for s in place)
            masks = np.stack([regions[place] == number for number in group]).astype(np.uint8)
            found = cross_classify(network, source[fine], target[fine], masks)[..., 1]
            for number, told in zip(group, found, strict=True):
                better = told > best[place]
                best[place][better], ids[place][better] = told[better], number
            passes, pixels = passes + len(group), pixels + found.size
        return Followed(ids, passes, pixels)

    return follow


def _groups(regions: Regions, windows: bool, reduction: int):
    """Regions that one call does, and where in the section."""
    ids = np.unique(regions[regions > 0])
    if not windows:
        whole = tuple(slice(0, size) for size in regions.shape)
        for start in range(0, len(ids), AT_ONCE):
            yield ids[start : start + AT_ONCE], whole
        return
    for number in ids:
        rows, columns = np.nonzero(regions == number)
        yield (
            ids[ids == number],
            tuple(
                _window(int(at.min()), int(at.max()) + 1, size, reduction)
                for at, size in zip((rows, columns), regions.shape, strict=True)
            ),
        )


def _window(start: int, stop: int, size: int, reduction: int) -> slice:
    """The span of a region with a margin, grown to a multiple of `WINDOW` and kept inside."""
    margin, unit = MARGIN // reduction, WINDOW // reduction
    length = min(size, -(-(stop - start + 2 * margin) // unit) * unit)
    first = int(np.clip((start + stop - length) // 2, 0, size - length))
    return slice(first, first + length)
