"""Painting synaptic vesicles into a tile: dark rings, round in space, cut by the section."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float, Int, UInt8, UInt32

from data.synthetic.organelles import VESICLE_NM

RIM_NM = 4.5
REACH_NM = VESICLE_NM + 2 * RIM_NM


@dataclasses.dataclass(frozen=True)
class PlacedVesicles:
    """Vesicles in tissue space (nm), sorted by z, with the label of the neurite that holds each."""

    centre: Float[np.ndarray, "n 3"]
    neurite: UInt32[np.ndarray, " n"]


def paint_vesicles(
    intensity: Float[np.ndarray, "z y x"],
    neurites: UInt32[np.ndarray, "z y x"],
    placed: PlacedVesicles,
    origin: Int[np.ndarray, " 3"],
    voxel_nm: Float[np.ndarray, " 3"],
    shift_nm: Float[np.ndarray, "z 2"],
    blur_nm: Float[np.ndarray, " z"],
) -> UInt8[np.ndarray, "z y x"]:
    """Paints a tile's vesicles into its image, in place, and returns their mask (0 or 1).

    `origin` is the tile's first voxel; `shift_nm` and `blur_nm` are those of its sections.
    A vesicle never leaves its neurite.
    """
    mask = np.zeros(intensity.shape, np.uint8)
    centre, neurite = _near(placed, origin, intensity.shape, voxel_nm)
    voxel, inside = _voxels_around(centre, origin, intensity.shape, voxel_nm, shift_nm)
    z, y, x = voxel[inside].T
    keep = neurites[z, y, x] == np.broadcast_to(neurite[:, None], inside.shape)[inside]
    which = np.nonzero(inside)[0][keep]
    z, y, x = z[keep], y[keep], x[keep]
    place = (np.stack([z, y, x], -1) + origin + 0.5) * voxel_nm
    place[:, 1:] += shift_nm[z]
    offset = place - centre[which]
    within = np.linalg.norm(offset, axis=1) <= VESICLE_NM
    mask[z[within], y[within], x[within]] = 1
    darkness = np.zeros_like(intensity)
    np.maximum.at(darkness, (z, y, x), _ring(offset, voxel_nm[0], blur_nm[z]))
    intensity -= darkness
    return mask


def _near(placed, origin, shape, voxel_nm):
    low = origin * voxel_nm - 2 * REACH_NM
    high = (origin + shape) * voxel_nm + 2 * REACH_NM
    first, last = np.searchsorted(placed.centre[:, 0], [low[0], high[0]])
    centre = placed.centre[first:last]
    near = ((centre > low) & (centre < high)).all(1)
    return centre[near], placed.neurite[first:last][near]


def _voxels_around(
    centre, origin, shape, voxel_nm, shift_nm
) -> tuple[Int[np.ndarray, "n p 3"], Bool[np.ndarray, "n p"]]:
    """Tile indices of the voxels that each vesicle may touch, and which of them are inside."""
    reach = np.ceil(REACH_NM / voxel_nm).astype(int)
    planes = np.floor(centre[:, :1] / voxel_nm[0]).astype(int) - origin[0]
    planes = planes + np.arange(-reach[0], reach[0] + 1)
    # Each section shows the vesicle where its own shift puts it.
    shift = shift_nm[planes.clip(0, shape[0] - 1)]
    middle = np.floor((centre[:, None, 1:] - shift) / voxel_nm[1:]).astype(int) - origin[1:]
    y, x = (np.arange(-r, r + 1) for r in reach[1:])
    patch = np.stack(np.meshgrid(y, x, indexing="ij"), -1).reshape(-1, 2)
    place = middle[:, :, None] + patch
    z = np.broadcast_to(planes[..., None, None], (*place.shape[:3], 1))
    count = planes.shape[1] * len(patch)
    voxel = np.concatenate([z, place], -1).reshape(len(centre), count, 3)
    inside = ((voxel >= 0) & (voxel < shape)).all(-1)
    return voxel, np.asarray(inside)


def _ring(offset, thickness, blur) -> Float[np.ndarray, " n"]:
    """Darkness of a ring seen through a section: the mean over three planes of it."""
    width = RIM_NM**2 + blur**2
    total = np.zeros(len(offset))
    for plane in (-1 / 3, 0.0, 1 / 3):
        away = np.linalg.norm(offset + np.array([plane * thickness, 0, 0]), axis=1)
        total += np.exp(-0.5 * (away - VESICLE_NM + RIM_NM) ** 2 / width) * (away < REACH_NM)
    return 0.32 * RIM_NM / np.sqrt(width) * total / 3
