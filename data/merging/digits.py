"""Merged digits: two handwritten digits that touch, against a single one with as much ink.

After the merged MNIST of Rolnick et al. (arXiv:1705.10882), whose construction is not known; this
is ours. Digits have random sizes, and are turned, slanted and stretched, so that none can be known
by heart; merges and single digits are matched in ink, thickness and extent. In three dimensions a
digit is drawn out along z, and drifts.
"""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from scipy import ndimage

from data.merging.batches import WindowSource
from data.merging.examples import match

SIZES = (0.7, 2.2)  # by which digits are enlarged, the least and the greatest
ALIKE = (0.85, 1.15)  # sizes of two digits that are merged, over that of the pair
TURN, SLANT, STRETCH = 0.6, 0.4, 0.25  # radians, shear, log of the ratio of both edges; at most
INK = (60, 200)  # grey values from which on there is ink
CANDIDATES = 3  # single digits for each merge
DRIFT = 0.6  # standard deviation of a step along z, in pixels
SPREAD = 8.0  # makes the logs of ink and extents as strict as `match` is with voxels


def digit_windows(
    images: UInt8[np.ndarray, "n h w"], window: tuple[int, int, int], pairs: int, seed: int
) -> tuple[WindowSource, Float32[np.ndarray, "m 3"]]:
    """Windows of merged and of single digits, and log ink, thickness and log extent of each.

    Args:
        images: of one digit each, 255 = ink.
        window: (z, y, x); digits are drawn out along z where it has several planes.
        pairs: to begin with; those for which no single digit matches are left out.
        seed: of all choices.

    Raises:
        ValueError: no images, or a window too small for two digits.
    """
    d, h, w = window
    if min(h, w) < 32 or not len(images):
        raise ValueError(
            f"got {len(images)} images and a window of {window}; needs some, and at least 32 "
            "pixels along y and x, in which two digits have room"
        )
    rng = np.random.default_rng(seed)
    merges = _drawn(images, (h, w), pairs, rng, _merge)
    singles = _drawn(images, (h, w), CANDIDATES * pairs, rng, _single)
    described = [_features(masks) for masks in (merges, singles)]
    rows, columns = match(*described)
    if not len(rows):
        raise ValueError(f"got {pairs} merges of digits, none of which a digit matches; needs more")
    masks = np.stack([merges[rows], singles[columns]], axis=1).reshape(-1, h, w)
    features = np.stack([described[0][rows], described[1][columns]], axis=1).reshape(-1, 3)

    def cut(examples, shifts):
        return np.stack(
            [
                _drawn_out(masks[example], shift, d, np.random.default_rng([seed, example]))
                for example, shift in zip(examples.tolist(), shifts, strict=True)
            ]
        )

    return WindowSource(cut, len(rows), window, isotropic=False), features


def touching(
    first: Bool[np.ndarray, "y x"], second: Bool[np.ndarray, "y x"], angle: float
) -> Bool[np.ndarray, "y x"] | None:
    """Both masks as one, the second coming from afar along a direction until it touches the first.

    Args:
        first, second: of one shape, neither empty.
        angle: of the direction in which the second comes to lie, in radians.

    Returns:
        The union in the middle of an array of that shape; None if it has no room there, or if the
        masks do not meet along that direction.
    """
    h, w = first.shape
    here, there = np.argwhere(first), np.argwhere(second)
    distances = np.arange(h + w)
    moves = np.rint(distances[:, None] * [np.sin(angle), np.cos(angle)]).astype(int)
    room = h + w  # on every side, so that no place moved lies outside
    padded = np.pad(first, room)
    y, x = np.moveaxis(there[None] + moves[:, None] + room, -1, 0)
    meeting = np.flatnonzero(padded[y, x].any(axis=1))
    if not len(meeting):
        return None
    return _centred(np.concatenate([here, there + moves[meeting[-1]]]), (h, w))


