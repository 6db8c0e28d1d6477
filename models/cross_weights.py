"""Weights of a cross-classifier in one .npz file, with its sizes and a card about them."""

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
from models.cross_classifier import CrossArchitecture, CrossClassifier
from models.weights import as_arrays, as_parameters

KIND = "cross_classifier"  # the entry of the file that tells the architecture


def save_cross_weights(
    path: str | os.PathLike,
    architecture: CrossArchitecture,
    params: nnx.State,
    card: Mapping[str, Any],
    *,
    storage: Literal["float32", "float16"] = "float32",
) -> None:
    """As `models.weights.save_weights`."""
    about = {KIND: dataclasses.asdict(architecture), "card": dict(card)}
    write_archive(path, about, as_arrays(params, storage))


def load_cross_weights(
    path: str | os.PathLike, needed: CrossArchitecture | None = None
) -> tuple[CrossArchitecture, nnx.State]:
    """The architecture, and the parameters as float32.

    Args:
        path: of a file that `save_cross_weights` wrote.
        needed: an architecture that the weights must be for.

    Raises:
        ValueError: a file that is cut off or none of ours, of something else than a
            cross-classifier, or whose arrays do not fit; names the file.
        FileNotFoundError: no such file.
    """
    about, arrays = read_archive(path)
    if KIND not in about:
        raise ValueError(
            f"{path}: got other weights than those of a cross-classifier; needs what "
            "`experiments.train model=cross_classifier` leaves"
        )
    try:
        architecture = CrossArchitecture(**about[KIND])
    except (TypeError, ValueError) as error:
        raise ValueError(f"{path}: {error}") from error
    if needed is not None and architecture != needed:
        raise ValueError(f"{path}: got weights of {architecture}; needs those of {needed}")
    shapes = nnx.eval_shape(lambda: CrossClassifier(architecture, rngs=nnx.Rngs(0)))
    return architecture, as_parameters(arrays, shapes, f"{path}: {architecture}")


def load_cross_classifier(path: str | os.PathLike) -> CrossClassifier:
    """The network of a file, with its weights; errors as of `load_cross_weights`."""
    architecture, params = load_cross_weights(path)
    shapes = nnx.eval_shape(lambda: CrossClassifier(architecture, rngs=nnx.Rngs(0)))
    return nnx.merge(nnx.split(shapes, nnx.Param)[0], params)


def cross_digest(path: str | os.PathLike) -> str:
    """A hash of a network and its parameters, whatever its card says."""
    architecture, params = load_cross_weights(path)
    found = hashlib.sha256(json.dumps(dataclasses.asdict(architecture)).encode())
    for array in jax.tree.leaves(params):
        found.update(np.asarray(array).tobytes())
    return found.hexdigest()


def is_cross_classifier(path: str | os.PathLike) -> bool:
    """Whether a file holds the weights of a cross-classifier.

    Raises:
        ValueError, FileNotFoundError: as `models.archive.read_archive`.
    """
    return KIND in read_archive(path)[0]
