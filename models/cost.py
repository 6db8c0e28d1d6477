"""What a network costs: numbers to learn, and operations to run."""

import math
from collections.abc import Iterator, Sequence

import jax
import jax.numpy as jnp
from flax import nnx
from jax.core import ShapedArray
from jax.extend.core import ClosedJaxpr, Jaxpr, JaxprEqn, Literal, Var

from models.architecture import Architecture, build


def parameter_count(network: nnx.Module) -> int:
    """Numbers that are learnt."""
    return sum(leaf.size for leaf in jax.tree.leaves(nnx.state(network, nnx.Param)))


def flop_per_voxel(architecture: Architecture, tile: Sequence[int]) -> float:
    """Floating-point operations of the convolutions, done directly, per voxel of a tile (z, y, x).

    Counted on the traced network, where nothing is computed: 2 for every multiplication.
    """
    network = nnx.eval_shape(lambda: build(architecture, nnx.Rngs(0)))
    graph, state = nnx.split(network)
    image = jax.ShapeDtypeStruct((1, *tile, 1), jnp.float32)
    traced = jax.make_jaxpr(lambda state, x: nnx.merge(graph, state)(x))(state, image)
    return sum(map(_flop, _equations(traced.jaxpr))) / math.prod(tile)


def _equations(jaxpr: Jaxpr) -> Iterator[JaxprEqn]:
    """All steps, and those inside them."""
    for equation in jaxpr.eqns:
        yield equation
        for value in jax.tree.leaves(equation.params):
            if isinstance(value, Jaxpr | ClosedJaxpr):
                yield from _equations(value.jaxpr if isinstance(value, ClosedJaxpr) else value)


def _flop(equation: JaxprEqn) -> float:
    """Of a convolution or product; `winograd_conv` holds one for processors without our kernels."""
    results = math.prod(_shape(equation.outvars[0])) if equation.outvars else 0
    match equation.primitive.name:
        case "conv_general_dilated":
            return 2.0 * results * math.prod(_shape(equation.invars[1])[:-1])
        case "dot_general":
            (contracted, _), _ = equation.params["dimension_numbers"]
            left = _shape(equation.invars[0])
            return 2.0 * results * math.prod(left[axis] for axis in contracted)
        case _:
            return 0.0


def _shape(value: Var | Literal) -> tuple[int, ...]:
    return value.aval.shape if isinstance(value.aval, ShapedArray) else ()
