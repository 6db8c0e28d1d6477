"""Weights in one .npz file, with the architecture that they are for and a card about them."""

import os
from collections.abc import Mapping, Sequence
from typing import Any, Literal

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array

from models.architecture import Architecture, build, check_same, from_json
from models.archive import read_archive, write_archive


def save_weights(
    path: str | os.PathLike,
    architecture: Architecture,
    params: nnx.State,
    card: Mapping[str, Any],
    *,
    storage: Literal["float32", "float16"] = "float32",
) -> None:
    """Writes a file whole or not at all; a reader never sees half of it.

    Args:
        path: ends in .npz; its folder exists.
        architecture: of the network.
        params: its parameters, as from `nnx.state(network, nnx.Param)`. Their paths are the names
            of the arrays: "parameters/body/down/0/layers/0/kernel".
        card: what a user should know, such as data, scores and licence; JSON values.
        storage: float16 halves the file, at a relative error of 5e-4 of each number.

    Raises:
        ValueError: another suffix, or numbers that are not finite (as float16: above 65504).
    """
    about = {"architecture": architecture.to_json(), "card": dict(card)}
    write_archive(path, about, as_arrays(params, storage))


def load_weights(
    path: str | os.PathLike, needed: Architecture | None = None
) -> tuple[Architecture, nnx.State]:
    """The architecture, and the parameters as float32.

    `nnx.update(build(architecture, rngs), parameters)` makes the network whole.

    Args:
        path: of a file that `save_weights` wrote.
        needed: an architecture that the weights must be for, but for its prior.

    Raises:
        ValueError: a file that is cut off or none of ours, of another version or architecture, or
            whose arrays do not fit its architecture; names the file, the field and both values.
        FileNotFoundError: no such file.
    """
    about, arrays = read_archive(path)
    if "architecture" not in about:
        raise ValueError(f"{path}: got weights of no network that sees images alone; needs such")
    try:
        architecture = from_json(about["architecture"])
    except ValueError as error:
        raise ValueError(f"{path}: {error}") from error
    if needed is not None:
        check_same(architecture, needed, str(path))
    shapes = nnx.eval_shape(lambda: build(architecture, nnx.Rngs(0)))
    return architecture, as_parameters(arrays, shapes, f"{path}: {architecture}")


def read_card(path: str | os.PathLike) -> dict[str, Any]:
    """What `save_weights` was told about the weights.

    Raises:
        ValueError, FileNotFoundError: as `load_weights`.
    """
    return read_archive(path)[0]["card"]


def as_arrays(params: nnx.State, storage: str) -> dict[str, np.ndarray]:
    """Parameters by name, as they are stored.

    Raises:
        ValueError: numbers that are not finite.
    """
    flat = nnx.to_flat_state(params)
    return {_name(keys): _stored(keys, variable[...], storage) for keys, variable in flat}


def as_parameters(arrays: Mapping[str, np.ndarray], shapes: nnx.Module, where: str) -> nnx.State:
    """Arrays by name as the parameters of a network, float32.

    Args:
        arrays: as from `as_arrays`.
        shapes: the network, as `nnx.eval_shape` tells it.
        where: they are from, and what they should fit, for errors.

    Raises:
        ValueError: other names or shapes than the network has.
    """
    flat = list(nnx.to_flat_state(nnx.state(shapes, nnx.Param)))
    for name in sorted({_name(keys) for keys, _ in flat} ^ arrays.keys()):
        state = "unknown to" if name in arrays else "missing for"
        raise ValueError(f"{where}: parameter {name!r} is {state} this architecture")
    for keys, variable in flat:
        found, wanted = arrays[_name(keys)].shape, variable.shape
        if found != wanted:
            raise ValueError(f"{where}: got {_name(keys)} of shape {found}; needs {wanted}")
    filled = [(k, v.replace(jnp.asarray(arrays[_name(k)], jnp.float32))) for k, v in flat]
    return nnx.from_flat_state(filled)


def _name(keys: Sequence[Any]) -> str:
    """Of an array, from its path in the state: ("down", 0, "kernel") is "down/0/kernel"."""
    return "/".join(str(key) for key in keys)


def _stored(keys: Sequence[Any], values: Array, storage: str) -> np.ndarray:
    array = np.asarray(values)
    # What becomes infinite is found by the check that follows.
    with np.errstate(over="ignore"):
        array = array.astype(storage)
    if not np.isfinite(array).all():
        raise ValueError(f"got parameter {_name(keys)} that is not finite as {storage}")
    return array
