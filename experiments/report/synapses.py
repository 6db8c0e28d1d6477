"""Pictures of synapses: what lies around each, as it is and with both partners in colour."""

from collections.abc import Mapping, Sequence

import numpy as np
from PIL import Image

from data.normalisation import as_grey
from data.volume import Volume
from experiments.report.colours import POST, PRE, STRUCTURES, grey, tint
from experiments.report.scale import to_scale

AROUND_NM = 700.0
WIDTH = 220


def draw_synapse(
    volumes: Mapping[str, Volume], place_nm: Sequence[float], number: int, pre: int, post: int
) -> Image.Image:
    """A synapse's surroundings in its section, raw above and coloured below.

    Args:
        volumes: image, and ids: neurites and clefts.
        place_nm: middle of its cleft (z, y, x).
        number: its id among the clefts.
        pre, post: ids of its partners among the neurites.
    """
    image = volumes["image"]
    place = np.divide(place_nm, image.voxel_size_nm) - image.offset
    crop = tuple(
        _around(centre, size, edge)
        for centre, size, edge in zip(
            place.tolist(), image.shape[:3], _voxels_around(image), strict=True
        )
    )
    layers = {name: volumes[name][crop].read()[0] for name in ("image", "neurites", "clefts")}
    raw = grey((255 * as_grey(layers["image"])).clip(0, 255).astype(np.uint8))
    coloured = tint(raw, (layers["neurites"] == pre) & (pre != 0), PRE, 0.35)
    coloured = tint(coloured, (layers["neurites"] == post) & (post != 0), POST, 0.35)
    coloured = tint(coloured, layers["clefts"] == number, STRUCTURES["clefts"], 0.6)
    pixel_nm = image.voxel_size_nm[1:]
    nm_per_pixel = raw.shape[1] * pixel_nm[1] / WIDTH
    return to_scale(np.concatenate([raw, coloured]), pixel_nm, nm_per_pixel)


def _voxels_around(image: Volume) -> tuple[int, int, int]:
    """Voxels (z, y, x) of a crop: one section, and in it `AROUND_NM` where there is room."""
    height, width = (
        min(size, round(AROUND_NM / edge))
        for size, edge in zip(image.shape[1:3], image.voxel_size_nm[1:], strict=True)
    )
    return 1, height, width


def _around(centre: float, size: int, wanted: int) -> slice:
    start = int(np.clip(int(centre) - wanted // 2, 0, size - wanted))
    return slice(start, start + wanted)
