"""The phantom's neurites: who owns each site, along which tree, and how thick they are there.

A neurite whose neck would pinch off is split there into two, so that every neurite is connected
in three dimensions at the voxel size asked for, and its skeleton lies inside it.
"""

import dataclasses

import numpy as np
from jaxtyping import Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree

from data.synthetic import field
from data.synthetic.growth import Kind, connected_pieces, grow
from data.synthetic.lattice import Lattice, face_edges
from data.synthetic.parameters import PhantomParameters

ALONG_EDGE = (0.25, 0.5, 0.75)  # where an edge of the tree is checked


@dataclasses.dataclass(frozen=True)
class Neurites:
    """All neurites of a phantom, in lattice space.

    Attributes:
        lattice: the sites.
        owner: neurite of each site, 0 to neurites - 1 (its label is owner + 1).
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
    return split_at_necks(lattice, owner, kind, log_weight, needed_clearance(parameters)), contacts


def needed_clearance(parameters: PhantomParameters) -> float:
    """Least radius in nm of a neck that stays connected once cut into voxels and sections."""
    half_voxel = 0.5 * float(np.linalg.norm(parameters.voxel_size_nm))
    imaging, tissue = parameters.imaging, parameters.tissue
    return half_voxel + 4 + 2 * imaging.misalignment_nm + tissue.extracellular_nm / 2


def _choose_contacts(owner, kind, lattice, parameters, rng) -> Int[np.ndarray, "contacts 2"]:
    """Random axon-target pairs, five for each synapse wanted: not every one will fit."""
    pairs = face_edges(lattice.shape)
    pairs = np.concatenate([pairs, pairs[:, ::-1]])
    pre, post = kind[owner[pairs]].T
    apart = owner[pairs[:, 0]] != owner[pairs[:, 1]]
    pairs = pairs[apart & (pre == Kind.AXON) & (post != Kind.GLIA)]
    volume_um3 = np.prod(parameters.shape) * np.prod(parameters.voxel_size_nm) * 1e-9
    wanted = int(np.ceil(5 * parameters.tissue.synapses_per_um3 * volume_um3))
    # Dendrites are the likelier targets.
    order = rng.random(len(pairs)) * np.where(kind[owner[pairs[:, 1]]] == Kind.AXON, 3, 1)
    return pairs[np.argsort(order)[:wanted]]


def split_at_necks(
    lattice: Lattice,
    owner: Int[np.ndarray, " sites"],
    kind: Int[np.ndarray, " neurites"],
    log_weight: Float[np.ndarray, " sites"],
    clearance_nm: float,
) -> Neurites:
    """Splits neurites at edges narrower than the clearance until none is left.

    A split brings a new membrane, which may narrow other edges, so the check repeats; owners
    only ever get finer, so it ends.
    """
    every_edge = face_edges(lattice.shape)
    while True:
        edges = every_edge[owner[every_edge[:, 0]] == owner[every_edge[:, 1]]]
        clearance = _edge_clearance(edges, lattice, owner, log_weight)
        wide = clearance > clearance_nm
        piece = connected_pieces(owner, edges[wide])
        if piece.max() == owner.max():
            break
        representative = np.unique(piece, return_index=True)[1]
        kind, owner = kind[owner[representative]], piece
    edges, clearance = _spanning_trees(edges[wide], clearance[wide], len(owner))
    return Neurites(lattice, owner, kind, log_weight, edges, clearance)


def _edge_clearance(edges, lattice, owner, log_weight) -> Float[np.ndarray, " edges"]:
    """Least distance (nm) to the membrane along each edge; negative where another owns it."""
    start, stop = lattice.positions[edges[:, 0]], lattice.positions[edges[:, 1]]
    least = np.full(len(edges), np.inf)
    for t in (0.0, *ALONG_EDGE, 1.0):
        at, _, distance, _ = field.at_points((1 - t) * start + t * stop, lattice, owner, log_weight)
        least = np.minimum(least, np.where(at == owner[edges[:, 0]], distance, -1.0))
    return least


def _spanning_trees(edges, clearance, sites):
    """One tree per neurite that keeps to the widest edges."""
    cost = 1.0 + 1e4 / np.minimum(clearance, 1e3) ** 2
    graph = coo_array((cost, edges.T), shape=(sites, sites)).tocsr()
    tree = minimum_spanning_tree(graph).tocoo()
    lookup = {tuple(edge): index for index, edge in enumerate(np.sort(edges, 1).tolist())}
    pairs = np.sort(np.stack([tree.row, tree.col], -1), 1)
    kept = np.array([lookup[tuple(pair)] for pair in pairs.tolist()], int)
    return pairs, clearance[kept] if len(kept) else np.zeros(0)
