"""Coordinates of the viewer: (z, y, x), from the corner of voxel 0."""

import neuroglancer

from data.volume import Volume

NM = neuroglancer.CoordinateSpace(names=["z", "y", "x"], units="nm", scales=[1, 1, 1])


def voxels(volume: Volume) -> neuroglancer.CoordinateSpace:
    """Those of a volume (z, y, x), counted in voxels of its size."""
    return neuroglancer.CoordinateSpace(
        names=["z", "y", "x"], units="nm", scales=volume.voxel_size_nm
    )
