"""Which neurite owns a point, and how far its membrane is.

Every site spreads a Gaussian; a neurite's presence is the sum over its sites, and the neurite
present most owns the point, so tubes merge smoothly into branches and boutons. With U1, U2 the
two largest presences, log(U1 / U2) is 0 on the membrane and its gradient is
(m1 - m2) / spread^2, where m is the mean position of a neurite's sites seen from the point; the
ratio of both is the distance to the membrane, to first order. (Our design.)
"""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float, Int

from data.synthetic.lattice import NEIGHBOURHOOD, Lattice, site_index

AnyArray = Array | np.ndarray

SPREAD = 0.35  # of the mean cell edge: how far a site's Gaussian reaches
CHUNK = 8192


def presence(
    points: Float[Array, "n 3 p"],
    sites: Float[AnyArray, "n k 3"],
    log_weight: Float[AnyArray, "n k"],
    member: Float[AnyArray, "n l k"],
    spread: float,
) -> tuple[Float[Array, "n l p"], Float[Array, "3 n l p"]]:
    """Log presence of each of l neurites at each point, and the mean position of its sites.

    `member[n, l, k]` is 1 where site k belongs to neurite l, else 0; a log weight of -inf
    removes a site. Positions in nm.
    """
    squared = sum((points[:, None, a] - sites[:, :, a, None]) ** 2 for a in range(3))
    gauss = jnp.exp(log_weight[..., None] - squared / (2 * spread**2))
    rows = jnp.concatenate([member, *(member * sites[:, None, :, a] for a in range(3))], axis=1)
    sums = jnp.matmul(rows, gauss)
    total, *moments = jnp.split(sums, 4, axis=1)
    total = total + 1e-30
    return jnp.log(total), jnp.stack([m / total for m in moments])


@functools.partial(jax.jit, static_argnames="spread")
def _rank(points, sites, log_weight, owner, spread):
    """What `at_points` returns, for candidates (k, n) with the points along the last axis."""
    squared = sum((points[None, :, a] - sites[..., a]) ** 2 for a in range(3))
    gauss = jnp.exp(log_weight - squared / (2 * spread**2))
    total = jnp.full_like(gauss, 1e-30)
    for other in range(len(owner)):
        total += jnp.where(owner == owner[other, None], gauss[other, None], 0)
    first, level = _strongest(total, owner)
    second, next_level = _strongest(jnp.where(owner == first, 0, total), owner)
    share = jnp.where(owner == first, gauss / level, 0)
    share -= jnp.where(owner == second, gauss / next_level, 0)
    between = jnp.sum(share[..., None] * sites, axis=0)
    length = jnp.linalg.norm(between, axis=-1, keepdims=True)
    distance = jnp.log(level / next_level)[0] * spread**2 / length[:, 0]
    return first[0], second[0], distance, between / length


def _strongest(total, owner):
    level = total.max(0, keepdims=True)
    return jnp.max(jnp.where(total == level, owner, -1), axis=0, keepdims=True), level


def at_points(
    points: Float[np.ndarray, "n 3"],
    lattice: Lattice,
    owner: Int[np.ndarray, " sites"],
    log_weight: Float[np.ndarray, " sites"],
) -> tuple[
    Int[np.ndarray, " n"], Int[np.ndarray, " n"], Float[np.ndarray, " n"], Float[np.ndarray, "n 3"]
]:
    """Owner, next neurite, distance in nm to the membrane between them, inward normal.

    Points are in lattice space (nm, unwarped). Where no second neurite is near, the distance is
    infinite, the normal 0 and the next neurite meaningless.
    """
    results = [_at_chunk(chunk, lattice, owner, log_weight) for chunk in _chunks(points)]
    columns = [np.concatenate(column)[: len(points)] for column in zip(*results, strict=True)]
    first, second, distance, normal = columns
    # Without a second neurite in reach, both are 0 / 0.
    return first, second, np.where(np.isnan(distance), np.inf, distance), np.nan_to_num(normal)


def _chunks(points):
    """Equal chunks, so that one compiled kernel serves them all."""
    padded = np.resize(points, (-(-len(points) // CHUNK) * CHUNK, 3)) if len(points) else points
    return np.split(padded.astype(np.float32), max(1, len(padded) // CHUNK))


def _at_chunk(points, lattice, owner, log_weight):
    cell = np.floor(points / lattice.cell_nm).astype(int)
    cell = np.clip(cell, 0, np.array(lattice.shape) - 1)
    candidates = site_index(cell[:, None] + NEIGHBOURHOOD, lattice.shape)
    sites, weight, owners = gather_sites(candidates, lattice, owner, log_weight)
    by_site = (np.moveaxis(a, 1, 0) for a in (sites, weight, owners))
    ranked = _rank(points, *by_site, spread=spread_nm(lattice))
    return [np.asarray(column) for column in ranked]


def gather_sites(
    candidates: Int[np.ndarray, "n k"],
    lattice: Lattice,
    owner: Int[np.ndarray, " sites"],
    log_weight: Float[np.ndarray, " sites"],
) -> tuple[Float[np.ndarray, "n k 3"], Float[np.ndarray, "n k"], Int[np.ndarray, "n k"]]:
    """Positions, log weights and owners of candidate sites; -1 becomes weightless, owner -1."""
    inside = candidates >= 0
    weight = np.where(inside, log_weight[candidates], -np.inf).astype(np.float32)
    owners = np.where(inside, owner[candidates], -1).astype(np.int32)
    return lattice.positions[candidates], weight, owners


def spread_nm(lattice: Lattice) -> float:
    """Standard deviation in nm of a site's Gaussian."""
    return float(SPREAD * lattice.cell_nm.mean())
