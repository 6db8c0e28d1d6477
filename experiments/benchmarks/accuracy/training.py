"""Losses of a small network that learns membranes, with our convolution and with XLA's."""

import functools
import itertools
import logging
from collections.abc import Callable, Sequence
from typing import Any

import jax
import numpy as np
import optax
from flax import nnx
from jaxtyping import Array, Float32, Float64

from configs.schema import Accuracy
from data.sampling import crops
from data.targets import membrane_target
from data.volume import Volume
from experiments.benchmarks.accuracy.curves import XLA, pass_length
from experiments.benchmarks.result import OURS
from models.convolution import HE_NORMAL, Conv
from ops.winograd.core import activate

KERNELS = ((1, 3, 3), (3, 3, 3), (3, 3, 3), (1, 3, 3))
log = logging.getLogger(__name__)

Image = Float32[Array, "_ _ _ _ _"]  # batch, z, y, x, channel
Crops = Sequence[tuple[Float32[np.ndarray, "..."], Float32[np.ndarray, "..."]]]


class XlaConv(nnx.Conv):
    """flax's own layer, with the activation that ours has built in."""

    def __init__(self, *sizes: Any, activation: str | None, **settings: Any):
        super().__init__(*sizes, **settings)
        self.activation = activation

    def __call__(self, inputs: Image, out_sharding: None = None) -> Image:
        """The activated convolution of images."""
        return activate(super().__call__(inputs, out_sharding), self.activation)


CONTENDERS: dict[str, Callable[..., nnx.Module]] = {
    OURS: Conv,
    f"{OURS} (fast)": functools.partial(Conv, precision="fast"),
    XLA: XlaConv,
}


def loss_curves(
    layers: dict[str, Volume], membrane_nm: float, settings: Accuracy, seed: int
) -> dict[str, Float64[np.ndarray, "seed step"]]:
    """Loss of every step, by contender and seed.

    A seed stands for an initial state. All contenders and seeds see the same crops in the same
    order, again and again, so that the mean over a pass does not depend on which crops it holds.

    Args:
        layers: "image" and "neurites" of the tissue to learn from.
        membrane_nm: width of the membranes to be found.
        settings: how much is learned.
        seed: the first of `settings.seeds`.
    """
    seeds = range(seed, seed + settings.seeds)
    lessons = draw_crops(layers, membrane_nm, settings, seed)
    optimizer = optax.adamw(settings.learning_rate)
    curves = {}
    for name, layer in CONTENDERS.items():
        log.info("training %d networks with %s", settings.seeds, name)
        networks = [make_network(layer, settings.features, number) for number in seeds]
        curves[name] = np.array(
            [train(network, optimizer, lessons, settings.steps) for network in networks]
        )
    return curves


def draw_crops(
    layers: dict[str, Volume], membrane_nm: float, settings: Accuracy, seed: int
) -> Crops:
    """A pass of images in [-1, 1] and targets 0 or 1, both float32 (1, z, y, x, 1)."""
    found, batches = [], crops([layers], settings.crop_shape, 1, seed)
    for batch in itertools.islice(batches, pass_length(settings.steps)):
        target = membrane_target(
            batch["neurites"][0],
            width_nm=membrane_nm,
            voxel_size_nm=layers["neurites"].voxel_size_nm,
        )
        image = batch["image"][..., None].astype(np.float32) / 127.5 - 1
        found.append((image, target[None, ..., None].astype(np.float32)))
    return found


def train(
    network: nnx.Module, optimizer: optax.GradientTransformation, lessons: Crops, steps: int
) -> list[float]:
    """The loss before every step: mean cross-entropy of a voxel, in nat."""
    graph, parameters = nnx.split(network)
    memory = optimizer.init(parameters)
    losses = []
    for image, target in itertools.islice(itertools.cycle(lessons), steps):
        parameters, memory, loss = _step(graph, optimizer, parameters, memory, image, target)
        losses.append(float(loss))
    return losses


def make_network(layer: Callable[..., nnx.Module], features: int, seed: int) -> nnx.Sequential:
    """Four layers from images of one channel to the logit of membrane."""
    rngs = nnx.Rngs(seed)
    widths = [1, *[features] * (len(KERNELS) - 1), 1]
    activations = ["relu"] * (len(KERNELS) - 1) + [None]
    return nnx.Sequential(
        *(
            layer(*sizes, kernel, activation=activation, kernel_init=HE_NORMAL, rngs=rngs)
            for *sizes, kernel, activation in zip(
                widths, widths[1:], KERNELS, activations, strict=False
            )
        )
    )


@functools.partial(jax.jit, static_argnums=(0, 1))
def _step(graph, optimizer, parameters, memory, image: Image, target: Image):
    """Parameters and optimizer's memory after a step, and the loss before it."""

    def loss_of(parameters):
        logits = nnx.merge(graph, parameters)(image)
        return optax.sigmoid_binary_cross_entropy(logits, target).mean()

    loss, gradients = jax.value_and_grad(loss_of)(parameters)
    updates, memory = optimizer.update(gradients, memory, parameters)
    return optax.apply_updates(parameters, updates), memory, loss
