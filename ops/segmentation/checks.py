"""Errors that the functions of this package share."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Shaped


def check_volumes(**arrays: Shaped[np.ndarray, "..."] | None) -> None:
    """Raises ValueError unless all arrays (None: not given) are volumes of one shape."""
    given = {name: array.shape for name, array in arrays.items() if array is not None}
    if any(len(shape) != 3 for shape in given.values()) or len(set(given.values())) > 1:
        shapes = ", ".join(f"{name} of shape {shape}" for name, shape in given.items())
        raise ValueError(f"got {shapes}; needs one shape (z, y, x): crop or resample one of them")


def check_voxel_size(voxel_size_nm: Sequence[float]) -> None:
    """Raises ValueError unless there is a positive size for each of z, y, x."""
    sizes = np.asarray(voxel_size_nm, float)
    if sizes.shape != (3,) or not (np.isfinite(sizes) & (sizes > 0)).all():
        raise ValueError(
            f"got a voxel size of {tuple(voxel_size_nm)} nm; needs three lengths > 0 (z, y, x)"
        )


def check_threads(threads: int) -> None:
    """Raises ValueError unless threads >= 0."""
    if threads < 0:
        raise ValueError(f"got {threads} threads; needs 0 (all cores) or more")
