"""Misalignment of sections, as serial sectioning leaves it (Lee et al. 2017, arXiv:1706.00120)."""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, PRNGKeyArray

from data.augment.settings import Augmentation


def misalignment(
    key: PRNGKeyArray, sections: int, augmentation: Augmentation
) -> Float32[Array, "z 2"]:
    """Translation (y, x) of each section, in whole voxels.

    A slip moves one section; a shift moves its section and all after it, and shifts add up.
    """
    shift_key, slip_key = jax.random.split(key)
    greatest = augmentation.misalignment
    shift = _translations(shift_key, sections, augmentation.shift_probability, greatest)
    slip = _translations(slip_key, sections, augmentation.slip_probability, greatest)
    return (jnp.cumsum(shift, axis=0) + slip).astype(jnp.float32)


def _translations(key: PRNGKeyArray, sections: int, probability: float, greatest: int) -> Array:
    drawn_key, size_key = jax.random.split(key)
    drawn = jax.random.bernoulli(drawn_key, probability, (sections, 1))
    translation = jax.random.randint(size_key, (sections, 2), -greatest, greatest + 1)
    return jnp.where(drawn, translation, 0)
