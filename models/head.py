"""The last layer of all networks: from features to logits."""

import math

from flax import nnx


def head(features: int, outputs: int, prior: float, *, rngs: nnx.Rngs) -> nnx.Linear:
    """A convolution with a kernel of 1, whose sigmoid is about `prior` at the start.

    So the first steps of training need not learn how rare the positives are (Lin et al. 2017,
    arXiv:1708.02002, section 3.3). It is a plain product of matrices, which is faster than any
    convolution where there are few outputs.

    Args:
        features: channels that it sees.
        outputs: channels of logits.
        prior: probability in (0, 1).
        rngs: source of keys.

    Raises:
        ValueError: a prior outside (0, 1), or no outputs.
    """
    if not 0 < prior < 1 or outputs < 1:
        raise ValueError(
            f"got prior={prior}, outputs={outputs}; needs a probability in (0, 1) and at least "
            "one output"
        )
    return nnx.Linear(
        features,
        outputs,
        kernel_init=nnx.initializers.normal(0.01),
        bias_init=nnx.initializers.constant(math.log(prior / (1 - prior))),
        rngs=rngs,
    )
