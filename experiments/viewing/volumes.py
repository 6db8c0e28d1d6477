"""Volumes as layers of the viewer, which are read as they are looked at."""

from collections.abc import Sequence

import neuroglancer
import numpy as np

from data.volume import Volume
from experiments.viewing.space import voxels
from experiments.viewing.surfaces import Objects, has_surfaces

MIDDLE = (1, 512, 512)  # voxels, whose grey values tell the range that is shown
GREY = """#uicontrol invlerp normalized
void main() {
  emitGrayscale(normalized());
}
"""
TINT = """#uicontrol vec3 colour color(default="{colour}")
#uicontrol invlerp normalized
void main() {{
  emitRGBA(vec4(colour, normalized()));
}}
"""


def image_layer(volume: Volume) -> neuroglancer.ImageLayer:
    """Grey values (z, y, x), over the range that those in the middle of the volume have."""
    low, high = _grey_range(volume)
    return neuroglancer.ImageLayer(
        source=served(volume),
        shader=GREY,
        shader_controls={"normalized": {"range": [low, high]}},
        opacity=1,
    )


def probability_layer(volume: Volume, rgb: Sequence[int]) -> neuroglancer.ImageLayer:
    """Probabilities (z, y, x): the likelier, the more of a colour."""
    shader = TINT.format(colour=as_hex(rgb))
    return neuroglancer.ImageLayer(source=served(volume), shader=shader, opacity=0.6)


def label_layer(volume: Volume, rgb: Sequence[int] | None = None) -> neuroglancer.SegmentationLayer:
    """Ids (z, y, x), by default each in a colour of its own; those chosen have surfaces in 3-D."""
    source = neuroglancer.LayerDataSource(
        url=Objects(volume),
        subsources={"meshes": neuroglancer.LayerDataSubsource(enabled=has_surfaces(volume))},
    )
    colour = None if rgb is None else as_hex(rgb)
    return neuroglancer.SegmentationLayer(source=[source], segment_default_color=colour)


def served(volume: Volume) -> neuroglancer.LocalVolume:
    """What the browser reads grey values (z, y, x) from, piece by piece."""
    return neuroglancer.LocalVolume(
        volume.store, voxels(volume), "image", voxel_offset=volume.offset
    )


def as_hex(rgb: Sequence[int]) -> str:
    """Red, green, blue in [0, 255] as #rrggbb."""
    return "#{:02x}{:02x}{:02x}".format(*rgb)


def _grey_range(volume: Volume) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile in the middle; all that the dtype has where they are one."""
    low = [max(0, (n - m) // 2) for n, m in zip(volume.shape, MIDDLE, strict=True)]
    middle = volume[tuple(slice(a, a + m) for a, m in zip(low, MIDDLE, strict=True))].read()
    dark, bright = np.percentile(middle, (0.5, 99.5)).tolist()
    if dark < bright:
        return dark, bright
    return 0.0, float(np.iinfo(volume.dtype).max) if volume.dtype.kind == "u" else 1.0
