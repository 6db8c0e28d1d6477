"""Vesicles by correlation with a template, as VESICLE-RF finds them.

Source: Roncal et al. 2015 (arXiv:1403.3724) and github.com/neurodata/vesicle,
packages/vesicledetector: normalised cross-correlation of each section with the mean of some
patches of 11 x 11 pixels around vesicles, its Laplacian of Gaussian, a threshold, and clusters
alone. Patches were picked by hand; here they lie around labelled vesicles. Where none are
labelled, which was not provided for, the template is drawn: a dark ring.
"""

import numpy as np
from jaxtyping import Bool, Float32, Shaped, UInt8
from scipy import ndimage
from scipy.spatial import KDTree
from skimage.feature import match_template

from ops.metrics.synapse_objects import CONNECTED_4

RADIUS = 5  # pixels: a patch has 11 x 11
SHARPNESS = 0.5  # sigma of the Laplacian of Gaussian, pixels
THRESHOLD = 1.25  # of its answer
NEIGHBOURS, WITHIN_NM = 3, 120.0  # a hit with fewer others so near is none
GROWTH = 4  # pixels, to every side in the plane
PATCHES = 2000  # at most
RING_NM, RING_WIDTH_NM = 17.0, 8.0  # radius and thickness of the membrane of a drawn vesicle

Template = Float32[np.ndarray, "11 11"]


def template_of(
    image: UInt8[np.ndarray, "z y x"], vesicles: Shaped[np.ndarray, "z y x"]
) -> Template:
    """The mean patch around labelled vesicles (not 0), of those that lie inside of the image.

    Raises:
        ValueError: no such vesicle.
    """
    labels, count = ndimage.label(vesicles != 0, CONNECTED_4)
    middles = np.array(ndimage.center_of_mass(vesicles != 0, labels, range(1, count + 1)))
    places = np.rint(middles).astype(int).reshape(-1, 3)
    inside = (places[:, 1:] >= RADIUS) & (places[:, 1:] < np.array(image.shape[1:]) - RADIUS)
    places = places[inside.all(axis=1)]
    if not len(places):
        raise ValueError("got no labelled vesicle; needs one at least, 5 pixels inside the image")
    places = places[:: -(-len(places) // PATCHES)]
    reach = range(-RADIUS, RADIUS + 1)
    z, y, x = places.T[:, :, None, None]
    patches = image[z, y + np.reshape(reach, (-1, 1)), x + np.reshape(reach, (1, -1))]
    return patches.mean(axis=0, dtype=np.float32)


def drawn_template(pixel_nm: float) -> Template:
    """A dark ring on grey, as the membrane of a vesicle is seen, for pixels of this size in nm."""
    y, x = np.mgrid[-RADIUS : RADIUS + 1, -RADIUS : RADIUS + 1] * pixel_nm
    away = (np.hypot(y, x) - RING_NM) / RING_WIDTH_NM
    return (-np.exp(-(away**2))).astype(np.float32)


def find_vesicles(
    image: UInt8[np.ndarray, "z y x"],
    template: Template,
    voxel_size_nm: tuple[float, float, float],
) -> Bool[np.ndarray, "z y x"]:
    """Where vesicles are: clustered hits, each widened to a disk.

    Args:
        image: grey values.
        template: grey values of a vesicle; its contrast and brightness do not matter.
        voxel_size_nm: (z, y, x).
    """
    kernel = laplacian_of_gaussian(2 * RADIUS + 1, SHARPNESS)
    hits = np.empty(image.shape, bool)
    for z, section in enumerate(image):
        answer = match_template(section.astype(np.float32), template, pad_input=True)
        hits[z] = ndimage.correlate(1 - answer, kernel, mode="nearest") > THRESHOLD
    return ndimage.binary_dilation(clustered(hits, voxel_size_nm), disk(GROWTH))


def clustered(
    hits: Bool[np.ndarray, "z y x"], voxel_size_nm: tuple[float, float, float]
) -> Bool[np.ndarray, "z y x"]:
    """The 26-connected hits with at least three others whose middle is within 120 nm of theirs."""
    labels, count = ndimage.label(hits, np.ones((3, 3, 3)))
    if not count:
        return hits
    middles = np.array(ndimage.center_of_mass(hits, labels, range(1, count + 1))) * voxel_size_nm
    tree = KDTree(middles)
    others = tree.query_ball_point(middles, WITHIN_NM, return_length=True) - 1
    return np.append(False, others >= NEIGHBOURS)[labels]


def laplacian_of_gaussian(size: int, sigma: float) -> Float32[np.ndarray, "size size"]:
    """A kernel whose sum is 0: (r^2 - 2 sigma^2) / sigma^4 times a Gaussian whose sum is 1."""
    y, x = np.mgrid[:size, :size] - size // 2
    squared = y**2 + x**2
    gaussian = np.exp(-squared / (2 * sigma**2))
    kernel = (squared - 2 * sigma**2) / sigma**4 * gaussian / gaussian.sum()
    return (kernel - kernel.mean()).astype(np.float32)


def disk(radius: int) -> Bool[np.ndarray, "1 d d"]:
    """A disk in the plane of the section."""
    y, x = np.mgrid[-radius : radius + 1, -radius : radius + 1]
    return (y**2 + x**2 <= radius**2)[None]
