"""Losses of dense predictions: cross-entropies, and overlap."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, UInt8


def balanced_cross_entropy(
    logits: Float32[Array, "batch z y x c"],
    targets: Float32[Array, "batch z y x c"],
    known: Float32[Array, "batch z y x c"],
    positive_share: Float32[Array, " c"],
) -> Float32[Array, ""]:
    """Cross-entropy in nats, in which positives and negatives weigh the same as a whole.

    A voxel weighs 1 / (2 p) if it is positive and 1 / (2 (1 - p)) if not, where p is the share of
    positives in the training data, kept within [0.02, 0.98] so that no voxel rules a step
    (class balancing as in Xie & Tu, Holistically-Nested Edge Detection, 2015, eq. 2). The weights
    do not depend on the batch, so that the loss of a batch is the mean of those of its crops.

    Args:
        logits: of the probability that a voxel is positive.
        targets: 0 or 1.
        known: 1 where the target is known, else 0.
        positive_share: p of each channel.
    """
    share = jnp.clip(positive_share, 0.02, 0.98).reshape(1, 1, 1, 1, -1)
    weight = known * (targets / (2 * share) + (1 - targets) / (2 * (1 - share)))
    entropy = jax.nn.softplus(logits) - logits * targets
    return _mean_of_crops(weight * entropy, known)


def tempered(positive_share: Float32[Array, " c"], balance: float) -> Float32[Array, " c"]:
    """The share that balances classes in part: odds p / (1 - p) to the power of `balance`.

    At 1 it is the share itself; at 0 it is 1/2, by which all voxels weigh the same.
    """
    odds = (positive_share / (1 - positive_share)) ** balance
    return odds / (1 + odds)


def overlap_loss(
    logits: Float32[Array, "batch z y x c"],
    targets: Float32[Array, "batch z y x c"],
    known: Float32[Array, "batch z y x c"],
) -> Float32[Array, ""]:
    """One minus the Dice coefficient of probabilities and targets, by crop and channel.

    The soft form with squares in the denominator (Milletari et al., V-Net, 2016, eq. 2); one voxel
    is added to both sides, so that a crop without positives has a gradient.
    """
    probability = jax.nn.sigmoid(logits) * known
    targets = targets * known
    axes = (1, 2, 3)
    shared = (probability * targets).sum(axes)
    total = (probability**2).sum(axes) + (targets**2).sum(axes)
    return jnp.mean(1 - (2 * shared + 1) / (total + 1))


def class_cross_entropy(
    logits: Float32[Array, "batch y x class"], classes: UInt8[Array, "batch y x"]
) -> Float32[Array, ""]:
    """Cross-entropy in nats of classes that exclude each other; all pixels weigh the same.

    Args:
        logits: of each class.
        classes: number of the right one, less than there are logits.
    """
    right = jnp.take_along_axis(logits, classes[..., None].astype(jnp.int32), axis=-1)[..., 0]
    return jnp.mean(jax.nn.logsumexp(logits, axis=-1) - right)


def _mean_of_crops(values: Array, known: Array) -> Array:
    """Mean over known voxels and channels of each crop, then over crops."""
    axes = (1, 2, 3, 4)
    return jnp.mean(values.sum(axes) / jnp.maximum(known.sum(axes), 1))
