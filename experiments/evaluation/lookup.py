"""Labels at places of a volume."""

import logging

import numpy as np
from jaxtyping import Bool, Float64, UInt64

from data.side_by_side import read_side_by_side
from data.volume import Volume
from ops.metrics.positions import look_up

log = logging.getLogger(__name__)


def labels_at(labels: Volume, positions_nm: Float64[np.ndarray, "n 3"]) -> UInt64[np.ndarray, " n"]:
    """The label at each position (z, y, x), in nm; 0 outside the volume.

    Raises:
        ValueError: where no position lies inside: they and the volume do not share a frame.
    """
    inside = inside_of(labels, positions_nm)
    if len(positions_nm) and not inside.any():
        low = np.array(labels.offset) * labels.voxel_size_nm
        high = low + np.array(labels.shape) * labels.voxel_size_nm
        raise ValueError(
            f"{labels.name}: got no place inside the volume, which spans {low.tolist()} to "
            f"{high.tolist()} nm (z, y, x); places span {positions_nm.min(0).tolist()} to "
            f"{positions_nm.max(0).tolist()}; needs both in nm, in one frame"
        )
    if not inside.all():
        log.warning("%s: %d of %d places lie outside", labels.name, (~inside).sum(), len(inside))
    found = np.zeros(len(positions_nm), np.uint64)
    for place, layers in read_side_by_side({"labels": labels}, "looking up"):
        corner = [o + s.start for o, s in zip(labels.offset, place, strict=True)]
        look_up(layers["labels"], positions_nm, labels.voxel_size_nm, corner, found)
    return found


def inside_of(volume: Volume, positions_nm: Float64[np.ndarray, "n 3"]) -> Bool[np.ndarray, " n"]:
    """Whether each position (z, y, x), in nm, lies in the volume."""
    low = np.array(volume.offset) * volume.voxel_size_nm
    high = low + np.array(volume.shape) * volume.voxel_size_nm
    return np.all((positions_nm >= low) & (positions_nm < high), axis=1)
