"""Heat maps of merge errors along all objects of a volume."""

import dataclasses

import numpy as np
from jaxtyping import Float32, Float64, Int64, UInt32

from data.merging.shapes import Shapes
from models.merge_scan import scan
from models.mergenet import MergeNet
from ops.shape_windows import points_along


@dataclasses.dataclass(frozen=True)
class HeatMap:
    """Probabilities of a merge error along objects, ordered by object.

    Attributes:
        objects: that each place is of, as `Shapes` numbers them.
        centres: voxels (z, y, x) of the shapes.
        probability: at each place.
    """

    objects: UInt32[np.ndarray, " n"]
    centres: Int64[np.ndarray, "n 3"]
    probability: Float32[np.ndarray, " n"]

    def likeliest(self) -> Int64[np.ndarray, " k"]:
        """The place of each object that is likeliest a merge error, in the order of objects."""
        order = np.lexsort((-self.probability, self.objects))
        first = np.unique(self.objects[order], return_index=True)[1]
        return order[first]


def heat_map(network: MergeNet, shapes: Shapes, spacing_nm: float, least_voxels: int) -> HeatMap:
    """The heat map of every object that has enough voxels to show a merge error.

    Args:
        network: with its weights, whose voxels are those of the shapes.
        shapes: of the volume.
        spacing_nm: of the places looked at.
        least_voxels: of an object.
    """
    spacing = max(1, round(spacing_nm / shapes.voxel_nm))
    centres, objects = points_along(shapes.labels, spacing, least_voxels)
    probability = scan(network, shapes.labels, objects[:, None], centres)
    return HeatMap(objects, centres, probability)


def places_nm(
    shapes: Shapes, centres: Int64[np.ndarray, "n 3"], corner_nm: Float64[np.ndarray, " 3"]
) -> Float64[np.ndarray, "n 3"]:
    """The middles of voxels, in nm, in a volume that begins at a corner."""
    return (centres + 0.5) * shapes.voxel_nm + corner_nm
