"""Labels as colour images: image j paints each object with the j-th letter of its word."""

import numpy as np
from jaxtyping import UInt, UInt8, UInt64

from ops.codes.codebook import Codebook
from ops.runs import find_runs


def encode(
    labels: UInt[np.ndarray, "*pixels"], ids: UInt64[np.ndarray, " objects"], codebook: Codebook
) -> UInt8[np.ndarray, "length *pixels"]:
    """Colours of all images: 1 + the digit; 0 where there is no object that has a word.

    Args:
        labels: ids of objects; 0 = background.
        ids: of the objects of the codebook, in order.
        codebook: the words.

    Raises:
        ValueError: ids that are not increasing from 1 on, or not as many as words.
    """
    check_ids(ids, codebook)
    runs = find_runs(labels.reshape(-1))
    number = np.searchsorted(ids, runs.ids)
    # A label beyond all ids finds the 0 behind them, and so does the background.
    found = np.append(ids, np.uint64(0))[number]
    known = (found == runs.ids) & (found > 0)
    colours = np.where(known, np.pad(codebook.digits + np.uint8(1), ((0, 1), (0, 0)))[number].T, 0)
    images = np.empty((codebook.length, labels.size), np.uint8)
    for image, colour in zip(images, colours, strict=True):
        image[:] = runs.painted(colour)
    return images.reshape(codebook.length, *labels.shape)


def check_ids(ids: UInt64[np.ndarray, " objects"], codebook: Codebook) -> None:
    """Raises ValueError unless each word has an id, and the ids increase from 1 on."""
    if len(ids) != len(codebook.digits):
        raise ValueError(
            f"got {len(ids)} ids and {len(codebook.digits)} words; needs an id for each word"
        )
    if len(ids) and (ids[0] == 0 or (ids[1:] <= ids[:-1]).any()):
        raise ValueError("got ids out of order, twice or 0; needs them sorted: see numpy.unique")
