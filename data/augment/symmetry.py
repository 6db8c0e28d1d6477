"""Symmetries of a crop, each as strides through its voxels in memory."""

import itertools
import math

import numpy as np
from jaxtyping import Int32

from data.augment.settings import Symmetry


def symmetries(shape: tuple[int, ...], symmetry: Symmetry) -> Int32[np.ndarray, "symmetry 4"]:
    """The symmetries that keep a crop's shape; row 0 changes nothing.

    Voxel (z, y, x) of the transformed crop is voxel number origin + stride_z z + stride_y y +
    stride_x x of the crop, and a row is (origin, stride_z, stride_y, stride_x). A square section
    has 16 "anisotropic" symmetries, a cube 48 "isotropic" ones; "none" has row 0 alone.
    """
    strides = (shape[1] * shape[2], shape[2], 1)
    rows = [
        _row(shape, strides, axes, flips)
        for axes in itertools.permutations(range(3))
        if all(shape[axis] == size for axis, size in zip(axes, shape, strict=True))
        and (symmetry == "isotropic" or axes[0] == 0)
        for flips in itertools.product((False, True), repeat=3)
    ]
    return np.array(rows[:1] if symmetry == "none" else rows, np.int32)


def _row(
    shape: tuple[int, ...],
    strides: tuple[int, ...],
    axes: tuple[int, ...],
    flips: tuple[bool, ...],
) -> list[int]:
    """Axis i of the transformed crop runs along axis axes[i] of the crop, backwards if flipped."""
    origin = math.fsum((shape[a] - 1) * strides[a] for a, f in zip(axes, flips, strict=True) if f)
    return [
        int(origin),
        *(-strides[a] if f else strides[a] for a, f in zip(axes, flips, strict=True)),
    ]
