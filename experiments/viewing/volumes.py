"""Volumes as layers of the viewer, which are read as they are looked at."""

import neuroglancer
import numpy as np

from data.volume import Volume
from experiments.viewing.surfaces import Objects

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


def space(volume: Volume) -> neuroglancer.CoordinateSpace:
    """The voxels (z, y, x) of a volume, with their size."""
    return neuroglancer.CoordinateSpace(
        names=["z", "y", "x"], units="nm", scales=volume.voxel_size_nm
    )


def image_layer(volume: Volume) -> neuroglancer.ImageLayer:
    """Grey values (z, y, x), over the range that those in the middle of the volume have."""
    low, high = _grey_range(volume)
    return neuroglancer.ImageLayer(
        source=served(volume),
        shader=GREY,
        shader_controls={"normalized": {"range": [low, high]}},
        opacity=1,
    )


def probability_layer(volume: Volume, colour: str) -> neuroglancer.ImageLayer:
    """Probabilities (z, y, x), the likelier the more of a colour (#rrggbb)."""
    return neuroglancer.ImageLayer(
        source=served(volume), shader=TINT.format(colour=colour), opacity=0.6
    )


def label_layer(volume: Volume) -> neuroglancer.SegmentationLayer:
    """Ids (z, y, x): all in sections, those that are chosen in 3-D too."""
    meshed = Objects.can_show(volume)
    source = neuroglancer.LayerDataSource(
        url=Objects(volume) if meshed else served(volume, "segmentation"),
        subsources={"meshes": neuroglancer.LayerDataSubsource(enabled=meshed)},
    )
    return neuroglancer.SegmentationLayer(source=[source])


def served(volume: Volume, kind: str = "image") -> neuroglancer.LocalVolume:
    """What neuroglancer reads a volume (z, y, x) by, chunk by chunk; `kind` is its volume type."""
    return neuroglancer.LocalVolume(
        volume.store, space(volume), kind, voxel_offset=volume.offset
    )


def _grey_range(volume: Volume) -> tuple[float, float]:
    """The 0.5th and 99.5th percentile in the middle; all that the dtype has where they are one."""
    low = [max(0, (n - m) // 2) for n, m in zip(volume.shape, MIDDLE, strict=True)]
    middle = volume[tuple(slice(a, a + m) for a, m in zip(low, MIDDLE, strict=True))].read()
    dark, bright = np.percentile(middle, (0.5, 99.5)).tolist()
    if dark < bright:
        return dark, bright
    return 0.0, float(np.iinfo(volume.dtype).max) if volume.dtype.kind == "u" else 1.0
