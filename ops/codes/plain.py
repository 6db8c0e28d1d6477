"""The decoder in NumPy.

It serves where the C++ extension is not built, and checks it in tests: floats are multiplied and
added in the same order, so that results are the same to the bit.
"""

import numpy as np

SLAB_PIXELS = 1 << 16  # at a time: the words go through them one by one


def decode(maps, words, names, least):
    """As the kernel: maps (length, pixels, channels), words (words, length), names of words."""
    labels, confidence = np.empty(maps.shape[1], np.uint64), np.empty(maps.shape[1], np.uint8)
    for start in range(0, maps.shape[1], SLAB_PIXELS):
        slab = slice(start, start + SLAB_PIXELS)
        winner, posterior = _likeliest(maps[:, slab], words)
        labels[slab] = np.where(posterior < np.float32(least), np.uint64(0), names[winner])
        confidence[slab] = posterior * np.float32(255) + np.float32(0.5)
    return labels, confidence


def _likeliest(maps, words):
    """The number of the likeliest word, and its posterior."""
    chances = (np.moveaxis(maps, -1, 1) + np.float32(0.5)) / np.float32(16)
    total = _stranger(chances)
    best, winner = np.zeros_like(total), np.zeros(len(total), np.int64)
    for number, word in enumerate(words):
        likelihood = _product(chance[letter] for chance, letter in zip(chances, word, strict=True))
        total += likelihood
        winner[likelihood > best] = number
        best = np.maximum(best, likelihood)
    return winner, best / total


def _stranger(chances):
    """Likelihood of a word without an owner, each of its letters as probable as the others."""
    letters = np.float32(chances.shape[1] - 1)
    return _product(sum(digit[1:]) / letters for digit in chances)


def _product(factors):
    product = np.float32(1)
    for factor in factors:
        product = product * factor
    return product
