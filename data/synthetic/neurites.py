"""The phantom's neurites: who owns each site, along which tree, and how thick they are there.

A neurite whose neck would pinch off is split there into two, so that every neurite is connected
in three dimensions at the voxel size asked for, and its skeleton lies inside it.
"""

import dataclasses
import itertools

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy import ndimage
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from data.synthetic import field
from data.synthetic.growth import FREE, Kind, absorb, connected_pieces, grow
from data.synthetic.lattice import Lattice, face_edges
from data.synthetic.parameters import PhantomParameters

ALONG_EDGE = (0.25, 0.5, 0.75)  # where an edge of the tree is checked
ABSORBING_ROUNDS = 4
SMALLEST_PIECE = 4  # sites
MOST_SWOLLEN = 2.0  # log weight


@dataclasses.dataclass(frozen=True)
class Neurites:
    """All neurites of a phantom, in lattice space.

    Attributes:
        lattice: the sites.
        owner: neurite of each site, 0 to neurites - 1 (its label is owner + 1), or -1: a site
            without room, which its neighbours fill.
        kind: `Kind` of each neurite.
        log_weight: swelling of each site.
        edges: pairs of sites; together one spanning tree per neurite.
        clearance_nm: least distance to the membrane along each edge.
    """

    lattice: Lattice
    owner: Int[np.ndarray, " sites"]
    kind: Int[np.ndarray, " neurites"]
    log_weight: Float[np.ndarray, " sites"]
    edges: Int[np.ndarray, "edges 2"]
    clearance_nm: Float[np.ndarray, " edges"]


def make_neurites(
    lattice: Lattice, parameters: PhantomParameters, rng: np.random.Generator
) -> tuple[Neurites, Int[np.ndarray, "contacts 2"]]:
    """Grows the neurites and chooses where axons may make synapses.

    Returns:
        The neurites, and pairs of neighbouring sites (axon, target) in random order where the
        axon swells into a bouton.
    """
    owner, kind = grow(lattice, parameters.tissue, rng)
    calibre = rng.normal(0, 0.35, len(kind)) - 0.2 * (kind == Kind.AXON)
    log_weight = calibre[owner] + 0.25 * rng.normal(size=len(owner))
    contacts = _choose_contacts(owner, kind, lattice, parameters, rng)
    log_weight[contacts[:, 0]] += 0.7
    log_weight = log_weight.clip(-0.7, 0.9).astype(np.float32)
    clearance_nm = parameters.clearance_nm
    return split_at_necks(lattice, owner, kind, log_weight, clearance_nm, rng), contacts


def _choose_contacts(owner, kind, lattice, parameters, rng) -> Int[np.ndarray, "contacts 2"]:
    """Random axon-target pairs, several for each synapse wanted: not every one will fit."""
    pairs = face_edges(lattice.shape)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pre, post = kind[owner[pairs]].T
    apart = owner[pairs[:, 0]] != owner[pairs[:, 1]]
    pairs = pairs[apart & (pre == Kind.AXON) & (post != Kind.GLIA)]
    volume_um3 = np.prod(parameters.shape) * np.prod(parameters.voxel_size_nm) * 1e-9
    density = parameters.tissue.synapses_per_um3
    wanted = int(np.ceil(8 * density * volume_um3 + 10 * (density > 0)))
    # Dendrites are the likelier targets.
    order = rng.random(len(pairs)) * np.where(kind[owner[pairs[:, 1]]] == Kind.AXON, 3, 1)
    return pairs[np.argsort(order)[:wanted]]


