"""Growing neurites on the lattice until they fill it.

Thick trunks (dendrites) are persistent random walks in space that claim every site within
their radius; axons then walk from free site to free site, branching now and then, in waves, so
that the first get far and the last fill gaps; large leftovers become glia, small ones side
bumps of a neighbour. All tips of a wave advance together, in NumPy.
"""

import enum

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import connected_components
from scipy.spatial import KDTree

from data.synthetic.lattice import FACES, Lattice, face_edges, face_neighbours
from data.synthetic.parameters import Tissue

FREE = -1
AXON_WAVES = 8
SHORTEST_AXON = 4  # sites; shorter ones are taken back and fill gaps
SMALLEST_GLIA = 12  # sites


class Kind(enum.IntEnum):
    """What a neurite is; it decides tone, texture and who may be presynaptic."""

    DENDRITE = 0
    AXON = 1
    GLIA = 2


def grow(
    lattice: Lattice, tissue: Tissue, rng: np.random.Generator
) -> tuple[Int[np.ndarray, " sites"], Int[np.ndarray, " neurites"]]:
    """Assigns every site to a neurite.

    Returns:
        The owner of each site (0 to neurites - 1; sites of one owner are connected through cell
        faces) and the `Kind` of each neurite.
    """
    owner = _grow_trunks(lattice, tissue, rng)
    trunks = int(owner.max()) + 1
    for wave in range(AXON_WAVES):
        owner = _grow_axons(owner, lattice, tissue, rng, wave=wave)
    lengths = np.bincount(owner[owner >= 0], minlength=owner.max() + 1)
    too_short = (lengths < SHORTEST_AXON) & (np.arange(len(lengths)) >= trunks)
    owner[(owner >= 0) & too_short[owner]] = FREE
    axons = int(owner.max()) + 1
    owner = _leave_to_glia(owner, lattice)
    owner = absorb(owner, lattice, rng)
    kinds = np.full(owner.max() + 1, Kind.GLIA)
    kinds[:trunks], kinds[trunks:axons] = Kind.DENDRITE, Kind.AXON
    used, owner = np.unique(owner, return_inverse=True)
    return owner, kinds[used]


def connected_pieces(
    owner: Int[np.ndarray, " sites"], edges: Int[np.ndarray, "edges 2"]
) -> Int[np.ndarray, " sites"]:
    """Numbers the pieces of each owner that hang together through the given edges."""
    same = edges[owner[edges[:, 0]] == owner[edges[:, 1]]]
    graph = coo_array((np.ones(len(same), bool), same.T), shape=(len(owner), len(owner)))
    return connected_components(graph, directed=False)[1]


def _grow_trunks(lattice, tissue, rng) -> Int[np.ndarray, " sites"]:
    size = lattice.cell_nm * lattice.shape
    widest = max(0.75 * tissue.pitch_nm, np.median(size) / 8)
    radius = np.minimum(rng.lognormal(np.log(1.4), 0.35, size=4096) * tissue.pitch_nm, widest)
    # A trunk crosses the volume: its length is about the volume's mean extent.
    share = np.cumsum(np.pi * radius**2 * np.cbrt(size.prod())) / size.prod()
    count = int(np.searchsorted(share, -np.log1p(-min(tissue.dendrite_fraction, 0.95))))
    if count == 0:
        return np.full(len(lattice.positions), FREE)
    start = rng.uniform(0, 1, (count, 3)) * size
    heading = _unit(rng.normal(size=(count, 3)))
    radius = radius[:count]
    paths = [
        _walk(start, heading, radius, size, rng),
        _walk(start, -heading, radius, size, rng),
    ]
    twig = np.flatnonzero(rng.random(count) < 0.5)
    twig_paths = _walk(
        start[twig], _unit(rng.normal(size=(len(twig), 3))), 0.6 * radius[twig], size, rng
    )
    trunk = [np.arange(count), np.arange(count), twig]
    return _claim(lattice, [*paths, twig_paths], trunk)


def _walk(start, heading, radius, size, rng):
    """Points and radii along persistent random walks: arrays (step, walk, 3) and (step, walk)."""
    step_nm = 100.0
    points, radii, point, calibre = [], [], start, np.ones(len(start))
    for _ in range(int(1.5 * np.linalg.norm(size) / step_nm) + 1):
        points.append(point)
        radii.append(radius * calibre)
        heading = _unit(heading + 0.15 * rng.normal(size=heading.shape))
        calibre = np.clip(calibre + 0.06 * rng.normal(size=len(start)), 0.75, 1.3)
        point = point + step_nm * heading
    return np.array(points), np.array(radii)


