"""Grey values on one scale, whatever the microscope's contrast."""

import collections
import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Array, Float32, Shaped

from data.volume import Volume

SAMPLES = 64  # sections, at most, from which the statistics are taken
Grey = Float32[Array | np.ndarray, "..."]
LEAST_DEVIATION = 1 / 255  # of grey values in [0, 1]: a constant image stays finite


@dataclasses.dataclass(frozen=True)
class GreyScale:
    """Mean and standard deviation of an image's grey values, in [0, 1]."""

    mean: float
    deviation: float

    def normalise(self, image: Grey) -> Grey:
        """Grey values in [0, 1] to mean 0 and standard deviation 1."""
        return (image - self.mean) / self.deviation


def as_grey(image: Shaped[np.ndarray, "..."]) -> Float32[np.ndarray, "..."]:
    """Values in [0, 1]: integers divided by the greatest of their type, floats as they are."""
    if image.dtype.kind == "u":
        return image.astype(np.float32) / np.float32(np.iinfo(image.dtype).max)
    return image.astype(np.float32)


def measure_grey_scale(images: Sequence[Volume]) -> GreyScale:
    """The scale of the images of one dataset, from sections evenly spread over each.

    Voxels of value 0 (padding, missing sections) do not count, unless there is no other.
    """
    counts: collections.Counter[float] = collections.Counter()
    for image in images:
        for z in range(0, image.shape[0], -(-image.shape[0] // SAMPLES)):
            values, found = np.unique(as_grey(image[z : z + 1].read()), return_counts=True)
            counts.update(dict(zip(values.tolist(), found.tolist(), strict=True)))
    values, weights = np.array(list(counts)), np.array(list(counts.values()), np.float64)
    if (values > 0).any():
        values, weights = values[values > 0], weights[values > 0]
    mean = float(np.average(values, weights=weights))
    deviation = float(np.sqrt(np.average((values - mean) ** 2, weights=weights)))
    return GreyScale(mean, max(deviation, LEAST_DEVIATION))
