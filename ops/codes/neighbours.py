"""Words that differ most where objects touch.

Where two objects meet, a network mistakes one for the other most easily: the more digits of their
words differ, the more of them have to be misread for that.
"""

from itertools import cycle, islice

import numpy as np
from jaxtyping import Float64, Int, Int64, UInt8
from scipy import sparse

from ops.codes.codebook import LONGEST, Codebook, check_room, random_code

# Chance, as it were, to mistake words for one another that differ in so many digits.
CONFUSION = 0.1 ** np.arange(LONGEST + 1)
POOL = 4096  # words to choose from, or twice as many as objects
TRIES = 256  # to give an object a better word


def neighbour_aware_code(
    objects: int, edges: Int[np.ndarray, "edges 2"], letters: int, length: int, seed: int
) -> Codebook:
    """Words of which those of adjacent objects differ in many digits.

    The sum over edges of 0.1 ** (digits that differ) is made small. Greedily: objects with many
    neighbours choose first, each the best word left for those that have chosen. Then the objects
    that are worst off each take another word, or exchange theirs with another object, where that
    lowers the sum. What is found is good, not the best possible.

    Args:
        objects: how many there are.
        edges: pairs of different objects that touch.
        letters: 2 to 255.
        length: digits of a word, 1 to 24.
        seed: of the words to choose from (4096, or twice as many as objects, or all there are).

    Raises:
        ValueError: more objects than words, edges of what is no object or of one object with
            itself, or letters or a length that a codebook refuses.
    """
    check_room(objects, letters, length)
    _check_edges(edges, objects)
    choice = min(letters**length, max(POOL, 2 * objects))
    words = random_code(choice, letters, length, seed).digits
    graph = _graph(edges, objects)
    owned = _chosen(words, graph)
    _better(words, owned, graph)
    return Codebook(words[owned], letters)


def edge_distances(
    codebook: Codebook, edges: Int[np.ndarray, "edges 2"]
) -> Int64[np.ndarray, " edges"]:
    """In how many digits the words of each edge's two objects differ."""
    _check_edges(edges, len(codebook.digits))
    first, second = codebook.digits[edges[:, 0]], codebook.digits[edges[:, 1]]
    return np.count_nonzero(first != second, axis=1)


def _check_edges(edges, objects) -> None:
    if len(edges) and (edges.min() < 0 or edges.max() >= objects):
        raise ValueError(
            f"got edges of objects {edges.min()} to {edges.max()}; needs 0 to {objects - 1}"
        )
    if (edges[:, 0] == edges[:, 1]).any():
        raise ValueError("got an edge of an object with itself; needs two objects: leave it out")


def _graph(edges, objects) -> sparse.csr_array:
    """Row i holds the neighbours of object i."""
    ends = np.concatenate([edges, edges[:, ::-1]])
    ends = np.unique(ends, axis=0)
    ones = np.ones(len(ends))
    return sparse.csr_array((ones, (ends[:, 0], ends[:, 1])), shape=(objects, objects))


def _confusion(
    words: UInt8[np.ndarray, "words length"], others: UInt8[np.ndarray, "others length"]
) -> Float64[np.ndarray, "others words"]:
    """Chance to mistake each of the others for each of the words."""
    differ = np.zeros((len(others), len(words)), np.uint8)
    for digit, other in zip(words.T, others.T, strict=True):
        differ += digit != other[:, None]
    return CONFUSION[differ]


def _neighbours(graph: sparse.csr_array, number: int) -> Int[np.ndarray, " neighbours"]:
    return graph.indices[graph.indptr[number] : graph.indptr[number + 1]]


def _chosen(
    words: UInt8[np.ndarray, "words length"], graph: sparse.csr_array
) -> Int64[np.ndarray, " objects"]:
    """A word for each object: the best one left, for the neighbours that already have theirs."""
    owned = np.full(graph.shape[0], -1)
    taken = np.zeros(len(words))
    for number in np.argsort(-np.diff(graph.indptr), kind="stable").tolist():
        around = owned[_neighbours(graph, number)]
        cost = _confusion(words, words[around[around >= 0]]).sum(axis=0) + taken
        owned[number] = cost.argmin()
        taken[owned[number]] = np.inf
    return owned


def _better(words, owned: Int64[np.ndarray, " objects"], graph: sparse.csr_array) -> None:
    """Changes `owned` where the worst placed objects gain by another's word, or a free one."""
    costs, idle = _costs(words[owned], graph), 0
    worst_first = np.argsort(-costs, kind="stable").tolist()
    for number in islice(cycle(worst_first), TRIES):
        change = _changes(words, owned, graph, number)
        best = change.argmin()
        if change[best] < -1e-9 * costs[number]:
            owned[owned == best] = owned[number]
            owned[number] = best
            idle = 0
        elif (idle := idle + 1) == len(owned):
            return


def _costs(digits: UInt8[np.ndarray, "objects length"], graph) -> Float64[np.ndarray, " objects"]:
    """What each object has in common with its neighbours."""
    rows = np.repeat(np.arange(graph.shape[0]), np.diff(graph.indptr))
    differ = np.count_nonzero(digits[rows] != digits[graph.indices], axis=1)
    return np.bincount(rows, CONFUSION[differ], graph.shape[0]).astype(np.float64)


def _changes(words, owned, graph, number) -> Float64[np.ndarray, " words"]:
    """How the sum over edges changes if an object takes each word, and its owner takes its own."""
    digits, around = words[owned], _neighbours(graph, number)
    costs = _costs(digits, graph)
    change = _confusion(words, digits[around]).sum(axis=0) - costs[number]
    change[owned] += graph @ _confusion(digits, digits[number : number + 1])[0] - costs
    # Neighbours could exchange words only with each other's help: they are left out.
    change[owned[around]] = change[owned[number]] = 0
    return change