def split_at_necks(
    lattice: Lattice,
    owner: Int[np.ndarray, " sites"],
    kind: Int[np.ndarray, " neurites"],
    log_weight: Float[np.ndarray, " sites"],
    clearance_nm: float,
    rng: np.random.Generator,
) -> Neurites:
    """Splits neurites at edges narrower than the clearance until none is left.

    A split brings a new membrane, which may narrow other edges, so the check repeats. In the
    first rounds small pieces go to a neighbour; after that owners only get finer, and lone
    sites swell until they have room or, if that is of no avail, are given up to their
    neighbours. So it ends.
    """
    log_weight = log_weight.copy()
    edges = face_edges(lattice.shape)
    clearance = np.full(len(edges), -1.0)
    changed = np.ones(len(owner), bool)
    for step in itertools.count():
        stale = _near(changed, lattice)[edges].any(1)
        clearance[stale] = _edge_clearance(edges[stale], lattice, owner, log_weight)
        wide = clearance > clearance_nm
        piece = _renumbered(np.where(owner < 0, FREE, connected_pieces(owner, edges[wide])))
        size = np.bincount(piece[piece >= 0])
        lone = np.flatnonzero((piece >= 0) & (size[piece] == 1))
        lone = lone[_site_clearance(lone, lattice, owner, log_weight) < clearance_nm]
        if piece.max() == owner.max() and not len(lone):
            break
        before, weight_before = owner, log_weight.copy()
        kind, owner = _kinds_of(piece, kind, owner), piece
        if step < ABSORBING_ROUNDS and (size < SMALLEST_PIECE).any():
            small = (owner >= 0) & (size[owner] < SMALLEST_PIECE)
            owner = absorb(np.where(small, FREE, owner), lattice, rng)
        else:
            log_weight[lone] += 0.3
            owner = np.where(log_weight > MOST_SWOLLEN, FREE, owner)
            log_weight[owner < 0] = -np.inf
        kind, owner = kind[np.unique(owner[owner >= 0])], _renumbered(owner)
        changed = _regrouped(before, owner) | (log_weight != weight_before)
    edges, clearance = _spanning_trees(edges[wide], clearance[wide], len(owner))
    return Neurites(lattice, owner, kind, log_weight, edges, clearance)


def _renumbered(owner) -> Int[np.ndarray, " sites"]:
    """The same owners, numbered from 0 without gaps; FREE stays."""
    used = np.unique(owner[owner >= 0])
    return np.where(owner < 0, FREE, np.searchsorted(used, owner))


def _kinds_of(piece, kind, owner) -> Int[np.ndarray, " pieces"]:
    """The kind of each piece: that of the owner it was a part of."""
    taken = np.flatnonzero(piece >= 0)
    _, first = np.unique(piece[taken], return_index=True)
    return kind[owner[taken[first]]]


def _near(changed, lattice) -> Bool[np.ndarray, " sites"]:
    """Sites whose field a change of others can reach: up to two cells away."""
    return ndimage.maximum_filter(changed.reshape(lattice.shape), size=5).ravel()


def _regrouped(before, after) -> Bool[np.ndarray, " sites"]:
    """Sites of owners that are not the same set of sites as before."""
    pairs = np.unique(np.stack([before, after], -1), axis=0) + 1  # FREE is -1
    split = np.bincount(pairs[:, 0]) > 1
    joined = np.bincount(pairs[:, 1]) > 1
    return split[before + 1] | joined[after + 1]


def _edge_clearance(edges, lattice, owner, log_weight) -> Float[np.ndarray, " edges"]:
    """Least distance (nm) to the membrane along each edge; negative between two neurites."""
    clearance = np.full(len(edges), -1.0)
    inside = (owner[edges[:, 0]] == owner[edges[:, 1]]) & (owner[edges[:, 0]] >= 0)
    edges = edges[inside]
    start, stop = lattice.positions[edges[:, 0]], lattice.positions[edges[:, 1]]
    places = [(1 - t) * start + t * stop for t in (0.0, *ALONG_EDGE, 1.0)]
    mine = owner[edges[:, 0]]
    along = [_clearance(p, mine, lattice, owner, log_weight) for p in places]
    clearance[inside] = np.min(along, axis=0)
    return clearance


def _site_clearance(sites, lattice, owner, log_weight) -> Float[np.ndarray, " n"]:
    return _clearance(lattice.positions[sites], owner[sites], lattice, owner, log_weight)


def _clearance(points, mine, lattice, owner, log_weight) -> Float[np.ndarray, " n"]:
    at, _, distance, _ = field.at_points(points, lattice, owner, log_weight)
    return np.where(at == mine, distance, -1.0)


def _spanning_trees(edges, clearance, sites):
    """One tree per neurite that keeps to the widest edges."""
    cost = 1.0 + 1e4 / np.minimum(clearance, 1e3) ** 2
    graph = coo_array((cost, edges.T), shape=(sites, sites)).tocsr()
    tree = minimum_spanning_tree(graph).tocoo()
    lookup = {tuple(edge): index for index, edge in enumerate(np.sort(edges, 1).tolist())}
    pairs = np.sort(np.stack([tree.row, tree.col], -1), 1)
    kept = np.array([lookup[tuple(pair)] for pair in pairs.tolist()], int)
    return pairs, clearance[kept] if len(kept) else np.zeros(0)
