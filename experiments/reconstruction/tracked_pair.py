"""What a cross-classifier says of two sections of a run, step by step, to be looked at."""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, Float32, UInt8, UInt64

from data.normalisation import GreyScale, as_grey
from data.volume import Volume
from experiments.reconstruction.stages.tracking import code_length, views_of
from models.cross_classifier import CrossClassifier
from models.crossing import cross_classify, reduced
from ops.codes.codebook import random_code
from ops.codes.decode import decode
from ops.codes.encode import encode
from ops.metrics.contingency import count_pairs

MOST_PIXELS = 512  # longest edge of what is looked at

Ids = UInt64[np.ndarray, "h w"]
Grey = Float32[np.ndarray, "h w"]


@dataclasses.dataclass(frozen=True)
class TrackedPair:
    """The steps from a source section to a target section; pixels as coarse as a painting's.

    Attributes:
        source, target: numbers of the sections.
        images: of both, in [0, 1].
        regions: of both.
        painted: the source's regions, a letter each in every digit; 0 = none.
        answers: the likeliest letter in the target, for each digit; 0 = none.
        letters: of the code.
        tracked: the source's region that each pixel of the target belongs to; 0 = none.
        confidence: of that, 255 = certain.
        truth: neurites of both, 0 = unknown; None where the data have none.
        pixel_nm: edge lengths (y, x) of a pixel.
    """

    source: int
    target: int
    images: tuple[Grey, Grey]
    regions: tuple[Ids, Ids]
    painted: UInt8[np.ndarray, "digit h w"]
    answers: UInt8[np.ndarray, "digit h w"]
    letters: int
    tracked: Ids
    confidence: UInt8[np.ndarray, "h w"]
    truth: tuple[Ids, Ids] | None
    pixel_nm: tuple[float, float]


@dataclasses.dataclass(frozen=True)
class TrackingErrors:
    """Where a pair is wrong, by the truth.

    Attributes:
        wrong: pixels that were given to a region of another neurite.
        missed: pixels that were given to none, though the source shows their neurite.
        known: pixels whose neurite is known.
    """

    wrong: Bool[np.ndarray, "h w"]
    missed: Bool[np.ndarray, "h w"]
    known: Bool[np.ndarray, "h w"]


def middle_pair(depth: int, lost: Sequence[int]) -> tuple[int, int] | None:
    """Two neighbouring sections that are not lost, as near to the middle as there are."""
    pairs = [(z, z + 1) for z in range(depth - 1) if not {z, z + 1} & set(lost)]
    return min(pairs, key=lambda pair: abs(sum(pair) - depth), default=None)


def track_pair(
    volumes: Mapping[str, Volume],
    pair: tuple[int, int],
    network: CrossClassifier,
    scale: GreyScale,
) -> TrackedPair:
    """Follows the regions in the middle of a section, as the stage does, with a code of their own.

    Args:
        volumes: image, membrane (uint8), supervoxels; neurites too, if there is a truth.
        pair: source and target section, next to one another.
        network: with its weights.
        scale: of the image's grey values.
    """
    low, reduction = min(pair), network.architecture.reduction
    image = volumes["image"]
    crop = (slice(low, low + 2), *(_middle(size) for size in image.shape[1:3]))
    ends = [z - low for z in pair]
    voxels = {name: volume[crop].read()[ends] for name, volume in volumes.items()}
    grey = as_grey(voxels["image"])
    views = views_of(network, scale, grey, voxels["membrane"])
    regions = np.stack([reduced(section, reduction) for section in voxels["supervoxels"]])
    ids, letters = np.unique(regions[0][regions[0] > 0]), network.architecture.letters
    code = random_code(len(ids), letters, code_length(regions, letters), seed=0)
    painted = encode(regions[0], ids, code)
    told = cross_classify(network, *views, painted)
    y, x = (reduction * size for size in image.voxel_size_nm[1:])
    return TrackedPair(
        *pair,
        _coarse(grey, reduction),
        (regions[0], regions[1]),
        painted,
        told.argmax(axis=-1).astype(np.uint8),
        letters,
        *decode(told, ids, code),
        _coarse(voxels["neurites"].astype(np.uint64), reduction) if "neurites" in voxels else None,
        (y, x),
    )


def errors_of(pair: TrackedPair) -> TrackingErrors:
    """Each region of the source stands for the neurite that has most of its pixels.

    Raises:
        ValueError: a pair without truth.
    """
    if pair.truth is None:
        raise ValueError("got a pair of sections without truth; needs true neurites")
    before, now = pair.truth
    meant = _majority(pair.regions[0], before, pair.tracked)
    wrong = (now > 0) & (meant > 0) & (meant != now)
    missed = (now > 0) & np.isin(now, before) & (pair.tracked == 0)
    return TrackingErrors(wrong, missed, now > 0)


def _majority(regions: Ids, neurites: Ids, tracked: Ids) -> Ids:
    """The neurite that each tracked region mostly is; 0 where that is unknown, or none tracked."""
    known = (regions > 0) & (neurites > 0)
    found = count_pairs(regions[known], neurites[known])
    order = np.argsort(found.counts, kind="stable")
    ids, last = np.unique(found.truth[order][::-1], return_index=True)
    meant = np.append(found.prediction[order][::-1][last], np.uint64(0))
    place = np.searchsorted(ids, tracked)
    hit = np.append(ids, np.uint64(0))[place] == tracked
    return np.where(hit & (tracked > 0), meant[place], np.uint64(0))


def _coarse(sections: np.ndarray, reduction: int) -> tuple[np.ndarray, np.ndarray]:
    return reduced(sections[0], reduction), reduced(sections[1], reduction)


def _middle(size: int) -> slice:
    start = max(0, (size - MOST_PIXELS) // 2)
    return slice(start, min(size, start + MOST_PIXELS))
