"""The same job put together from well-known libraries: PyTorch, scikit-image and waterz."""

import importlib
from pathlib import Path
from types import ModuleType

import jax.numpy as jnp
import numpy as np
from flax import nnx
from jaxtyping import UInt64
from scipy import ndimage
from skimage.feature import peak_local_max
from skimage.segmentation import watershed

from data.normalisation import as_grey, measure_grey_scale
from data.opening import open_volume
from models.architecture import build
from models.images import neighbouring
from models.weights import load_weights

SECTIONS = 4  # that the network sees at once
NEAREST = ("affinity(-1,0,0)", "affinity(0,-1,0)", "affinity(0,0,-1)")
THRESHOLD = 0.5  # up to which waterz joins; it changes the result, hardly the time
LEAST_DISTANCE = 5  # pixels between seeds


def waterz_module() -> ModuleType | None:
    """The package, where it is installed."""
    try:
        return importlib.import_module("waterz")
    except ImportError:
        return None


def peer_segmentation(image: Path, weights: Path) -> UInt64[np.ndarray, "z y x"]:
    """Ids of segments by a 2-D network; PyTorch and waterz must be there.

    The affinities of neighbours are the network's, or those of a pair of voxels of its membranes.
    """
    volume = open_volume(str(image))
    grey = np.asarray(measure_grey_scale([volume]).normalise(as_grey(volume.read())))
    outputs, answers = _answers(grey, weights)
    if "membrane" in outputs:
        membrane = answers[outputs.index("membrane")]
        near = 1 - np.stack([_pairwise(membrane, axis) for axis in range(3)])
    else:
        near = np.stack([answers[outputs.index(name)] for name in NEAREST])
        membrane = 1 - near[1:].min(axis=0)
    fragments = _fragments(membrane)
    waterz = importlib.import_module("waterz")
    steps = waterz.agglomerate(near.astype(np.float32), [THRESHOLD], fragments=fragments)
    return np.array(next(iter(steps)))  # a copy: the steps share memory


def _answers(grey: np.ndarray, weights: Path) -> tuple[tuple[str, ...], np.ndarray]:
    """The network's outputs, and its probabilities (output, z, y, x)."""
    peer = importlib.import_module("experiments.benchmarks.models.torch_networks")
    architecture, params = load_weights(weights)
    graph, _ = nnx.split(build(architecture, nnx.Rngs(0)), nnx.Param)
    network = peer.torch_network(nnx.merge(graph, params))
    seen = np.array(neighbouring(jnp.asarray(grey[None, ..., None]), architecture.sections))
    with peer.torch.inference_mode():
        parts = [
            peer.torch.sigmoid(network(peer.tensor_of(seen[:, z : z + SECTIONS], 2)))
            for z in range(0, len(grey), SECTIONS)
        ]
    return architecture.outputs, np.concatenate([part.numpy() for part in parts]).swapaxes(0, 1)


def _fragments(membrane: np.ndarray) -> UInt64[np.ndarray, "z y x"]:
    found, last = np.zeros(membrane.shape, np.uint64), 0
    for z, section in enumerate(membrane):
        depth = ndimage.gaussian_filter(ndimage.distance_transform_edt(section < 0.5), 2)
        seeds = np.zeros(section.shape, np.int32)
        places = peak_local_max(depth, min_distance=LEAST_DISTANCE, exclude_border=False)
        seeds[tuple(places.T)] = np.arange(1, len(places) + 1)
        found[z] = watershed(section, seeds).astype(np.uint64) + np.uint64(last)
        last += len(places)
    return found


def _pairwise(membrane: np.ndarray, axis: int) -> np.ndarray:
    """The stronger of each voxel and the one before it."""
    before = np.roll(membrane, 1, axis)
    return np.maximum(membrane, before)
