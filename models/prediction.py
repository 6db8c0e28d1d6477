"""Dense inference: a network over an image of any size, tile by tile, without seams."""

import itertools
from collections.abc import Callable, Iterator, Sequence

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32

Apply = Callable[[Float32[Array, "1 _ _ _ 1"]], Float32[Array, "1 _ _ _ _"]]


def predict(
    apply: Apply,
    image: Float32[np.ndarray | Array, "z y x"],
    *,
    reach: Sequence[int],
    multiple: Sequence[int],
    channels: int,
    tile_shape: Sequence[int],
    overlap: Sequence[int] | None = None,
    on_tile: Callable[[int, int], None] | None = None,
) -> Float32[np.ndarray, "z y x channel"]:
    """Probabilities of a whole image: the sigmoid of a network's logits.

    All tiles have one shape, so that `apply` is compiled once; those at the far ends are moved
    inward. By default tiles overlap so far that every voxel comes from one where it has all its
    context: the result is that of the image in one piece, up to rounding. Where they overlap less
    they are blended linearly. An image that is smaller than a tile, or no multiple of `multiple`,
    is reflected beyond its far ends. Memory: the result and a tile.

    Args:
        apply: logits (1, z, y, x, channel) of one tile (1, z, y, x, 1), jitted.
        image: normalised as in training.
        reach: of the network, in voxels (z, y, x).
        multiple: of the network; tiles start and end at multiples of it.
        channels: of the logits.
        tile_shape: (z, y, x), multiples of `multiple`.
        overlap: voxels (z, y, x) of context at each side of a tile; by default `reach`. Those of
            at least the reach are exact.
        on_tile: called after each tile with the number of those done and of all.

    Raises:
        ValueError: a tile that is no multiple, or not larger than the overlaps at both sides.
    """
    image = np.asarray(image)
    context = tuple(reach if overlap is None else overlap)
    axes = [
        list(_spans(n, t, m, c, c < r))
        for n, t, m, c, r in zip(image.shape, tile_shape, multiple, context, reach, strict=True)
    ]
    result = np.zeros((*image.shape, channels), np.float32)
    count = len(axes[0]) * len(axes[1]) * len(axes[2])
    for number, spans in enumerate(itertools.product(*axes), start=1):
        tile = _cut(image, [start for start, _ in spans], tile_shape)
        logits = apply(jnp.asarray(tile[None, ..., None]))
        _add(result, np.asarray(_probabilities(logits))[0], spans)
        if on_tile is not None:
            on_tile(number, count)
    return result


@jax.jit
def _probabilities(logits: Float32[Array, "..."]) -> Float32[Array, "..."]:
    return jax.nn.sigmoid(logits)


Span = tuple[int, Float32[np.ndarray, " _"]]  # where a tile starts, and the weights of its voxels


def _spans(size: int, tile: int, multiple: int, context: int, blended: bool) -> Iterator[Span]:
    """The tiles along an axis. Their weights add up to 1 at every voxel."""
    if tile < 1 or tile % multiple or context < 0:
        raise ValueError(
            f"got a tile of {tile} voxels along an axis, with {context} of overlap; needs a "
            f"multiple of {multiple}, and an overlap >= 0"
        )
    step = (tile - 2 * context) // multiple * multiple
    whole = -(-size // multiple) * multiple
    if whole > tile and step < 1:
        raise ValueError(
            f"got a tile of {tile} voxels along an axis of {size}, with {context} of overlap at "
            f"each side; needs more than {2 * context + multiple - 1}: a larger tile, or a "
            "smaller overlap than the network's reach, with which tiles are blended"
        )
    last = max(0, whole - tile)
    starts = [*range(0, last, step), last] if last else [0]
    width = 2 * context if blended else 0
    rises = [_rise(here, before + tile, width) for before, here in itertools.pairwise(starts)]
    for start, rise, fall in zip(starts, [None, *rises], [*rises, None], strict=True):
        voxels = np.arange(start, start + tile)
        weights = np.ones(tile) if rise is None else rise(voxels)
        yield start, (weights if fall is None else weights - fall(voxels)).astype(np.float32)


def _rise(first: int, end: int, width: int) -> Callable[[np.ndarray], np.ndarray]:
    """The share of a tile in what it and the one before have in common, voxels first ... end - 1.

    It goes from 0 to 1 in `width` voxels around the middle. As that is the same for all pairs, and
    middles follow each other, the share of a tile less that of the next is nowhere negative.
    """
    middle = first + (end - first) // 2
    if width == 0:
        return lambda voxels: (voxels >= middle).astype(float)
    return lambda voxels: np.clip((voxels - middle + 0.5) / width + 0.5, 0.0, 1.0)


def _cut(
    image: Float32[np.ndarray, "z y x"], start: Sequence[int], shape: Sequence[int]
) -> Float32[np.ndarray, "d h w"]:
    """A tile of the image, reflected beyond its far ends."""
    tile = image[tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))]
    missing = [(0, n - have) for n, have in zip(shape, tile.shape, strict=True)]
    return np.pad(tile, missing, mode="reflect") if np.any(missing) else tile


def _add(
    result: Float32[np.ndarray, "z y x c"],
    tile: Float32[np.ndarray, "d h w c"],
    spans: Sequence[Span],
) -> None:
    """Adds a tile by its weights, where they are not 0."""
    theirs, own, weights = [], [], []
    for (start, weight), size in zip(spans, result.shape[:3], strict=True):
        used = np.flatnonzero(weight[: size - start])
        theirs.append(slice(start + used[0], start + used[-1] + 1))
        own.append(slice(used[0], used[-1] + 1))
        weights.append(weight[own[-1]])
    z, y, x = weights
    shares = z[:, None, None, None] * y[:, None, None] * x[:, None]
    result[tuple(theirs)] += tile[tuple(own)] * shares