def _merge(images, shape, rng) -> Bool[np.ndarray, "y x"] | None:
    size = rng.uniform(*SIZES)
    first, second = (_digit(images, shape, size * rng.uniform(*ALIKE), rng) for _ in range(2))
    if first is None or second is None:
        return None
    return touching(first, second, rng.uniform(0, 2 * np.pi))


def _single(images, shape, rng) -> Bool[np.ndarray, "y x"] | None:
    return _digit(images, shape, rng.uniform(*SIZES), rng)


def _digit(images, shape: Sequence[int], size: float, rng) -> Bool[np.ndarray, "y x"] | None:
    """A random digit in the middle; None if it has no room or falls apart."""
    image = images[rng.integers(len(images))].astype(np.float32)
    ink = _warped(image, size, rng) > rng.uniform(*INK)
    if not ink.any() or ndimage.label(ink, np.ones((3, 3)))[1] != 1:
        return None
    return _centred(np.argwhere(ink), shape)


def _warped(image: Float32[np.ndarray, "h w"], size: float, rng) -> Float32[np.ndarray, "_ _"]:
    """An image enlarged, and turned, slanted and stretched at random."""
    turn, slant, stretch = (rng.uniform(-most, most) for most in (TURN, SLANT, STRETCH))
    turned = np.array([[np.cos(turn), -np.sin(turn)], [np.sin(turn), np.cos(turn)]])
    onto = size * turned @ [[1, slant], [0, 1]] @ np.diag(np.exp([stretch, -stretch]))
    room = int(1.7 * size * max(image.shape))  # so that no corner is lost
    back = np.linalg.inv(onto)
    middle = (np.array(image.shape) - 1) / 2 - back @ np.full(2, (room - 1) / 2)
    return ndimage.affine_transform(image, back, middle, (room, room), order=1)


def _centred(places, shape: Sequence[int]) -> Bool[np.ndarray, "y x"] | None:
    """A mask of pixels, whose bounding box is in the middle; None if it has no room."""
    low, high = places.min(axis=0), places.max(axis=0) + 1
    if np.any(high - low > shape):
        return None
    mask = np.zeros(tuple(shape), bool)
    mask[tuple((places - low + (np.array(shape) - (high - low)) // 2).T)] = True
    return mask


def _drawn(images, shape, count: int, rng, draw) -> Bool[np.ndarray, "n y x"]:
    found = []
    while len(found) < count:
        mask = draw(images, shape, rng)
        if mask is not None:
            found.append(mask)
    return np.stack(found)


def _features(masks: Bool[np.ndarray, "n y x"]) -> Float32[np.ndarray, "n 3"]:
    """Log of the ink, greatest half thickness in pixels, log of the extent: as `match` takes it."""
    padded = np.pad(masks, [(0, 0), (1, 1), (1, 1)])
    thick = [ndimage.distance_transform_edt(mask).max() for mask in padded]
    extent = [np.ptp(np.argwhere(mask), axis=0).max() + 1 for mask in masks]
    ink = np.log(masks.sum(axis=(1, 2)))
    return np.stack([ink, thick, SPREAD * np.log(extent)], axis=1).astype(np.float32)


def _drawn_out(mask, shift, depth: int, rng) -> Bool[np.ndarray, "z y x"]:
    """A mask in every plane, moved, and drifting if there are several."""
    if depth == 1:
        return _pushed(mask, shift[1:])[None]
    steps = np.cumsum(rng.normal(0, DRIFT, size=(depth, 2)), axis=0)
    steps -= steps[depth // 2]
    return np.stack([_pushed(mask, s) for s in np.rint(steps + shift[1:]).astype(int)])


def _pushed(mask, by) -> Bool[np.ndarray, "y x"]:
    """A mask moved, less what leaves it."""
    result = np.zeros_like(mask)
    target, source = [], []
    for n, b in zip(mask.shape, by, strict=True):
        b = int(np.clip(b, -n, n))
        target.append(slice(max(b, 0), n + min(b, 0)))
        source.append(slice(max(-b, 0), n - max(b, 0)))
    result[tuple(target)] = mask[tuple(source)]
    return result
