"""Averages over the symmetries of an image, at inference (test-time augmentation)."""

import dataclasses
import functools
import itertools
from collections.abc import Sequence

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32

from models.outputs import offset_of, offsets_of
from models.prediction import Apply
from ops.winograd.geometry import Triple


@dataclasses.dataclass(frozen=True)
class Symmetry:
    """Flips along axes, and then y and x swapped or not."""

    flips: tuple[int, ...]  # axes of (z, y, x)
    swap: bool


# For each channel of the result, its channel in the answer that was put back, and how far off.
Route = tuple[tuple[int, Triple], ...]

# Of probabilities, and of 1 less them, which keeps both exact where they are small.
Sums = Float32[Array, "2 _ _ _ _ _"]


def averaged(apply: Apply, outputs: Sequence[str], *, z_flip: bool) -> Apply:
    """Logits of the mean probability over the 8 symmetries of a section, or 16 with those of z.

    An affinity between v and v + offset is, in a mirror image, one between v and v - offset: that
    of another voxel, and after a swap of another channel. Symmetries that make an affinity into one
    which is not among the outputs are left out; so without its like along x, one along y is
    averaged over flips alone. Where a far voxel lies outside the tile, the rest is averaged.

    Args:
        apply: as of `models.prediction.predict`.
        outputs: what the channels mean.
        z_flip: whether the section above may stand for that below.

    Returns:
        A function like `apply`, whose reach is `averaged_reach`. It calls `apply` with y and x
        swapped too, which is compiled anew unless they are equal.
    """
    routes = [(symmetry, _route(symmetry, outputs)) for symmetry in _symmetries(z_flip)]
    used = [(symmetry, route) for symmetry, route in routes if route is not None]

    def apply_all(x: Float32[Array, "1 z y x 1"]) -> Float32[Array, "1 z y x channel"]:
        sums = None
        for symmetry, route in used:
            sums = _added(sums, apply(_moved(x, symmetry)), symmetry, route)
        # How many there are at a voxel is a factor of both sums.
        return _logits(sums)

    return apply_all


def averaged_reach(reach: Sequence[int], outputs: Sequence[str]) -> Triple:
    """The reach of `averaged`: that of the network, and as far as the affinities go."""
    offsets = [(0, 0, 0), *offsets_of(outputs)]
    z, y, x = (r + max(abs(o[axis]) for o in offsets) for axis, r in enumerate(reach))
    return z, y, x


def _symmetries(z_flip: bool) -> list[Symmetry]:
    axes = (0, 1, 2) if z_flip else (1, 2)
    flips = [f for n in range(len(axes) + 1) for f in itertools.combinations(axes, n)]
    return [Symmetry(f, swap) for swap in (False, True) for f in flips]


def _route(symmetry: Symmetry, outputs: Sequence[str]) -> Route | None:
    """Where each channel is found after a symmetry was undone; None where one is not."""
    sources: dict[str | Triple, tuple[int, Triple]] = {}
    for channel, output in enumerate(outputs):
        offset = offset_of(output)
        if offset is None:
            sources[output] = (channel, (0, 0, 0))
            continue
        a, b, c = seen = _offset_before(symmetry, offset)
        sources[seen] = (channel, (0, 0, 0))
        # What compares v with v + seen is, at v + seen, what compares that with v.
        sources.setdefault((-a, -b, -c), (channel, (-a, -b, -c)))
    wanted = [offset_of(output) or output for output in outputs]
    return tuple(sources[key] for key in wanted) if sources.keys() >= set(wanted) else None


def _offset_before(symmetry: Symmetry, offset: Triple) -> Triple:
    """The offset in the image of one in the moved image."""
    z, y, x = offset
    turned = (z, x, y) if symmetry.swap else offset
    a, b, c = (-n if axis in symmetry.flips else n for axis, n in enumerate(turned))
    return a, b, c


@functools.partial(jax.jit, static_argnums=1)
def _moved(x: Float32[Array, "_ _ _ _ _"], symmetry: Symmetry) -> Float32[Array, "_ _ _ _ _"]:
    x = jnp.flip(x, [axis + 1 for axis in symmetry.flips])
    return x.swapaxes(2, 3) if symmetry.swap else x


@functools.partial(jax.jit, static_argnums=(2, 3))
def _added(
    sums: Sums | None, logits: Float32[Array, "_ _ _ _ _"], symmetry: Symmetry, route: Route
) -> Sums:
    """Adds the answer to a moved image, put back."""
    back = logits.swapaxes(2, 3) if symmetry.swap else logits
    back = jnp.flip(back, [axis + 1 for axis in symmetry.flips])
    both = jnp.stack([jax.nn.sigmoid(back), jax.nn.sigmoid(-back)])
    found = jnp.stack([_shifted(both[..., c], offset) for c, offset in route], axis=-1)
    return found if sums is None else sums + found


@jax.jit
def _logits(sums: Sums) -> Float32[Array, "_ _ _ _ _"]:
    return jnp.log(sums[0]) - jnp.log(sums[1])


def _shifted(
    x: Float32[Array, "two batch z y x"], offset: Triple
) -> Float32[Array, "two batch z y x"]:
    """What lies at v + offset, at v; 0 where that is outside."""
    for axis, o in enumerate(offset, start=2):
        n = x.shape[axis]
        kept = jax.lax.slice_in_dim(x, min(n, max(0, o)), max(0, n + min(0, o)), axis=axis)
        beside = [(0, 0)] * 5
        beside[axis] = (n - kept.shape[axis], 0) if o < 0 else (0, n - kept.shape[axis])
        x = jnp.pad(kept, beside)
    return x
