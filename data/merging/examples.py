"""Merges made by program, and for each a single object that looks as much like it as can be.

A merged object holds more ink than its parts, and its middle lies deeper. A detector could live on
that, and would fail where errors are rare: so every merge is matched with a place of one object,
of about the same foreground in the window, depth at the centre and size of the whole object.
"""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float32, Int64, UInt32
from scipy import optimize

from data.merging.contacts import find_contacts
from data.merging.shapes import Shapes
from ops.shape_windows import cut_windows, depths

CANDIDATES = 4  # places of single objects for each merge
GROUP = 512  # merges that are matched at once
TOLERANCE = np.array([0.15, 1.5, 1.5], np.float32)  # log of foreground, voxels deep, log of size
CUT_AT_ONCE = 256  # windows


@dataclasses.dataclass(frozen=True)
class Examples:
    """Pairs of windows: number 2 i is a merge, 2 i + 1 the single object matched with it.

    Attributes:
        centres: voxels (z, y, x).
        ids: of both parts; twice the same for a single object.
        features: log of the window's foreground voxels, depth of the centre in voxels, log of the
            whole object's voxels.
        areas: faces of contact between both parts, 0 for a single object.
    """

    centres: Int64[np.ndarray, "n 3"]
    ids: UInt32[np.ndarray, "n 2"]
    features: Float32[np.ndarray, "n 3"]
    areas: Int64[np.ndarray, " n"]

    @property
    def merged(self) -> Bool[np.ndarray, " n"]:
        """Which of them are merges."""
        return self.ids[:, 0] != self.ids[:, 1]


def find_examples(
    shapes: Shapes, window: tuple[int, int, int], least_voxels: int, most: int, seed: int
) -> Examples:
    """Matched examples of a volume; the same for the same seed.

    Args:
        shapes: of the volume.
        window: its shape (z, y, x), in voxels.
        least_voxels: that each part of a merge has in the window; with fewer it shows nothing.
        most: pairs, at most; chosen at random from those there are.
        seed: of all choices.

    Raises:
        ValueError: objects of which no two touch so that both can be seen, or without matches.
    """
    rng = np.random.default_rng(seed)
    contacts = find_contacts(shapes.labels, rng)
    order = rng.permutation(len(contacts.places))
    order = order[_both_large(shapes, contacts.pairs[order], least_voxels)][: 2 * most]
    order = order[_both_seen(shapes, contacts, order, window, least_voxels)][:most]
    if not len(order):
        raise ValueError(
            f"{shapes.name}: got no two objects that touch with {least_voxels} voxels of "
            f"{shapes.voxel_nm:g} nm each in a window of {window}; needs some to merge: take a "
            "larger part, or lower model.least_voxels"
        )
    merges = _described(shapes, contacts.places[order], contacts.pairs[order], window)
    places, ids = _single_places(shapes, least_voxels, CANDIDATES * len(order), rng)
    singles = _described(shapes, places, ids, window)
    rows, columns = match(merges[2], singles[2])
    if not len(rows):
        raise ValueError(
            f"{shapes.name}: got no single object that looks like any of {len(order)} merges; "
            "needs some: take a larger part of the tissue"
        )
    both = [
        np.stack([a[rows], b[columns]], axis=1).reshape(2 * len(rows), -1)
        for a, b in zip(merges, singles, strict=True)
    ]
    areas = np.stack([contacts.areas[order][rows], np.zeros(len(rows), np.int64)], axis=1).ravel()
    return Examples(*both, areas)


def match(
    merges: Float32[np.ndarray, "n f"], singles: Float32[np.ndarray, "m f"]
) -> tuple[Int64[np.ndarray, " k"], Int64[np.ndarray, " k"]]:
    """Rows of merges and of singles that go together: one to one, as near as can be.

    In groups, each by an optimal assignment; pairs of which a feature differs by more than
    TOLERANCE are left out.
    """
    rows, columns = [], []
    groups = max(1, -(-len(merges) // GROUP))
    for number in range(groups):
        row, column = (
            np.arange(number, len(merges), groups),
            np.arange(number, len(singles), groups),
        )
        apart = abs(merges[row][:, None] - singles[column][None]) / TOLERANCE
        cost = np.where((apart <= 1).all(axis=-1), (apart**2).sum(axis=-1), np.float32(1e3))
        a, b = optimize.linear_sum_assignment(cost)
        good = cost[a, b] < 1e3
        rows.append(row[a[good]])
        columns.append(column[b[good]])
    return np.concatenate(rows), np.concatenate(columns)


def _both_large(shapes: Shapes, pairs, least_voxels: int) -> Bool[np.ndarray, " n"]:
    return (shapes.sizes[pairs] >= least_voxels).all(axis=1)


def _both_seen(shapes, contacts, order, window, least_voxels: int) -> Bool[np.ndarray, " n"]:
    """Whether each part of a merge has enough voxels in the window."""
    places, pairs = contacts.places[order], contacts.pairs[order]
    seen = [_seen(shapes, places, pairs[:, part : part + 1], window)[:, 0] for part in (0, 1)]
    return np.minimum(*seen) >= least_voxels


def _seen(shapes: Shapes, centres, ids, window) -> Float32[np.ndarray, "n 2"]:
    """Foreground voxels of each window, and depth of its centre; some are cut at a time."""
    found = [np.zeros((0, 2), np.float32)]
    for start in range(0, len(centres), CUT_AT_ONCE):
        part = slice(start, start + CUT_AT_ONCE)
        windows = cut_windows(shapes.labels, ids[part], centres[part], window)
        foreground = np.count_nonzero(windows.reshape(len(windows), -1), axis=1)
        found.append(np.stack([foreground, depths(windows)], axis=1).astype(np.float32))
    return np.concatenate(found)


def _described(shapes: Shapes, centres, ids, window):
    """Places with ids and features, as `Examples` has them."""
    foreground, deep = _seen(shapes, centres, ids, window).T
    whole = shapes.sizes[ids[:, 0]] + np.where(ids[:, 0] != ids[:, 1], shapes.sizes[ids[:, 1]], 0)
    features = [np.log(np.maximum(1, foreground)), deep, np.log(whole)]
    return centres, ids, np.stack(features, axis=1).astype(np.float32)


def _single_places(shapes: Shapes, least_voxels: int, count: int, rng: np.random.Generator):
    """Random voxels of objects that are large enough."""
    inside = np.flatnonzero(
        (shapes.sizes >= 2 * least_voxels)[shapes.labels.ravel()] & (shapes.labels.ravel() != 0)
    )
    chosen = inside[rng.integers(len(inside), size=count)] if len(inside) else inside
    places = np.stack(np.unravel_index(chosen, shapes.labels.shape), axis=1).astype(np.int64)
    ids = shapes.labels.ravel()[chosen]
    return places, np.stack([ids, ids], axis=1)
