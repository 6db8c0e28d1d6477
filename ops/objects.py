"""Where the objects of a segmentation lie: bounding boxes of ids of any size."""

import dataclasses

import numpy as np
from jaxtyping import Int64, UInt

from ops.runs import find_runs


@dataclasses.dataclass(frozen=True)
class Objects:
    """The objects in an array of labels, in the order of their ids.

    Attributes:
        ids: each once, without 0.
        starts: first voxel (z, y, x) of each bounding box.
        stops: the voxel (z, y, x) after its last.
        voxels: how many each object has.
    """

    ids: UInt[np.ndarray, " objects"]
    starts: Int64[np.ndarray, "objects 3"]
    stops: Int64[np.ndarray, "objects 3"]
    voxels: Int64[np.ndarray, " objects"]

    def box(self, number: int, margin: int = 0) -> tuple[slice, slice, slice]:
        """Bounding box of object number `number`, wider by a margin (cut at voxel 0)."""
        first = np.maximum(self.starts[number] - margin, 0)
        z, y, x = (
            slice(int(a), int(b)) for a, b in zip(first, self.stops[number] + margin, strict=True)
        )
        return z, y, x


def find_objects(labels: UInt[np.ndarray, "z y x"]) -> Objects:
    """Ids, bounding boxes and sizes of all objects; ids may have 64 bits, 0 is background.

    What `scipy.ndimage.find_objects` gives for small ids. Works on runs of equal ids along x, of
    which there are far fewer than voxels.
    """
    runs = find_runs(labels)
    kept = np.flatnonzero(runs.ids)
    order = kept[np.argsort(runs.ids[kept], kind="stable")]
    ids, first, lengths = runs.ids[order], runs.first[order], runs.lengths[order]
    begins = np.flatnonzero(np.concatenate([[True], ids[1:] != ids[:-1]])[: len(ids)])
    if not len(begins):
        none = np.zeros((0, 3), np.int64)
        return Objects(ids, none, none, lengths)
    place = np.stack(np.unravel_index(first, labels.shape), axis=1).astype(np.int64)
    last = place + 1
    last[:, 2] += lengths - 1
    return Objects(
        ids=ids[begins],
        starts=np.minimum.reduceat(place, begins),
        stops=np.maximum.reduceat(last, begins),
        voxels=np.add.reduceat(lengths, begins),
    )
