"""The networks of the suite, and what they answer."""

import dataclasses

import numpy as np
from flax import nnx
from jaxtyping import Float32, UInt64

from configs.schema import SynapseWeights
from data.normalisation import measure_grey_scale
from experiments.benchmarks.synapses.parts import Part
from experiments.training.layers import TrainingData
from experiments.training.validation import predict_stack
from models.architecture import Dense, build
from models.pretrained_weights import find_weights
from models.weights import load_weights
from ops.segmentation.agglomeration import agglomerate, cut
from ops.segmentation.region_graph import boundary_graph
from ops.segmentation.supervoxels import SupervoxelSettings, supervoxels

JOIN_BELOW = 0.5  # mean strength of a boundary below which two supervoxels are one segment

Source = tuple[str, str]  # a network, and which of its outputs
Maps = dict[Source, Float32[np.ndarray, "z y x"]]


@dataclasses.dataclass(frozen=True)
class Network:
    """One that was trained.

    Attributes:
        weights: where it was found.
        outputs: what its channels are.
        network: itself.
    """

    weights: str
    outputs: tuple[str, ...]
    network: Dense


def load_networks(weights: SynapseWeights) -> tuple[dict[str, Network], dict[str, str]]:
    """Networks by name (membrane, cleft, vesicle, joint), and why others are missing."""
    networks, missing = {}, {}
    for name, wanted in dataclasses.asdict(weights).items():
        try:
            networks[name] = _load(wanted)
        except FileNotFoundError as error:
            missing[name] = f"no weights of {wanted} ({str(error).split(';')[0]})"
    return networks, missing


def maps_of(name: str, network: Network, part: Part) -> Maps:
    """What a network answers, one map for each output."""
    stack = {"image": part.image}
    data = TrainingData((stack,), measure_grey_scale([part.image]))
    answers = predict_stack(network.network, stack, data)
    return {
        (name, output): np.ascontiguousarray(answers[..., channel])
        for channel, output in enumerate(network.outputs)
    }


def segment(
    membrane: Float32[np.ndarray, "z y x"], voxel_size_nm: tuple[float, float, float]
) -> UInt64[np.ndarray, "z y x"]:
    """Segments where the truth knows none: supervoxels of each section, joined at a mean of 0.5."""
    boundary = np.rint(255 * membrane).astype(np.uint8)
    pieces = supervoxels(boundary, voxel_size_nm, SupervoxelSettings()).astype(np.uint64)
    ids = np.arange(int(pieces.max()) + 1, dtype=np.uint64)
    return cut(agglomerate(boundary_graph(pieces, boundary)), ids, JOIN_BELOW)[pieces]


def _load(wanted: str) -> Network:
    architecture, params = load_weights(find_weights(wanted))
    empty = nnx.eval_shape(lambda: build(architecture, nnx.Rngs(0)))  # nothing is drawn in vain
    graph, _ = nnx.split(empty, nnx.Param)
    return Network(wanted, architecture.outputs, nnx.merge(graph, params))
