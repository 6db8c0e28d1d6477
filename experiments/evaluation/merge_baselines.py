"""What a MergeNet must be better than: rules of thumb on size, thickness and skeletons."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Bool, Float32, Float64, Int64, UInt32

from ops.segmentation.distance import boundary_distance
from ops.shape_windows import depths
from ops.skeletons.crossings import crossing, fine_skeletons


def crossings(
    labels: UInt32[np.ndarray, "z y x"], ids: Sequence[int], voxel_nm: float
) -> Float64[np.ndarray, " n"]:
    """How many branches cross in each object of a volume (`ops.skeletons.crossings`)."""
    found = fine_skeletons(labels, voxel_nm)
    return np.array([crossing(found[i])[0] if i in found else 0 for i in ids], np.float64)


def window_baselines(
    windows: Bool[np.ndarray, "n z y x"],
    features: Float32[np.ndarray, "n 3"],
    voxel_nm: float,
) -> dict[str, Float64[np.ndarray, " n"]]:
    """Scores of windows by rules of thumb, greater where a merge is likelier.

    * object_size: voxels of the whole object;
    * foreground: voxels of it in the window;
    * depth: of the centre below the surface, which is what can be seen of the area of contact;
    * neck: how much thicker the object is elsewhere in the window;
    * skeleton: branches that cross in the window.

    Args:
        windows: of objects.
        features: of the examples, see `data.merging.examples.Examples`.
        voxel_nm: edge of a voxel.
    """
    deep = depths(windows)
    thickest = [boundary_distance(w, (1.0, 1.0, 1.0), in_plane=False) for w in windows]
    necks = [np.where(np.isfinite(t), t, 0).max() - d for t, d in zip(thickest, deep, strict=True)]
    skeletons = [crossings(w.astype(np.uint32), [1], voxel_nm)[0] for w in windows]
    named = {
        "object_size": features[:, 2],
        "foreground": features[:, 0],
        "depth": deep,
        "neck": necks,
        "skeleton": skeletons,
    }
    return {name: np.asarray(values, np.float64) for name, values in named.items()}


def thickest_of(
    labels: UInt32[np.ndarray, "z y x"],
    inside: Bool[np.ndarray, "z y x"],
    ids: Int64[np.ndarray, " n"],
) -> Float64[np.ndarray, " n"]:
    """Greatest distance to its surface of each object, in voxels.

    Args:
        labels: of the objects.
        inside: voxels that are not at a surface (`ops.shape_windows.inner`).
        ids: of the objects wanted.
    """
    deep = boundary_distance(inside, (1.0, 1.0, 1.0), in_plane=False)
    most = np.zeros(int(labels.max()) + 1)
    np.maximum.at(most, labels.ravel(), np.where(np.isfinite(deep), deep, 0).ravel())
    return most[ids]
