"""Networks whose parameters NumPy draws: JAX compiles a function for every shape."""

import math

import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx


@pytest.fixture(scope="session")
def filled():
    """Turns a function that builds a network from keys into one with all its parameters.

    They are away from their start, where residual branches are small.
    """
    return fill


def fill(build):
    graph, state = nnx.split(nnx.eval_shape(lambda: build(nnx.Rngs(0))))
    rng, parameters = np.random.default_rng(0), []
    for path, variable in nnx.to_flat_state(state):
        values = rng.normal(size=variable.shape) * 0.1
        if path[-1] == "kernel":
            values *= 10 * math.sqrt(2 / math.prod(variable.shape[:-1]))
        if path[-1] in ("gain", "scale"):
            values += 1 if path[-1] == "gain" else 0.5
        parameters.append((path, variable.replace(jnp.asarray(values, jnp.float32))))
    return nnx.merge(graph, nnx.from_flat_state(parameters))
