"""Targets of cross-classification: which object of one section goes on at each pixel of another."""

import numpy as np
from jaxtyping import UInt, UInt32
from scipy import ndimage
from skimage import measure

Pieces = UInt32[np.ndarray, "y x"]


def follow(
    source: UInt[np.ndarray, "y x"],
    target: UInt[np.ndarray, "y x"],
    cells: UInt32[np.ndarray, "y x"] | None = None,
) -> tuple[Pieces, Pieces]:
    """The pieces of the source's neurites, and those which they go on as in the target.

    A piece is what is connected in the plane, by edges of pixels: as a tracker sees a section, it
    cannot know that two cuts through one neurite are the same. So they are told apart; a pixel of
    the target belongs to the nearest piece of its neurite, wherever those meet.

    Args:
        source: ids of neurites, 0 = background.
        target: likewise; another section at the same place.
        cells: numbers of parts of the plane, at whose borders the source's pieces end too.

    Returns:
        Pieces of the source, numbered from 1, and their numbers in the target, 0 where there is
        background or a neurite that the source does not show.
    """
    ids, both = np.unique(np.stack([source, target]), return_inverse=True)
    both = both.reshape(2, *source.shape) + int(ids[0] != 0)  # neurites from 1
    parts = both[0] if cells is None else np.where(both[0], both[0] * (1 + cells.max()) + cells, 0)
    pieces = measure.label(parts, background=0, connectivity=1).astype(np.uint32)
    count = int(pieces.max()) + 1
    neurite_of, any_piece = np.zeros(count, np.int64), np.zeros(both.max() + 1, np.uint32)
    neurite_of[pieces] = both[0]
    any_piece[neurite_of] = np.arange(count)
    any_piece[0] = 0
    followed, boxes = any_piece[both[1]], ndimage.find_objects(both)
    for neurite in np.flatnonzero(np.bincount(neurite_of[1:]) > 1):
        box = boxes[neurite - 1][1:]
        wanted = both[1][box] == neurite
        followed[box][wanted] = _nearest(np.where(both[0][box] == neurite, pieces[box], 0))[wanted]
    return pieces, followed


def _nearest(pieces: Pieces) -> Pieces:
    """At every pixel, the piece that is nearest."""
    places = ndimage.distance_transform_edt(
        pieces == 0, return_distances=False, return_indices=True
    )
    return pieces[tuple(places)]
