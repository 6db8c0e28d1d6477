"""Batches of windows to learn merge errors from; batch k depends on (seed, k) alone."""

import dataclasses
import math
from collections.abc import Callable, Iterator, Sequence

import numpy as np
from jaxtyping import Bool, Float32, Int64

from data.augment.symmetry import symmetries

STREAM = 5  # keeps these random numbers apart from others of the same seed
BORDERS = 0.6  # share of windows cut off at both sides of their middle, as by a volume's borders
SPARED = 2  # planes beyond the middle of a window and the place of a merge that are not cut off
SHIFT = 4  # voxels by which centres are moved, at most: half of the way between places of a scan

Windows = Bool[np.ndarray, "n z y x"]
Cut = Callable[[Int64[np.ndarray, " n"], Int64[np.ndarray, "n 3"]], Windows]


@dataclasses.dataclass(frozen=True)
class WindowSource:
    """Where windows come from: pairs, number 2 i a merge and 2 i + 1 a single object like it.

    Attributes:
        cut: the windows of examples, each with its centre moved by some voxels (z, y, x).
        pairs: how many there are.
        shape: of a window.
        isotropic: whether all axes are alike.
    """

    cut: Cut
    pairs: int
    shape: tuple[int, int, int]
    isotropic: bool


def window_batches(
    source: WindowSource, batch_size: int, seed: int, start: int = 0
) -> Iterator[tuple[Float32[np.ndarray, "n z y x 1"], Float32[np.ndarray, " n"]]]:
    """Endless batches from number `start` on: windows as 0 and 1, and 1 for a merge.

    Half of them are merges, each beside the single object that it is matched with. All symmetries
    of the window that keep unlike axes apart are drawn: 48 of a cube of isotropic voxels, 16 else.

    Raises:
        ValueError: an odd batch size.
    """
    if batch_size < 2 or batch_size % 2:
        raise ValueError(f"got batch_size={batch_size}; needs an even number: merges and matches")
    rows = symmetries(source.shape, "isotropic" if source.isotropic else "anisotropic")
    grid = np.indices(source.shape).reshape(3, -1)
    number = start
    while True:
        rng = np.random.default_rng([seed, number, STREAM])
        pair = rng.integers(source.pairs, size=batch_size // 2)
        examples = np.stack([2 * pair, 2 * pair + 1], axis=1).ravel()
        room = [SHIFT if n > 1 else 0 for n in source.shape]
        shifts = rng.integers(np.negative(room), np.array(room) + 1, size=(batch_size, 3))
        windows = source.cut(examples, shifts)
        for window, shift in zip(windows, shifts.tolist(), strict=True):
            _cut_off(window, shift, rng)
            row = rows[rng.integers(len(rows))]
            window[...] = window.ravel()[row[0] + row[1:] @ grid].reshape(source.shape)
        yield windows[..., None].astype(np.float32), (1 - examples % 2).astype(np.float32)
        number += 1


def _cut_off(
    window: Bool[np.ndarray, "z y x"], shift: Sequence[int], rng: np.random.Generator
) -> None:
    """Sometimes empties a window beyond two planes at either side of its middle and of the merge.

    Thin stacks, of a few coarse voxels, have no other windows.
    """
    draw, axis, shares = rng.random(), int(rng.integers(3)), rng.random(2)
    length = window.shape[axis]
    if draw >= BORDERS or length == 1:
        return
    middle, merge = length // 2, length // 2 - shift[axis]
    room = min(middle, merge) - SPARED, length - 1 - max(middle, merge) - SPARED
    low, high = (math.floor(share * (1 + max(0, n))) for share, n in zip(shares, room, strict=True))
    for part in (slice(0, low), slice(length - high, None)):
        window[(slice(None),) * axis + (part,)] = False
