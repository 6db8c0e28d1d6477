"""A MergeNet moved along objects: the probability of a merge error at each of many places."""

import functools
from collections.abc import Sequence
from itertools import chain, combinations

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Bool, Float32, Int64, PyTree, UInt

from models.mergenet import MergeNet
from ops.shape_windows import cut_windows

BATCH = 32  # windows at once


def probabilities(
    network: MergeNet, windows: Bool[np.ndarray, "n z y x"], *, mirrored: bool = False
) -> Float32[np.ndarray, " n"]:
    """The probability of a merge error, in [0, 1], of each window.

    Args:
        network: with its weights.
        windows: of objects.
        mirrored: answers are those to all mirror images of a window, eight times the work: the
            mean of their log-odds.
    """
    return _in_batches(network, len(windows), lambda part: windows[part], mirrored)


def scan(
    network: MergeNet,
    labels: UInt[np.ndarray, "z y x"],
    ids: UInt[np.ndarray, "n parts"],
    centres: Int64[np.ndarray, "n 3"],
    *,
    mirrored: bool = False,
) -> Float32[np.ndarray, " n"]:
    """The probability, in [0, 1], that an object has a merge error, at each of some places.

    A heat map of the object, given places along all of it (`ops.shape_windows.points_along`).

    Args:
        network: with its weights.
        labels: ids in voxels of the network's `voxel_nm` (`ops.shape_windows.coarse_shapes`).
        ids: the object at each place; several are taken as one, as if they were merged.
        centres: voxels (z, y, x).
        mirrored: as of `probabilities`.
    """
    shape: Sequence[int] = network.architecture.window

    def cut(part):
        return cut_windows(labels, ids[part], centres[part], shape)

    return _in_batches(network, len(centres), cut, mirrored)


def _in_batches(network: MergeNet, count: int, cut, mirrored: bool) -> Float32[np.ndarray, " n"]:
    graph, params = nnx.split(network)
    axes = [axis for axis, n in enumerate(network.architecture.window, start=1) if n > 1]
    mirrors = tuple(chain(*(combinations(axes, n) for n in range(len(axes) + 1))))
    mirrors = mirrors if mirrored else ((),)
    size, found = BATCH // len(mirrors), np.zeros(count, np.float32)
    for start in range(0, count, size):
        windows = cut(slice(start, start + size))
        full = np.zeros((size, *network.architecture.window, 1), np.float32)
        full[: len(windows), ..., 0] = windows
        answers = np.asarray(_probabilities(graph, params, jnp.asarray(full), mirrors))
        found[start : start + size] = answers[: len(windows)]
    return found


@functools.partial(jax.jit, static_argnums=(0, 3))
def _probabilities(graph, params: PyTree, windows: Array, mirrors: tuple) -> Array:
    """Of windows, as the mean over axes along which they are mirrored."""
    seen = jnp.concatenate([jnp.flip(windows, axes) for axes in mirrors])
    logits = nnx.merge(graph, params)(seen).reshape(len(mirrors), len(windows))
    return jax.nn.sigmoid(logits.mean(axis=0))