def _claim(lattice, paths, trunk) -> Int[np.ndarray, " sites"]:
    """Gives each site to the walk whose surface it lies deepest inside, piece by piece."""
    points = np.concatenate([p.reshape(-1, 3) for p, _ in paths])
    radii = np.concatenate([r.reshape(-1) for _, r in paths])
    names = np.concatenate([np.tile(t, len(p)) for (p, _), t in zip(paths, trunk, strict=True)])
    near, index = KDTree(points).query(
        lattice.positions, k=min(8, len(points)), distance_upper_bound=radii.max()
    )
    near, index = near.reshape(len(near), -1), index.reshape(len(near), -1)
    depth = np.append(radii, 0)[index] - near
    best = np.argmax(depth, 1)
    rows = np.arange(len(best))
    owner = np.where(depth[rows, best] > 0, np.append(names, FREE)[index[rows, best]], FREE)
    return _keep_largest_pieces(owner, lattice)


def _keep_largest_pieces(owner, lattice) -> Int[np.ndarray, " sites"]:
    piece = connected_pieces(owner, face_edges(lattice.shape))
    size = np.bincount(piece)
    by_owner = np.lexsort((size[piece], owner))
    last = np.append(np.flatnonzero(np.diff(owner[by_owner])), len(owner) - 1)
    keep = np.zeros(len(size), bool)
    keep[piece[by_owner[last]]] = True
    owner = np.where(keep[piece], owner, FREE)
    _, renumbered = np.unique(owner[owner >= 0], return_inverse=True)
    owner[owner >= 0] = renumbered
    return owner


def _grow_axons(owner, lattice, tissue, rng, wave) -> Int[np.ndarray, " sites"]:
    """One wave: seeds on free sites, each growing both ways until no free site lies ahead."""
    owner = owner.copy()
    free = np.flatnonzero(owner == FREE)
    # A thin volume cuts every axon short, so it holds more of them.
    share = 0.004 * 1.4**wave * max(1.0, 12 / min(lattice.shape))
    seeds = rng.choice(free, size=int(np.ceil(min(share, 0.3) * len(free))), replace=False)
    names = owner.max() + 1 + np.arange(len(seeds))
    owner[seeds] = names
    heading = _unit(rng.normal(size=(len(seeds), 3)))
    tip, name, heading = np.tile(seeds, 2), np.tile(names, 2), np.concatenate([heading, -heading])
    while len(tip):
        target = _next_sites(owner, tip, heading, lattice, rng)
        alive = target >= 0
        tip, name, heading, target = tip[alive], name[alive], heading[alive], target[alive]
        _, first = np.unique(target, return_index=True)
        won = np.zeros(len(target), bool)
        won[first] = True
        owner[target[won]] = name[won]
        step = _unit(lattice.positions[target] - lattice.positions[tip])
        turned = _unit(0.9 * heading + 0.25 * step + 0.15 * rng.normal(size=step.shape))
        heading = np.where(won[:, None], turned, heading)
        tip = np.where(won, target, tip)
        branch = rng.random(len(tip)) < tissue.branching
        tip, name = np.append(tip, tip[branch]), np.append(name, name[branch])
        heading = np.concatenate([heading, _unit(rng.normal(size=(branch.sum(), 3)))])
    return owner


def _next_sites(owner, tip, heading, lattice, rng) -> Int[np.ndarray, " tips"]:
    """The free neighbour most nearly ahead of each tip; -1 where none lies ahead."""
    neighbours = face_neighbours(tip, lattice.shape)
    ahead = heading @ FACES.T.astype(float)
    score = ahead + 0.25 * rng.normal(size=ahead.shape)
    score[(neighbours < 0) | (owner[neighbours] != FREE) | (ahead < -0.3)] = -np.inf
    best = np.argmax(score, 1)
    rows = np.arange(len(tip))
    return np.where(np.isfinite(score[rows, best]), neighbours[rows, best], -1)


def _leave_to_glia(owner, lattice) -> Int[np.ndarray, " sites"]:
    piece = connected_pieces(owner, face_edges(lattice.shape))
    large = (np.bincount(piece) >= SMALLEST_GLIA)[piece] & (owner == FREE)
    owner = owner.copy()
    owner[large] = owner.max() + 1 + np.unique(piece[large], return_inverse=True)[1]
    return owner


def absorb(
    owner: Int[np.ndarray, " sites"], lattice: Lattice, rng: np.random.Generator
) -> Int[np.ndarray, " sites"]:
    """Hands each free site to a random neighbour's owner, from the rims inwards."""
    if (owner == FREE).all():
        return np.zeros_like(owner)
    owner = owner.copy()
    while (free := np.flatnonzero(owner == FREE)).size:
        neighbours = face_neighbours(free, lattice.shape)
        score = rng.random(neighbours.shape)
        score[(neighbours < 0) | (owner[neighbours] == FREE)] = -1
        best = np.argmax(score, 1)
        rows = np.arange(len(free))
        taken = score[rows, best] >= 0
        owner[free[taken]] = owner[neighbours[rows, best][taken]]
    return owner


def _unit(vectors: Float[np.ndarray, "n 3"]) -> Float[np.ndarray, "n 3"]:
    return vectors / np.maximum(np.linalg.norm(vectors, axis=-1, keepdims=True), 1e-9)
