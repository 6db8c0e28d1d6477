"""The optimizer of all trainings: Muon for the kernels of convolutions, AdamW for all else."""

import functools

import jax
import optax
from jaxtyping import PyTree
from optax.contrib import MuonDimensionNumbers

from configs.training import Optimizer


def make_optimizer(settings: Optimizer, steps: int) -> optax.GradientTransformation:
    """Of clipped gradients, with a warm-up and a cosine to zero over the steps.

    Muon (Jordan et al. 2024, kellerjordan.github.io/posts/muon) turns the momentum of a kernel, as
    a matrix of all taps and inputs by outputs, into the nearest one with orthonormal columns: no
    direction is learnt last because its gradients are small. AdamW: Loshchilov & Hutter 2019.
    Kernels alone decay.
    """

    def rate(greatest: float) -> optax.Schedule:
        warmup = min(settings.warmup_steps, max(1, steps // 2))
        return optax.warmup_cosine_decay_schedule(0.0, greatest, warmup, steps)

    clip = optax.clip_by_global_norm(settings.clip_norm)
    if settings.kernel_rate is None:
        kernels = functools.partial(jax.tree.map, is_kernel)
        adamw = optax.adamw(
            rate(settings.learning_rate), weight_decay=settings.weight_decay, mask=kernels
        )
        return optax.chain(clip, adamw)
    muon = optax.contrib.muon(
        rate(settings.kernel_rate),
        weight_decay=settings.weight_decay,
        adam_learning_rate=rate(settings.learning_rate),
        muon_weight_dimension_numbers=as_matrices,
    )
    return optax.chain(clip, muon)


def is_kernel(parameter: jax.Array) -> bool:
    """Whether a parameter is the kernel of a convolution: taps (z, y, x), inputs, outputs."""
    return parameter.ndim == 5


def as_matrices(params: PyTree) -> PyTree:
    """How kernels are matrices: taps and inputs by outputs; None for other parameters."""
    kernel = MuonDimensionNumbers(reduction_axis=(0, 1, 2, 3), output_axis=(4,))
    return jax.tree.map(lambda parameter: kernel if is_kernel(parameter) else None, params)
