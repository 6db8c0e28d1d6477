"""Stacks of handwritten digits that drift from section to section: many objects, easy to follow.

As many objects as wanted in a section, all of one brightness: what follows them has to go by shape
and place alone. Where digits overlap, the one drawn later hides the other.
"""

import numpy as np
from jaxtyping import Float64, UInt8, UInt32

INK = 128  # of 255: from which a pixel of a digit is part of the object
FASTEST = 2.5  # pixels in a section, along each axis
JITTER = 0.7  # standard deviation of each step about the drift, in pixels
PAPER, INKED, NOISE = 60.0, 165.0, 20.0  # grey values, and the standard deviation of all


def moving_digits(
    digits: UInt8[np.ndarray, "n 28 28"], shape: tuple[int, int, int], count: int, seed: int
) -> tuple[UInt8[np.ndarray, "z y x"], UInt32[np.ndarray, "z y x"]]:
    """The image of a stack and the ids of its objects, 1 ... count; 0 = paper.

    Args:
        digits: to choose from, 0 = paper and 255 = ink, as `data.datasets.mnist.read_mnist` has
            them.
        shape: of the stack, in voxels.
        count: of the digits, each of which is there in all sections, unless others hide it.
        seed: of places, drifts and noise.

    Raises:
        ValueError: no digit, or sections smaller than a digit.
    """
    depth, height, width = shape
    if count < 1 or min(height, width) < 28:
        raise ValueError(
            f"got {count} digits in sections of {height} by {width} pixels; needs at least one "
            "digit, and sections of at least 28 by 28 pixels"
        )
    rng = np.random.default_rng(seed)
    chosen = digits[rng.integers(len(digits), size=count)]
    places = _places(rng, depth, count, np.array([height - 28, width - 28]))
    ids = np.zeros(shape, np.uint32)
    for section, at in zip(ids, places, strict=True):
        for number, (y, x) in enumerate(np.rint(at).astype(int), start=1):
            section[y : y + 28, x : x + 28][chosen[number - 1] >= INK] = number
    clean = np.where(ids > 0, INKED, PAPER)
    noisy = clean + NOISE * rng.standard_normal(shape)
    return np.rint(noisy.clip(0, 255)).astype(np.uint8), ids


def _places(
    rng: np.random.Generator, depth: int, count: int, room: np.ndarray
) -> Float64[np.ndarray, "z count 2"]:
    """Upper left corners (y, x), reflected where they would leave the section."""
    start = rng.uniform(size=(count, 2)) * room
    steps = rng.uniform(-FASTEST, FASTEST, (count, 2))
    steps = steps + JITTER * rng.standard_normal((depth, count, 2))
    far = start + np.cumsum(steps, axis=0)
    far = np.abs(far) % (2 * room)
    return np.minimum(far, 2 * room - far)
