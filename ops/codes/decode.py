"""From maps of letters back to objects: the word that the maps of all digits make likeliest.

In 3C (Meirovitch, Mi et al., CVPR 2019) a pixel belongs to the object i with the largest product
over images j of p_j(its letter in image j); what is no object has a word too, "none" in each
image. Every word is looked at, so that posteriors are exact.
"""

import math

import numpy as np
from jaxtyping import UInt8, UInt64

from ops.codes import plain
from ops.codes.codebook import Codebook
from ops.codes.encode import check_ids
from ops.native import extension
from ops.segmentation.checks import check_threads


def decode(
    probabilities: UInt8[np.ndarray, "length *pixels channels"],
    ids: UInt64[np.ndarray, " objects"],
    codebook: Codebook,
    *,
    least_posterior: float = 0.5,
    threads: int = 0,
) -> tuple[UInt64[np.ndarray, "*pixels"], UInt8[np.ndarray, "*pixels"]]:
    """The likeliest object of each pixel, and how sure that is.

    The likelihood of a word is the product over digits of (byte of its letter + 1/2), so that no
    single digit rules a word out. The posterior of the likeliest word is its share of the sum over
    the words of all objects, none, and a stranger: an object without a word, each of whose
    digits may be any letter (the product of the means over letters). Of words equally likely the
    first in order wins, none before all.

    Args:
        probabilities: of none (channel 0) and of each letter (1 + digit), 255 = certain. They
            need not add up to 255: what scales all channels of a digit changes nothing.
        ids: of the objects of the codebook, increasing.
        codebook: the words.
        least_posterior: a pixel is given to no object where the posterior is lower. From 0.5 on,
            what is labelled is likelier than all else together; 0 refuses nothing.
        threads: 0 takes all cores. The result is the same for any number.

    Returns:
        Ids, 0 = none or refused; and the posterior of the likeliest word (of the refused one too),
        255 = certain.

    Raises:
        ValueError: maps that are not as many as digits, channels that are not one more than
            letters, ids that are not increasing from 1 on or not as many as words, a
            posterior outside of 0 to 1, or a negative thread count.
    """
    check_ids(ids, codebook)
    check_threads(threads)
    _check_maps(probabilities.shape, codebook)
    if not 0 <= least_posterior <= 1:
        raise ValueError(f"got a least posterior of {least_posterior}; needs 0 to 1")
    pixels, channels = probabilities.shape[1:-1], probabilities.shape[-1]
    maps = probabilities.reshape(codebook.length, math.prod(pixels), channels)
    labels, confidence = _decode(maps, *_words(ids, codebook), least_posterior, threads)
    return labels.reshape(pixels), confidence.reshape(pixels)


def _check_maps(shape: tuple[int, ...], codebook: Codebook) -> None:
    if len(shape) < 2 or shape[0] != codebook.length or shape[-1] != codebook.letters + 1:
        raise ValueError(
            f"got maps of shape {shape}; needs ({codebook.length}, ..., {codebook.letters + 1}): "
            "digits of the codebook first, none and its letters last"
        )


def _words(
    ids: UInt64[np.ndarray, " objects"], codebook: Codebook
) -> tuple[UInt8[np.ndarray, "words length"], UInt64[np.ndarray, " words"]]:
    """Channels of every word, none among them, in order, and the id of each."""
    words = np.pad(codebook.digits + np.uint8(1), ((1, 0), (0, 0)))
    order = np.lexsort(words.T[::-1])
    return words[order], np.pad(ids, (1, 0))[order]


def _decode(maps, words, names, least, threads):
    native = extension()
    if native is None:
        return plain.decode(maps, words, names, least)
    labels, confidence = np.empty(maps.shape[1], np.uint64), np.empty(maps.shape[1], np.uint8)
    native.decode(np.ascontiguousarray(maps), words, names, least, threads, labels, confidence)
    return labels, confidence
