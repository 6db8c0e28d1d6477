"""Surfaces of segments for the viewer, from coarse voxels."""

import functools
import math
import threading

import neuroglancer
import numpy as np
from jaxtyping import UInt

from data.volume import Volume
from experiments.reconstruction.stages.tracing import read_coarse
from experiments.viewing.space import voxels
from ops.downsampling import coarse_factors
from ops.meshes import Mesh, mesh

MOST_READ = 1 << 31  # voxels, which are all read for the first surface
MOST_KEPT = 1 << 24  # coarse voxels, in memory from then on
FINE_NM, SMOOTH_NM = 4.0, 32.0  # coarse voxels are at least about this large; surfaces follow these


class Objects(neuroglancer.LocalVolume):
    """Labels that are read as they are looked at, and surfaces of a coarse copy of them.

    neuroglancer's own surfaces need all voxels in memory.
    """

    def __init__(self, volume: Volume):
        """Of ids (z, y, x)."""
        super().__init__(volume.store, voxels(volume), "segmentation", voxel_offset=volume.offset)
        self._lock = threading.Lock()
        self._coarse = functools.cache(functools.partial(read_small, volume))

    def get_object_mesh(self, object_id: int) -> bytes:
        """The surface of an object as neuroglancer reads it: empty where it has no coarse voxel."""
        with self._lock:  # several surfaces are asked for at once; the first of them reads
            labels, size_nm = self._coarse()
        return encode(surface(labels, size_nm, object_id))


def has_surfaces(volume: Volume) -> bool:
    """Whether a volume is small enough for surfaces, for which all of it is read once."""
    return math.prod(volume.shape) <= MOST_READ


def read_small(volume: Volume) -> tuple[UInt[np.ndarray, "z y x"], tuple[float, float, float]]:
    """Ids of at most about `MOST_KEPT` coarse voxels (z, y, x), and their size in nm."""
    z, y, x = volume.shape
    target = FINE_NM
    while True:
        factors = coarse_factors(volume.voxel_size_nm, target)
        if math.prod(volume.shape) <= MOST_KEPT * math.prod(factors):
            break
        target *= 2
    a, b, c = (n * f for n, f in zip(volume.voxel_size_nm, factors, strict=True))
    return read_coarse(volume, factors, (0, 0, 0), (z, y, x)), (a, b, c)


def surface(
    labels: UInt[np.ndarray, "z y x"], size_nm: tuple[float, float, float], number: int
) -> Mesh:
    """The surface of an id, in nm from the corner of the labels."""
    mask = labels == number
    box = []
    for axis in range(3):
        others = tuple(a for a in range(3) if a != axis)
        places = np.flatnonzero(mask.any(axis=others)).tolist()
        box.append(slice(places[0], places[-1] + 1) if places else slice(0, 1))
    factors = coarse_factors(size_nm, SMOOTH_NM)
    first = [part.start // f * f for part, f in zip(box, factors, strict=True)]
    inside = mask[tuple(slice(a, part.stop) for a, part in zip(first, box, strict=True))]
    return mesh(inside, size_nm, factors=factors, offset=first)


def encode(made: Mesh) -> bytes:
    """uint32 number of vertices, float32 vertices (z, y, x) in metres, uint32 faces."""
    vertices = (made.vertices_nm * 1e-9).astype("<f4")
    count = np.array([len(vertices)], "<u4")
    return count.tobytes() + vertices.tobytes() + made.faces.astype("<u4").tobytes()
