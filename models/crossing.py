"""The passes of a cross-classifier over a pair of sections, one for each digit of a code."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import Array, Float32, PyTree, UInt8

from models.cross_classifier import CrossClassifier


def cross_classify(
    network: CrossClassifier,
    source: Float32[np.ndarray, "y x view"],
    target: Float32[np.ndarray, "y x view"],
    colours: UInt8[np.ndarray, "digit y x"],
) -> UInt8[np.ndarray, "digit y x channel"]:
    """Probabilities of the colours in the target, for every painting of the source.

    Sections of any size: they are reflected beyond their far ends where the network needs more.
    Memory: about 6 bytes for each pixel, digit and channel of the network's first level.

    Args:
        network: with its weights.
        source: grey values normalised as in training, and membrane probabilities in [0, 1] if the
            network sees those.
        target: likewise.
        colours: of the source's objects in each painting, 1 ... letters; 0 where there is none.

    Returns:
        Probabilities times 255, rounded, of no colour and of each letter.

    Raises:
        ValueError: no painting, colours that the network has no letter for, or sections with
            other channels than it sees.
    """
    if not len(colours) or colours.max(initial=0) >= network.channels:
        raise ValueError(
            f"got {len(colours)} paintings with colours up to {colours.max(initial=0)}; needs at "
            f"least one, with colours up to {network.channels - 1}, as the network has letters"
        )
    shape = colours.shape[1:]
    rest = [(0, -n % m) for n, m in zip(shape, network.multiple[1:], strict=True)]
    graph, params = nnx.split(network)
    sections = [np.pad(section, [*rest, (0, 0)], mode="symmetric") for section in (source, target)]
    padded = np.pad(colours, [(0, 0), *rest], mode="symmetric")
    found = np.asarray(_probabilities(graph, params, *sections, padded))
    return found[:, : shape[0], : shape[1]]


@functools.partial(jax.jit, static_argnums=0)
def _probabilities(graph, params: PyTree, source: Array, target: Array, colours: Array) -> Array:
    source, target = (jnp.broadcast_to(s, (len(colours), *s.shape)) for s in (source, target))
    logits = nnx.merge(graph, params)(source, target, colours)
    return jnp.rint(255 * jax.nn.softmax(logits)).astype(jnp.uint8)
