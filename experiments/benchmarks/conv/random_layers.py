"""Random convolutions, for what a list of known layers would miss."""

import math

import numpy as np

from experiments.benchmarks.conv.layers import Layer

MIN_PLACES = 64  # elements of an image, each of all channels
# Bounds by which XLA takes about 50 ms at most, slow as it is where one side has few channels.
MAX_LOADS = 1e7  # places times taps times the larger number of channels
MAX_FLOP = 1e9
MAX_CHANNELS = 128
USUAL_CHANNELS = (1, 3, 8, 16, 32, 48, 64, 96, 128)


def draw_layers(count: int, seed: int) -> list[Layer]:
    """Layers of one to three axes; the same for the same seed.

    Kernels have 1 to 5 taps along each axis, half of them as many along all. Half of the channels
    are usual numbers, the others any up to 128, spread evenly on a logarithmic scale; so are the
    sizes of images.
    """
    rng = np.random.default_rng(seed)
    return [_draw_layer(rng, str(number)) for number in range(count)]


def _draw_layer(rng: np.random.Generator, name: str) -> Layer:
    rank = int(rng.integers(1, 4))
    taps = rng.integers(1, 6, 1 if rng.random() < 0.5 else rank)
    kernel = tuple(int(k) for k in np.broadcast_to(taps, rank))
    cin, cout = _draw_channels(rng), _draw_channels(rng)
    few, many = sorted((cin, cout))
    most = min(MAX_LOADS, MAX_FLOP / (2 * few)) / (math.prod(kernel) * many)
    places = math.exp(rng.uniform(math.log(MIN_PLACES), math.log(max(MIN_PLACES, most))))
    batch = int(rng.integers(1, 3))
    stretch = np.exp(rng.normal(0, 0.3, rank))  # from a cube
    sides = stretch / math.prod(stretch) ** (1 / rank) * (places / batch) ** (1 / rank)
    shape = (batch, *(max(1, round(float(side))) for side in sides), cin)
    return Layer(name, shape, kernel, cout, "random")


def _draw_channels(rng: np.random.Generator) -> int:
    if rng.random() < 0.5:
        return int(rng.choice(USUAL_CHANNELS))
    return round(math.exp(rng.uniform(0, math.log(MAX_CHANNELS))))
