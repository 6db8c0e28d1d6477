"""Ids on their way into JAX, which without 64-bit types keeps the low 32 bits of each."""

import jax
import numpy as np
from jaxtyping import PyTree


def check_ids_fit(labels: PyTree) -> None:
    """Raises ValueError if NumPy labels have an id that JAX would cut to another one.

    Arrays that are in JAX already, or are being traced, cannot be told from sound ones.
    """
    for path, layer in jax.tree.leaves_with_path(labels):
        if isinstance(layer, np.ndarray) and layer.dtype.kind in "iu" and layer.size:
            _check_layer(layer, jax.tree_util.keystr(path))


def _check_layer(layer: np.ndarray, name: str) -> None:
    held = jax.dtypes.canonicalize_dtype(layer.dtype).name
    if held == layer.dtype.name:  # which spares the voxels a look
        return
    least, greatest = int(layer.min()), int(layer.max())
    if least < np.iinfo(held).min or greatest > np.iinfo(held).max:
        raise ValueError(
            f"got labels{name} of {layer.dtype} with ids from {least} to {greatest}; needs ids "
            f"that fit {held}, which JAX makes of them; number the ids of the crop anew, for "
            "instance by np.unique(..., return_inverse=True)"
        )
