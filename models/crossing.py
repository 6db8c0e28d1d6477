"""The passes of a cross-classifier over a pair of sections, one for each digit of a code."""

import functools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float32, PyTree, Shaped, UInt8

from models.cross_classifier import CrossClassifier


def cross_classify(
    network: CrossClassifier,
    source: Float32[np.ndarray, "y x view"],
    target: Float32[np.ndarray, "y x view"],
    colours: UInt8[np.ndarray, "digit h w"],
) -> UInt8[np.ndarray, "digit h w channel"]:
    """Probabilities of the colours in the target, for every painting of the source.

    Sections of any size: they are reflected beyond their far ends where the network needs more.
    Memory: about 6 bytes for each pixel, digit and channel of the network's first level.

    Args:
        network: with its weights.
        source: grey values normalised as in training, and membrane probabilities in [0, 1] if the
            network sees those.
        target: likewise.
        colours: of the source's objects in each painting, 1 ... letters; 0 where there is none.
            As large as `reduced` makes the sections.

    Returns:
        Probabilities times 255, rounded, of no colour and of each letter.

    Raises:
        ValueError: no painting, colours that the network has no letter for, paintings of another
            size, or sections with other channels than it sees.
    """
    if not len(colours) or colours.max(initial=0) >= network.channels:
        raise ValueError(
            f"got {len(colours)} paintings with colours up to {colours.max(initial=0)}; needs at "
            f"least one, with colours up to {network.channels - 1}, as the network has letters"
        )
    (h, w), reduction = colours.shape[1:], network.architecture.reduction
    if (h, w) != tuple(-(-n // reduction) for n in source.shape[:2]):
        raise ValueError(
            f"got paintings of {h} by {w} pixels for sections of {source.shape[:2]}; needs squares "
            f"of {reduction} by {reduction} pixels (models.crossing.reduced)"
        )
    multiple = network.multiple[1:]
    sections = [_extended(section, multiple)[None] for section in (source, target)]
    padded = _extended(np.moveaxis(colours, 0, -1), [m // reduction for m in multiple])
    graph, params = nnx.split(network)
    found = _probabilities(graph, params, *sections, np.moveaxis(padded, -1, 0))
    return np.asarray(found)[:, :h, :w]


def reduced(labels: Shaped[np.ndarray, "y x"], reduction: int) -> Shaped[np.ndarray, "h w"]:
    """The labels of squares of pixels, each that of its first pixel; those at the far ends cut."""
    return np.ascontiguousarray(labels[::reduction, ::reduction])


def enlarged(labels: Shaped[np.ndarray, "h w"], reduction: int) -> Shaped[np.ndarray, "y x"]:
    """Squares of pixels in place of each; whole ones, also where `reduced` has cut them."""
    return labels.repeat(reduction, axis=0).repeat(reduction, axis=1)


def _extended(section: np.ndarray, multiple: Sequence[int]) -> np.ndarray:
    """Reflected beyond its far ends, up to multiples along y and x."""
    rest = [(0, -n % m) for n, m in zip(section.shape, multiple, strict=False)]
    return np.pad(section, [*rest, (0, 0)], mode="symmetric")


@functools.partial(jax.jit, static_argnums=0)
def _probabilities(graph, params: PyTree, source: Array, target: Array, colours: Array) -> Array:
    logits = nnx.merge(graph, params)(source, target, colours)
    return jnp.rint(255 * jax.nn.softmax(logits)).astype(jnp.uint8)
