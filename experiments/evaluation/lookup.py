"""Labels at places of a volume."""

import numpy as np
from jaxtyping import Float64, UInt64

from data.side_by_side import read_side_by_side
from data.volume import Volume
from ops.metrics.positions import look_up


def labels_at(labels: Volume, positions_nm: Float64[np.ndarray, "n 3"]) -> UInt64[np.ndarray, " n"]:
    """The label at each position (z, y, x), in nm; 0 outside the volume.

    Raises:
        ValueError: where no position lies inside: they and the volume do not share a frame.
    """
    low = np.array(labels.offset) * labels.voxel_size_nm
    high = low + np.array(labels.shape) * labels.voxel_size_nm
    if len(positions_nm) and not ((positions_nm >= low) & (positions_nm < high)).all(1).any():
        raise ValueError(
            f"{labels.name}: got no place inside the volume, which spans {low.tolist()} to "
            f"{high.tolist()} nm (z, y, x); places span {positions_nm.min(0).tolist()} to "
            f"{positions_nm.max(0).tolist()}; needs both in nm, in one frame"
        )
    found = np.zeros(len(positions_nm), np.uint64)
    for place, layers in read_side_by_side({"labels": labels}, "looking up"):
        corner = [o + s.start for o, s in zip(labels.offset, place, strict=True)]
        look_up(layers["labels"], positions_nm, labels.voxel_size_nm, corner, found)
    return found
