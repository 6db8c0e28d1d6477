"""Edges without direction, made into trees."""

import numpy as np
from jaxtyping import Int64
from scipy.sparse import coo_array, csgraph, csr_array


def root(
    nodes: int, edges: Int64[np.ndarray, "edges 2"]
) -> tuple[Int64[np.ndarray, " nodes"], Int64[np.ndarray, " nodes"]]:
    """Roots every connected part at its first node.

    Where edges close a loop, one of them is left out: the last that is met going breadth first.

    Args:
        nodes: how many there are.
        edges: numbers of both nodes of each edge, in [0, nodes).

    Returns:
        The parent of each node, -1 at a root, and the nodes in an order that puts parents first.
    """
    _, part = csgraph.connected_components(_graph(edges, nodes), directed=False)
    roots = np.unique(part, return_index=True)[1]
    # One node more, joined to every root, reaches all parts in one walk.
    above = np.stack([np.full(len(roots), nodes), roots], axis=1)
    whole = _graph(np.concatenate([above, edges]), nodes + 1)
    order, before = csgraph.breadth_first_order(whole, nodes, directed=False)
    parents = before[:nodes].astype(np.int64)
    parents[parents == nodes] = -1
    return parents, order[1:].astype(np.int64)


def _graph(edges: Int64[np.ndarray, "edges 2"], nodes: int) -> csr_array:
    weights = np.ones(len(edges), np.int8)
    return coo_array((weights, tuple(edges.T)), shape=(nodes, nodes)).tocsr()
