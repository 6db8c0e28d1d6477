"""What a network does, as compiled JAX."""

import jax
import jax.numpy as jnp
import optax
from flax import nnx

from experiments.benchmarks.conv.jax_works import Work
from experiments.benchmarks.models.cases import POSITIVE_SHARE, Samples, What
from models.architecture import Dense
from models.losses import balanced_cross_entropy, overlap_loss

LEARNING_RATE, WEIGHT_DECAY = 1e-3, 1e-2


def jax_work(network: Dense, what: What, samples: Samples) -> Work:
    """The work, compiled here and now, so that what surrounds the call decides how it is traced.

    It waits for its result, the logits or the loss. The network itself is left as it is.
    """
    match what:
        case "inference":
            return _inference(network, samples)
        case "training step":
            return _training(network, samples)


def _inference(network: Dense, samples: Samples) -> Work:
    graph, params = nnx.split(network)
    images = jnp.asarray(samples.images)
    forward = jax.jit(lambda params, images: nnx.merge(graph, params)(images))
    compiled = forward.lower(params, images).compile()
    return lambda: jax.block_until_ready(compiled(params, images))


def _training(network: Dense, samples: Samples) -> Work:
    graph, params = nnx.split(network, nnx.Param)
    arrays = [jnp.asarray(a) for a in (samples.images, samples.targets, samples.known)]
    optimizer = optax.adamw(LEARNING_RATE, weight_decay=WEIGHT_DECAY)

    def loss_of(params, images, targets, known):
        logits = nnx.merge(graph, params)(images)
        entropy = balanced_cross_entropy(logits, targets, known, jnp.full(1, POSITIVE_SHARE))
        return entropy + overlap_loss(logits, targets, known)

    def step(state, *arrays):
        params, memory = state
        loss, gradient = jax.value_and_grad(loss_of)(params, *arrays)
        updates, memory = optimizer.update(gradient, memory, params)
        return (optax.apply_updates(params, updates), memory), loss

    @jax.jit
    def start(params):
        # Copied, since a step writes over what it is given.
        return jax.tree.map(jnp.copy, params), optimizer.init(params)

    state = start(params)
    compiled = jax.jit(step, donate_argnums=0).lower(state, *arrays).compile()

    def work() -> jax.Array:
        nonlocal state
        state, loss = jax.block_until_ready(compiled(state, *arrays))
        return loss

    return work
