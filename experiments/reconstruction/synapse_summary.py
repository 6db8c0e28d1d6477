"""The figures that describe the synapses of a run."""

import numpy as np

from experiments.reconstruction.wiring import edges_of
from ops.synapses.table import Synapses


def summarise(table: Synapses, volume_um3: float, neurites: int) -> dict[str, float | int | None]:
    """Numbers of synapses, how dense they are, and the size of the graph.

    Args:
        table: of the run.
        volume_um3: of the stack.
        neurites: segments of more than 1000 voxels.
    """
    count = len(np.unique(table.id))
    edges = edges_of(table)
    known = table.polarity_confidence[table.directed]
    return {
        "synapses": count,
        "synapses_at_edge": len(np.unique(table.id[table.at_edge])),
        "synapses_per_um3": count / volume_um3,
        "synapses_per_neurite": count / neurites if neurites else None,
        "directed_connections": int(table.directed.sum()),
        "edges": len(edges.pre),
        "neurites_connected": len(np.unique(np.concatenate([edges.pre, edges.post]))),
        "median_size_voxels": float(np.median(table.size_voxels)) if count else None,
        "mean_polarity_confidence": float(known.mean()) if len(known) else None,
    }
