"""Pictures of a phantom: sections and reslices, with their truth in colour."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool
from PIL import Image

from data.volume import Volume
from experiments.report.colours import STRUCTURES, blend, colour_ids, grey, overlay
from experiments.report.scale import add_scale_bar, to_scale

SECTION_VOXELS = 768  # longest edge of a section that is shown
PICTURE_WIDTH = 1000


@dataclasses.dataclass(frozen=True)
class Plane:
    """One plane of every layer, with its pixel's edges (height, width) in nm."""

    layers: dict[str, np.ndarray]
    pixel_nm: tuple[float, float]

    @property
    def image(self) -> np.ndarray:
        """Red, green and blue of the image."""
        return grey(self.layers["image"])

    def structures(self) -> dict[str, Bool[np.ndarray, "height width"]]:
        """The masks that have a colour."""
        layers = self.layers | {"clefts": self.layers["cleft_ids"]}
        return {name: layers[name] > 0 for name in STRUCTURES}

    def draw(self, picture: np.ndarray, smooth: bool = True) -> Image.Image:
        """The picture, which is of this plane, to scale and with a scale bar."""
        nm_per_pixel = picture.shape[1] * self.pixel_nm[1] / PICTURE_WIDTH
        return add_scale_bar(to_scale(picture, self.pixel_nm, nm_per_pixel, smooth), nm_per_pixel)


def section_plane(volumes: Mapping[str, Volume], z: int) -> Plane:
    """The middle of section z."""
    volume = volumes["image"]
    crop = (slice(z, z + 1), *(_middle(size, SECTION_VOXELS) for size in volume.shape[1:]))
    layers = {name: layer[crop].read()[0] for name, layer in volumes.items()}
    return Plane(layers, volume.voxel_size_nm[1:])


def reslice_plane(volumes: Mapping[str, Volume], y: int) -> Plane:
    """The cut through all sections (z, x) at row y."""
    volume = volumes["image"]
    crop = (slice(None), slice(y, y + 1), _middle(volume.shape[2], SECTION_VOXELS))
    layers = {name: layer[crop].read()[:, 0] for name, layer in volumes.items()}
    return Plane(layers, (volume.voxel_size_nm[0], volume.voxel_size_nm[2]))


def _middle(size: int, wanted: int) -> slice:
    start = max(0, (size - wanted) // 2)
    return slice(start, start + wanted)


def draw_structures(plane: Plane) -> Image.Image:
    """The section with membranes, mitochondria, vesicles and clefts in their colours."""
    return plane.draw(overlay(plane.image, plane.structures(), 0.6))


def draw_neurites(plane: Plane, smooth: bool = True) -> Image.Image:
    """The plane with every neurite in its colour."""
    return plane.draw(blend(plane.image, colour_ids(plane.layers["neurites"]), 0.5), smooth)


def choose_synapses(table: np.ndarray, most: int) -> np.ndarray:
    """Rows of the synapses that a section shows best: those cut across, partners side by side."""
    across = [table[f"pre_{axis}_nm"] - table[f"post_{axis}_nm"] for axis in "zyx"]
    flat = np.hypot(across[1], across[2]) - np.abs(across[0])
    return table[np.argsort(-flat, kind="stable")[:most]]
