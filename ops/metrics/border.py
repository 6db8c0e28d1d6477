"""Voxels close to a border, which CREMI may leave out of the score."""

import math

import numpy as np
from jaxtyping import Bool, Shaped
from scipy import ndimage


def border_mask(
    labels: Shaped[np.ndarray, "z y x"],
    distance_nm: int | float,
    voxel_size_nm: tuple[int | float, int | float, int | float],
) -> Bool[np.ndarray, "z y x"]:
    """True where a label changes within a distance in the plane (cremi_python, border_mask.py).

    Args:
        labels: of any dtype; each section is taken alone.
        distance_nm: from the nearest pixel with a 4-neighbour of another label, inclusive; >= 0.
        voxel_size_nm: (z, y, x).

    Raises:
        ValueError: a distance that is negative or not finite.
    """
    if not (math.isfinite(distance_nm) and distance_nm >= 0):
        raise ValueError(f"got border_nm={distance_nm}; needs a distance >= 0 in nanometres")
    return np.stack([_near_change(section, distance_nm, voxel_size_nm[1:]) for section in labels])


def _near_change(section, distance_nm, pixel_nm) -> Bool[np.ndarray, "y x"]:
    """The distance transform is infinite where no label changes at all."""
    changes = np.zeros(section.shape, bool)
    for axis in (0, 1):
        ahead = np.moveaxis(section, axis, 0)
        differs = ahead[1:] != ahead[:-1]
        side = np.moveaxis(changes, axis, 0)
        side[1:] |= differs
        side[:-1] |= differs
    if not changes.any():
        return changes
    return ndimage.distance_transform_edt(~changes, sampling=pixel_nm) <= distance_nm
