"""Pictures of a reconstruction: a section, and a cut across all of them."""

from collections.abc import Mapping

import numpy as np
from PIL import Image

from data.normalisation import as_grey
from data.volume import Volume
from experiments.report.colours import blend, colour_ids, grey
from experiments.report.scale import add_scale_bar, to_scale

MOST_PIXELS = 768  # longest edge of what is shown of a section
WIDTH = 900
SHARE = 0.45  # of the colours over the image


def draw_section(volumes: Mapping[str, Volume], z: int, layer: str) -> Image.Image:
    """The middle of a section: the image, boundaries, or ids over the image."""
    image = volumes["image"]
    crop = (slice(z, z + 1), *(_middle(size) for size in image.shape[1:3]))
    voxels = {name: volumes[name][crop].read()[0] for name in {"image", layer}}
    return _scaled(_coloured(voxels, layer), image.voxel_size_nm[1:], smooth=True)


def draw_cut(volumes: Mapping[str, Volume], y: int) -> Image.Image:
    """Segments over the image, z downwards and x to the right, in true proportions."""
    image = volumes["image"]
    crop = (slice(None), slice(y, y + 1), _middle(image.shape[2]))
    voxels = {name: volumes[name][crop].read()[:, 0] for name in ("image", "segmentation")}
    z, _, x = image.voxel_size_nm
    return _scaled(_coloured(voxels, "segmentation"), (z, x), smooth=False)


def _coloured(voxels: Mapping[str, np.ndarray], layer: str) -> np.ndarray:
    if layer == "membrane":
        return grey(255 - voxels["membrane"])
    under = grey((255 * as_grey(voxels["image"])).clip(0, 255).astype(np.uint8))
    if layer == "image":
        return under
    return blend(under, colour_ids(voxels[layer]), SHARE)


def _scaled(picture: np.ndarray, pixel_nm, smooth: bool) -> Image.Image:
    height, width = pixel_nm
    nm_per_pixel = picture.shape[1] * width / WIDTH
    return add_scale_bar(to_scale(picture, (height, width), nm_per_pixel, smooth), nm_per_pixel)


def _middle(size: int) -> slice:
    start = max(0, (size - MOST_PIXELS) // 2)
    return slice(start, min(size, start + MOST_PIXELS))
