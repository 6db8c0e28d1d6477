"""What one would write without this project: the peers of the data suite."""

from pathlib import Path

import numpy as np
import tifffile
from jaxtyping import Float32, Integer
from scipy import ndimage

from data.augment import Augmentation


def augment_with_scipy(
    rng: np.random.Generator,
    image: Float32[np.ndarray, "z y x"],
    labels: Integer[np.ndarray, "z y x"],
    augmentation: Augmentation,
) -> tuple[Float32[np.ndarray, "z y x"], Integer[np.ndarray, "z y x"]]:
    """Symmetry, elastic deformation and grey values, by NumPy and `scipy.ndimage`."""
    for axis in range(3):
        if rng.random() < 0.5:
            image, labels = np.flip(image, axis), np.flip(labels, axis)
    if rng.random() < 0.5:
        image, labels = image.swapaxes(1, 2), labels.swapaxes(1, 2)
    image, labels = _deform(rng, image, labels, augmentation)
    image = image**2 ** rng.uniform(-augmentation.gamma, augmentation.gamma)
    contrast = rng.uniform(1 - augmentation.contrast, 1 + augmentation.contrast)
    image = (image - image.mean()) * contrast + image.mean()
    image += rng.uniform(-augmentation.brightness, augmentation.brightness)
    image += rng.uniform(0, augmentation.noise) * rng.standard_normal(image.shape, np.float32)
    return np.clip(image, 0, 1).astype(np.float32), labels


def _deform(rng, image, labels, augmentation):
    """In-plane displacements drawn on a coarse grid and interpolated to every voxel."""
    knots = -(-np.array(image.shape) // augmentation.elastic_spacing) + 1
    zoom = np.array(image.shape) / knots
    amplitude = augmentation.elastic_amplitude
    place = np.indices(image.shape, np.float32)
    for axis in (1, 2):
        drawn = rng.uniform(-amplitude, amplitude, knots).astype(np.float32)
        place[axis] += ndimage.zoom(drawn, zoom, order=3, grid_mode=True, mode="nearest")
    return (
        ndimage.map_coordinates(image, place, order=1, mode="reflect"),
        ndimage.map_coordinates(labels, place, order=0, mode="reflect"),
    )


def load_with_tifffile(
    rng: np.random.Generator, image: Path, labels: Path, sections: int, crop_shape: list[int]
) -> tuple[np.ndarray, np.ndarray]:
    """A crop at random from TIFF stacks of (y, x) sections: those it touches, read and cut."""
    z = int(rng.integers(0, sections - crop_shape[0] + 1))
    pages = range(z, z + crop_shape[0])
    whole = [tifffile.imread(path, key=pages) for path in (image, labels)]
    y, x = (
        int(rng.integers(0, n - c + 1))
        for n, c in zip(whole[0].shape[1:], crop_shape[1:], strict=True)
    )
    crop = slice(None), slice(y, y + crop_shape[1]), slice(x, x + crop_shape[2])
    return whole[0][crop], whole[1][crop]
