"""A MergeNet moved along objects: the probability of a merge error at each of many places."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float32, Int64, PyTree, UInt

from models.mergenet import MergeNet
from ops.shape_windows import cut_windows

BATCH = 32  # windows at once


def probabilities(
    network: MergeNet, windows: Bool[np.ndarray, "n z y x"]
) -> Float32[np.ndarray, " n"]:
    """The probability of a merge error, in [0, 1], of each window."""
    return _in_batches(network, len(windows), lambda part: windows[part])


def scan(
    network: MergeNet,
    labels: UInt[np.ndarray, "z y x"],
    ids: UInt[np.ndarray, "n parts"],
    centres: Int64[np.ndarray, "n 3"],
) -> Float32[np.ndarray, " n"]:
    """The probability, in [0, 1], that an object has a merge error, at each of some places.

    A heat map of the object, given places along all of it (`ops.shape_windows.points_along`).

    Args:
        network: with its weights.
        labels: ids in voxels of the network's `voxel_nm` (`ops.shape_windows.coarse_shapes`).
        ids: the object at each place; several are taken as one, as if they were merged.
        centres: voxels (z, y, x).
    """
    shape: Sequence[int] = network.architecture.window
    return _in_batches(
        network, len(centres), lambda part: cut_windows(labels, ids[part], centres[part], shape)
    )


def _in_batches(network: MergeNet, count: int, cut) -> Float32[np.ndarray, " n"]:
    graph, params = nnx.split(network)
    found = np.zeros(count, np.float32)
    for start in range(0, count, BATCH):
        windows = cut(slice(start, start + BATCH))
        full = np.zeros((BATCH, *network.architecture.window, 1), np.float32)
        full[: len(windows), ..., 0] = windows
        answers = np.asarray(_probabilities(graph, params, jnp.asarray(full)))
        found[start : start + BATCH] = answers[: len(windows)]
    return found


@functools.partial(jax.jit, static_argnums=0)
def _probabilities(graph, params: PyTree, windows: Array) -> Array:
    return jax.nn.sigmoid(nnx.merge(graph, params)(windows))
