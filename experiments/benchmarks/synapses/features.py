"""The ten features of VESICLE-RF, re-implemented from their published description.

Source: Roncal et al., VESICLE: Volumetric Evaluation of Synaptic Interfaces using Computer Vision
at Large Scale, BMVC 2015, arXiv:1403.3724: intensity, local binary patterns, gradient magnitude,
structure tensor and vesicles, pruned to ten. Sizes are in voxels, as published for sections of
6 nm pixels (github.com/neurodata/vesicle, packages/vesiclerf), and are not changed for others.

Known: which quantities, and the boxes over which they are averaged. Not published in full, and
our choice: the order of the bits of the local binary pattern (a spiral inward, clockwise from the
first corner), the quantity of the structure tensor (coherence, by Gaussians of one pixel), and
what lies beyond the volume (its mirror image, and no vesicles).
"""

import math
from collections.abc import Iterator

import numpy as np
from jaxtyping import Bool, Float32, UInt8
from scipy import ndimage

NAMES = (
    "intensity 5x5x1",
    "intensity 15x15x3",
    "local binary pattern 5x5",
    "gradient 15x15x3",
    "gradient 25x25x5",
    "distance to vesicle",
    "vesicle density 25x25x5",
    "vesicles in 50x50",
    "structure tensor 15x15x3",
    "structure tensor 25x25x5",
)
PIXEL, MIDDLE, LARGE = (1, 5, 5), (3, 15, 15), (5, 25, 25)  # boxes (z, y, x)
COUNTED = (1, 50, 50)
SIGMA = 1.0  # pixels, of the structure tensor's derivatives and of its window
IN_PLANE = (0.0, SIGMA, SIGMA)

Voxels = Float32[np.ndarray, "z y x"]


def forest_features(
    image: UInt8[np.ndarray, "z y x"],
    vesicles: Bool[np.ndarray, "z y x"],
    places: Bool[np.ndarray, "z y x"],
) -> Float32[np.ndarray, "n 10"]:
    """Features of some voxels, in the order of `NAMES`.

    Args:
        image: grey values, 0 to 255.
        vesicles: where vesicles were found.
        places: the n voxels wanted, taken in the order of `numpy.nonzero`.
    """
    found = np.empty((np.count_nonzero(places), len(NAMES)), np.float32)
    for number, volume in enumerate(_volumes(image.astype(np.float32), vesicles)):
        found[:, number] = volume[places]
    return found


def _volumes(image: Voxels, vesicles: Bool[np.ndarray, "z y x"]) -> Iterator[Voxels]:
    """Each feature of all voxels, one at a time, as they would fill the memory together."""
    yield _mean(image, PIXEL)
    yield _mean(image, MIDDLE)
    yield local_binary_pattern(image)
    gradient = gradient_magnitude(image)
    yield _mean(gradient, MIDDLE)
    yield _mean(gradient, LARGE)
    yield distance_to(vesicles)
    marked = vesicles.astype(np.float32)
    yield ndimage.uniform_filter(marked, LARGE, mode="constant")
    yield ndimage.uniform_filter(marked, COUNTED, mode="constant") * math.prod(COUNTED)
    coherence = structure_coherence(image)
    yield _mean(coherence, MIDDLE)
    yield _mean(coherence, LARGE)


def local_binary_pattern(image: Voxels) -> Voxels:
    """Which of the 24 pixels around each, in its section, are darker: 24 bits, as a whole number.

    Source: Ojala et al., Multiresolution gray-scale and rotation invariant texture classification
    with local binary patterns, TPAMI 24 (2002), with all pixels of a window of 5 x 5.
    """
    beside = np.pad(image, [(0, 0), (2, 2), (2, 2)], mode="reflect")
    _, rows, columns = image.shape
    code = np.zeros(image.shape, np.uint32)
    for bit, (y, x) in enumerate(spiral(5)[:-1]):
        darker = beside[:, y : y + rows, x : x + columns] < image
        code |= darker.astype(np.uint32) << np.uint32(bit)
    return code.astype(np.float32)  # exact: whole numbers below 2 ** 24


def spiral(size: int) -> list[tuple[int, int]]:
    """The places (y, x) of a square, clockwise and inward from (0, 0); the last is the middle."""
    places, ring = [], 0
    while 2 * ring < size:
        low, high = ring, size - 1 - ring
        top = [(low, x) for x in range(low, high + 1)]
        right = [(y, high) for y in range(low + 1, high + 1)]
        bottom = [(high, x) for x in range(high - 1, low - 1, -1)]
        left = [(y, low) for y in range(high - 1, low, -1)]
        places += top + right + bottom + left
        ring += 1
    return places


def gradient_magnitude(image: Voxels) -> Voxels:
    """Length of the gradient in the plane of the section, by Sobel's kernels."""
    slope = np.array([-1, 0, 1], np.float32)
    smooth = np.array([1, 2, 1], np.float32)
    dy, dx = (
        ndimage.correlate1d(ndimage.correlate1d(image, slope, along), smooth, across)
        for along, across in ((1, 2), (2, 1))
    )
    return np.hypot(dy, dx)


def distance_to(marked: Bool[np.ndarray, "z y x"]) -> Voxels:
    """Voxels from each to the nearest marked one; where there is none, the volume's diagonal."""
    if not marked.any():
        return np.full(marked.shape, math.hypot(*marked.shape), np.float32)
    return ndimage.distance_transform_edt(~marked).astype(np.float32)


def structure_coherence(image: Voxels) -> Voxels:
    """How far neighbouring gradients in the plane agree: ((a - b) / (a + b)) ** 2 of the structure
    tensor's eigenvalues a, b, in [0, 1]; 0 where there is no gradient.

    Source: Bigün & Granlund, Optimal orientation detection of linear symmetry, ICCV 1987.
    """
    dy = ndimage.gaussian_filter(image, IN_PLANE, order=(0, 1, 0))
    dx = ndimage.gaussian_filter(image, IN_PLANE, order=(0, 0, 1))
    yy, xx, yx = (ndimage.gaussian_filter(p, IN_PLANE) for p in (dy * dy, dx * dx, dy * dx))
    total = yy + xx
    apart = (yy - xx) ** 2 + 4 * yx**2  # (a - b) ** 2
    return np.divide(apart, total**2, out=np.zeros_like(total), where=total > 0)


def _mean(volume: Voxels, box: tuple[int, int, int]) -> Voxels:
    return ndimage.uniform_filter(volume, box, mode="reflect")
