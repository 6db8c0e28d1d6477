"""Changes of the image's grey values: gamma, contrast, brightness, blur and noise.

Each function draws from its key; where nothing is drawn the image stays as it is. Values may
leave [0, 1] here; the pipeline clips once, at its end.
"""

import math

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float32, PRNGKeyArray

from data.augment.settings import Augmentation

Image = Float32[Array, "z y x"]


def change_intensity(key: PRNGKeyArray, image: Image, augmentation: Augmentation) -> Image:
    """The image, in [0, 1], after those of the changes that are switched on."""
    a = augmentation
    keys = jax.random.split(key, 5)
    if a.gamma_probability > 0:
        image = gamma(keys[0], image, a.gamma_probability, a.gamma)
    if a.contrast_probability > 0:
        image = contrast(keys[1], image, a.contrast_probability, a.contrast)
    if a.brightness_probability > 0:
        image = brightness(keys[2], image, a.brightness_probability, a.brightness)
    if a.blur_probability > 0:
        image = blur(keys[3], image, a.blur_probability, a.blur_sigma)
    if a.noise_probability > 0:
        image = noise(keys[4], image, a.noise_probability, a.noise)
    return image


def gamma(key: PRNGKeyArray, image: Image, probability: float, strength: float) -> Image:
    """image ** 2**g, g uniform in +-strength; needs values >= 0."""
    return image ** jnp.exp2(_signed(key, probability, strength))


def contrast(key: PRNGKeyArray, image: Image, probability: float, strength: float) -> Image:
    """Scales the difference from the mean by 1 + c, c uniform in +-strength."""
    return image + _signed(key, probability, strength) * (image - jnp.mean(image))


def brightness(key: PRNGKeyArray, image: Image, probability: float, strength: float) -> Image:
    """Adds b, uniform in +-strength."""
    return image + _signed(key, probability, strength)


def noise(key: PRNGKeyArray, image: Image, probability: float, strength: float) -> Image:
    """Adds Gaussian noise of a standard deviation uniform in [0, strength]."""
    amount_key, noise_key = jax.random.split(key)
    sigma = jnp.abs(_signed(amount_key, probability, strength))
    return image + sigma * jax.random.normal(noise_key, image.shape, jnp.float32)


def blur(key: PRNGKeyArray, image: Image, probability: float, strength: float) -> Image:
    """Blurs sections drawn one by one, in plane, sigma uniform in [0, strength] voxels."""
    sigma = jnp.abs(_signed(key, probability, strength, image.shape[:1]))
    taps = jnp.arange(-math.ceil(3 * strength), math.ceil(3 * strength) + 1, dtype=jnp.float32)
    # A sigma of 0 becomes too narrow to reach the next voxel: weight 1 at the centre, exactly.
    weights = jnp.exp(-0.5 * (taps[None, :] / jnp.maximum(sigma, 1e-2)[:, None]) ** 2)
    weights = weights / jnp.sum(weights, axis=1, keepdims=True)
    return _filter(_filter(image, weights, axis=1), weights, axis=2)


def _filter(image: Image, weights: Float32[Array, "z tap"], axis: int) -> Image:
    """Correlates each section with its own weights along one axis; the edge is repeated."""
    reach = weights.shape[1] // 2
    padding = [(reach, reach) if a == axis else (0, 0) for a in range(3)]
    padded = jnp.pad(image, padding, mode="edge")
    size = image.shape[axis]
    pieces = (
        weights[:, tap, None, None] * jax.lax.slice_in_dim(padded, tap, tap + size, axis=axis)
        for tap in range(weights.shape[1])
    )
    return sum(pieces, start=jnp.zeros_like(image))


def _signed(
    key: PRNGKeyArray, probability: float, strength: float, shape: tuple[int, ...] = ()
) -> Float32[Array, "..."]:
    """Uniform in +-strength with this probability, else 0."""
    drawn_key, size_key = jax.random.split(key)
    size = jax.random.uniform(size_key, shape, jnp.float32, -strength, strength)
    return jnp.where(jax.random.bernoulli(drawn_key, probability, shape), size, 0.0)
