"""Defects of serial-section EM in the image: dark and missing sections, and cut-out boxes.

The labels stay: a network should see through the defect (Lee et al. 2017, arXiv:1706.00120).
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, PRNGKeyArray

from data.augment.settings import Augmentation

Image = Float32[Array, "z y x"]


def add_defects(key: PRNGKeyArray, image: Image, augmentation: Augmentation) -> Image:
    """The image with those of the defects that are switched on."""
    a = augmentation
    keys = jax.random.split(key, 3)
    if a.dark_probability > 0:
        image = dark_sections(keys[0], image, a.dark_probability, a.darkening)
    if a.cutout_probability > 0:
        image = cut_out(keys[1], image, a.cutout_probability, a.cutout_shape)
    if a.missing_probability > 0:
        image = missing_sections(keys[2], image, a.missing_probability)
    return image


def dark_sections(key: PRNGKeyArray, image: Image, probability: float, strength: float) -> Image:
    """Scales sections drawn one by one, brightness and contrast alike, by 1 - [0, strength]."""
    drawn_key, size_key = jax.random.split(key)
    sections = (image.shape[0], 1, 1)
    factor = jax.random.uniform(size_key, sections, jnp.float32, 1 - strength, 1.0)
    return image * jnp.where(jax.random.bernoulli(drawn_key, probability, sections), factor, 1.0)


def missing_sections(key: PRNGKeyArray, image: Image, probability: float) -> Image:
    """Sets sections drawn one by one to 0, unless the crop is a single section."""
    if image.shape[0] == 1:
        return image
    return jnp.where(jax.random.bernoulli(key, probability, (image.shape[0], 1, 1)), 0.0, image)


def cut_out(
    key: PRNGKeyArray, image: Image, probability: float, greatest: tuple[int, int, int]
) -> Image:
    """Fills one box, of random size up to the greatest and random place, with the mean."""
    drawn_key, *axis_keys = jax.random.split(key, 4)
    z, y, x = (
        _interval(k, size, min(g, size))
        for k, size, g in zip(axis_keys, image.shape, greatest, strict=True)
    )
    box = z[:, None, None] & y[None, :, None] & x[None, None, :]
    box = box & jax.random.bernoulli(drawn_key, probability)
    return jnp.where(box, jnp.mean(image), image)


def _interval(key: PRNGKeyArray, size: int, greatest: int) -> Bool[Array, " voxel"]:
    length_key, start_key = jax.random.split(key)
    length = jax.random.randint(length_key, (), 1, greatest + 1)
    start = jax.random.randint(start_key, (), 0, size - length + 1)
    place = jnp.arange(size, dtype=jnp.int32)
    return (place >= start) & (place < start + length)
