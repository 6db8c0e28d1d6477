"""Stacks of handwritten digits that wander from section to section: objects by the hundred.

All are of one brightness: what follows them has to go by shape and place alone. Each stays about
its own square, so that digits touch and hide one another only now and then.
"""

import numpy as np
from jaxtyping import Float64, UInt8, UInt32

EDGE = 28  # of the image of a digit, in pixels
SQUARE = 32  # of the squares that digits live in
INK = 32  # of 255: from which a pixel of a digit is part of the object
WANDER = 12  # pixels that a digit moves over, along each axis
FASTEST = 2.5  # pixels in a section, along each axis
JITTER = 0.7  # standard deviation of each step about the drift, in pixels
PAPER, GREY, NOISE = 60.0, 165.0, 20.0  # of paper and ink, and the standard deviation of all


def moving_digits(
    digits: UInt8[np.ndarray, "n 28 28"], shape: tuple[int, int, int], count: int, seed: int
) -> tuple[UInt8[np.ndarray, "z y x"], UInt32[np.ndarray, "z y x"]]:
    """The image of a stack and the ids of its objects, 1 ... count; 0 = paper.

    Args:
        digits: to choose from, 0 = paper and 255 = ink, as `data.datasets.mnist.read_mnist` has
            them.
        shape: of the stack, in voxels.
        count: of the digits; where they overlap, the higher id hides the lower one.
        seed: of digits, places, ways and noise.

    Raises:
        ValueError: no digit, or more than there are squares of 32 by 32 pixels.
    """
    homes = _squares(shape)
    if not 1 <= count <= len(homes):
        raise ValueError(
            f"got {count} digits in sections of {shape[1]} by {shape[2]} pixels; needs 1 to "
            f"{len(homes)}, a square of {SQUARE} by {SQUARE} pixels for each: take larger sections"
        )
    rng = np.random.default_rng(seed)
    chosen = digits[rng.integers(len(digits), size=count)] >= INK
    homes = homes[rng.permutation(len(homes))[:count]]
    far = np.array(shape[1:]) - EDGE
    places = np.rint(homes + _ways(rng, shape[0], count)).astype(int).clip(0, far)
    ids = np.zeros(shape, np.uint32)
    for section, corners in zip(ids, places, strict=True):
        for number, (y, x) in enumerate(corners.tolist()):
            section[y : y + EDGE, x : x + EDGE][chosen[number]] = number + 1
    grey = np.where(ids > 0, GREY, PAPER) + NOISE * rng.standard_normal(shape)
    return np.rint(grey.clip(0, 255)).astype(np.uint8), ids


def _squares(shape: tuple[int, int, int]) -> Float64[np.ndarray, "squares 2"]:
    """Upper left corners (y, x) that a digit has in the middle of each square."""
    y, x = (np.arange(size // SQUARE) for size in shape[1:])
    corners = np.stack(np.meshgrid(y, x, indexing="ij"), axis=-1).reshape(-1, 2)
    return corners * SQUARE + (SQUARE - EDGE) / 2


def _ways(rng: np.random.Generator, depth: int, count: int) -> Float64[np.ndarray, "z count 2"]:
    """How far from home each digit is in each section, reflected where it would leave."""
    start = rng.uniform(0, WANDER, (count, 2))
    steps = rng.uniform(-FASTEST, FASTEST, (count, 2))
    steps = steps + JITTER * rng.standard_normal((depth, count, 2))
    along = np.abs(start + np.cumsum(steps, axis=0)) % (2 * WANDER)
    return np.minimum(along, 2 * WANDER - along) - WANDER / 2
