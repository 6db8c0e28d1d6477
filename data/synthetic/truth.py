"""The phantom's truth that is not voxels: synapses, neurites and their skeletons."""

import numpy as np
from jaxtyping import Bool, Float, Int
from scipy.sparse import coo_array
from scipy.sparse.csgraph import breadth_first_order

from data.skeletons import Skeleton
from data.synthetic import field
from data.synthetic.growth import Kind
from data.synthetic.neurites import ALONG_EDGE, Neurites
from data.synthetic.organelles import Synapses

TWIG_SITES = {Kind.DENDRITE: 2, Kind.AXON: 1, Kind.GLIA: 1}
PARTNER_NM = (60.0, 45.0, 30.0, 20.0, 10.0)  # depths tried for a point inside a partner

SYNAPSE_COLUMNS = [
    ("id", np.int64),
    ("pre", np.int64),
    ("post", np.int64),
    *((f"{place}{axis}_nm", np.float64) for place in ("", "pre_", "post_") for axis in "zyx"),
    ("area_nm2", np.float64),
]
NEURITE_COLUMNS = [
    ("id", np.int64),
    ("kind", "U8"),
    ("length_nm", np.float64),
    ("synapses_out", np.int64),
    ("synapses_in", np.int64),
]


def partner_points(
    neurites: Neurites, synapses: Synapses
) -> tuple[Float[np.ndarray, "n 3"], Float[np.ndarray, "n 3"]]:
    """A point (lattice space, nm) in the pre- and the postsynaptic neurite of each synapse."""
    return (
        _point_in(synapses.pre, synapses.centre, synapses.normal, neurites),
        _point_in(synapses.post, synapses.centre, -synapses.normal, neurites),
    )


def _point_in(partner, centre, inward, neurites):
    """The deepest of a few points along the normal that still lies in the partner."""
    point = centre.copy()
    for depth in reversed(PARTNER_NM):
        tried = centre + depth * inward
        owner, *_ = field.at_points(tried, neurites.lattice, neurites.owner, neurites.log_weight)
        point = np.where((owner == partner)[:, None], tried, point)
    return point


def synapse_table(synapses: Synapses, centre, pre, post) -> np.ndarray:
    """One row per synapse; the points (n, 3) are in volume space, nm."""
    table = np.zeros(len(synapses.pre), SYNAPSE_COLUMNS)
    table["id"] = np.arange(1, len(table) + 1)
    table["pre"], table["post"] = synapses.pre + 1, synapses.post + 1
    for place, points in (("", centre), ("pre_", pre), ("post_", post)):
        for axis, column in zip("zyx", points.T, strict=True):
            table[f"{place}{axis}_nm"] = column
    table["area_nm2"] = np.pi * synapses.radius**2
    return table


def neurite_table(neurites: Neurites, synapses: Synapses, skeletons: dict[int, Skeleton]):
    """One row per neurite: label, kind, skeleton length and numbers of synapses."""
    count = len(neurites.kind)
    table = np.zeros(count, NEURITE_COLUMNS)
    table["id"] = np.arange(1, count + 1)
    table["kind"] = [Kind(k).name.lower() for k in neurites.kind]
    table["length_nm"] = [skeletons[i].length_nm() for i in table["id"].tolist()]
    table["synapses_out"] = np.bincount(synapses.pre, minlength=count)
    table["synapses_in"] = np.bincount(synapses.post, minlength=count)
    return table


def skeleton_nodes(
    neurites: Neurites,
) -> tuple[Float[np.ndarray, "n 3"], Int[np.ndarray, " n"], Int[np.ndarray, " n"]]:
    """Nodes (lattice space, nm) of all skeletons, the row of each one's parent, and its owner.

    The trees without their twigs, with nodes along each edge as well as at its sites. A root's
    parent is -1.
    """
    kept = _without_twigs(neurites)
    edges = neurites.edges[kept[neurites.edges].all(1)]
    site_parent = _parents(edges, neurites.owner, kept)
    sites = np.flatnonzero(kept)
    row = np.full(len(kept), -1)
    row[sites] = np.arange(len(sites))
    child = sites[site_parent[sites] >= 0]
    positions = neurites.lattice.positions
    # From the parent towards the child, so that each node follows the one before.
    between = [(1 - t) * positions[site_parent[child]] + t * positions[child] for t in ALONG_EDGE]
    first = len(sites) + np.arange(len(child))
    chain = [row[site_parent[child]], first, first + len(child)]
    parent = np.full(len(sites), -1)
    parent[row[child]] = first + 2 * len(child)
    return (
        np.concatenate([positions[sites], *between]).astype(np.float64),
        np.concatenate([parent, *chain]),
        np.concatenate([neurites.owner[sites], *[neurites.owner[child]] * 3]),
    )


def _without_twigs(neurites: Neurites) -> Bool[np.ndarray, " sites"]:
    """Sites of the trees less branches shorter than the neurite is thick.

    Ends are worn off site by site, then the ends that are left grow back, one site a round.
    """
    edges, owner = neurites.edges, neurites.owner
    rounds = np.array([TWIG_SITES[kind] for kind in Kind])[neurites.kind][owner]
    alive = owner >= 0
    most = max(TWIG_SITES.values())
    for step in range(most):
        alive &= ~((_degree(edges, alive) <= 1) & (step < rounds))
    for step in range(most):
        ends = alive & (_degree(edges, alive) <= 1) & (step < rounds)
        for side in (0, 1):
            here, there = edges[:, side], edges[:, 1 - side]
            grows = ends[here] & ~alive[there]
            _, one_each = np.unique(here[grows], return_index=True)
            alive[there[grows][one_each]] = True
            ends[here[grows]] = False
    # A neurite worn away altogether is all twig: keep it whole.
    left = np.bincount(owner[alive], minlength=len(neurites.kind))
    return alive | ((owner >= 0) & (left[owner] == 0))


def _degree(edges, alive) -> Int[np.ndarray, " sites"]:
    between = edges[alive[edges].all(1)]
    return np.bincount(between.ravel(), minlength=len(alive))


def _parents(edges, owner, kept) -> Int[np.ndarray, " sites"]:
    """Parent of each kept site in its tree, by one search from a common root; -1 at the roots."""
    count = len(owner)
    sites = np.flatnonzero(kept)
    roots = sites[np.unique(owner[sites], return_index=True)[1]]
    ends = np.concatenate([edges, np.stack([np.full(len(roots), count), roots], -1)])
    graph = coo_array((np.ones(len(ends)), ends.T), shape=(count + 1, count + 1))
    _, parent = breadth_first_order(graph.tocsr(), count, directed=False)
    return np.where((parent[:count] < 0) | (parent[:count] == count), -1, parent[:count])


def split_by_owner(positions, parent, radius, owner) -> dict[int, Skeleton]:
    """One skeleton per neurite label from the nodes of all."""
    order = np.argsort(owner, kind="stable")
    first = np.searchsorted(owner[order], np.arange(owner.max() + 2))
    rank = np.empty(len(owner), int)
    rank[order] = np.arange(len(owner))
    skeletons = {}
    for number in range(owner.max() + 1):
        rows = order[first[number] : first[number + 1]]
        parents = np.where(parent[rows] < 0, -1, rank[parent[rows]] - first[number])
        skeletons[number + 1] = Skeleton(positions[rows], parents, radius[rows])
    return skeletons
