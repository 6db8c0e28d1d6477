"""Weights of a MergeNet in one .npz file, with its sizes and a card about them."""

import dataclasses
import hashlib
import json
import os
from collections.abc import Mapping
from typing import Any, Literal

import jax
import numpy as np
from flax import nnx

from models.archive import read_archive, write_archive
from models.mergenet import MergeArchitecture, MergeNet
from models.weights import as_arrays, as_parameters

KIND = "mergenet"  # the entry of the file that tells the architecture


def save_merge_weights(
    path: str | os.PathLike,
    architecture: MergeArchitecture,
    params: nnx.State,
    card: Mapping[str, Any],
    *,
    storage: Literal["float32", "float16"] = "float32",
) -> None:
    """As `models.weights.save_weights`."""
    about = {KIND: dataclasses.asdict(architecture), "card": dict(card)}
    write_archive(path, about, as_arrays(params, storage))


def load_merge_weights(
    path: str | os.PathLike, needed: MergeArchitecture | None = None
) -> tuple[MergeArchitecture, nnx.State]:
    """The architecture, and the parameters as float32.

    Args:
        path: of a file that `save_merge_weights` wrote.
        needed: an architecture that the weights must fit; voxels of another edge are no matter, as
            a shape has no length.

    Raises:
        ValueError: a file that is cut off or none of ours, of something else than a MergeNet, or
            whose arrays do not fit; names the file.
        FileNotFoundError: no such file.
    """
    about, arrays = read_archive(path)
    if KIND not in about:
        raise ValueError(
            f"{path}: got other weights than those of a MergeNet; needs what `experiments.train "
            "model=mergenet` leaves"
        )
    try:
        window = tuple(about[KIND].pop("window"))
        architecture = MergeArchitecture(window=window, **about[KIND])
    except (KeyError, TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    if needed is not None and _scaled(architecture, needed) != needed:
        raise ValueError(f"{path}: got weights of {architecture}; needs those of {needed}")
    shapes = nnx.eval_shape(lambda: MergeNet(architecture, rngs=nnx.Rngs(0)))
    return architecture, as_parameters(arrays, shapes, f"{path}: {architecture}")


def _scaled(architecture: MergeArchitecture, like: MergeArchitecture) -> MergeArchitecture:
    return dataclasses.replace(architecture, voxel_nm=like.voxel_nm, least_voxels=like.least_voxels)


def load_mergenet(path: str | os.PathLike) -> MergeNet:
    """The network of a file, with its weights; errors as of `load_merge_weights`."""
    architecture, params = load_merge_weights(path)
    shapes = nnx.eval_shape(lambda: MergeNet(architecture, rngs=nnx.Rngs(0)))
    return nnx.merge(nnx.split(shapes, nnx.Param)[0], params)


def is_mergenet(path: str | os.PathLike) -> bool:
    """Whether a file holds the weights of a MergeNet.

    Raises:
        ValueError, FileNotFoundError: as `models.archive.read_archive`.
    """
    return KIND in read_archive(path)[0]


def merge_digest(path: str | os.PathLike) -> str:
    """A hash of a network and its parameters, whatever its card says."""
    architecture, params = load_merge_weights(path)
    found = hashlib.sha256(json.dumps(dataclasses.asdict(architecture)).encode())
    for array in jax.tree.leaves(params):
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()
