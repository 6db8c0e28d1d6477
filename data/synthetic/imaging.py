"""From the ideal image of a tile to what the microscope would have written."""

import functools

import jax
import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt8

from data.synthetic.noise import spline_weights, white_noise

GRAINS_NM = ((11.0, 0.8), (28.0, 0.6))  # (size, share) of the cytoplasm's two textures


@functools.partial(jax.jit, static_argnames=("voxel_nm", "grain_share", "noise"))
def take_image(
    intensity: Float[Array, "z y x"],
    grain: Float[Array, "z y x"],
    contrast: Float[Array, " z"],
    brightness: Float[Array, " z"],
    present: Float[Array, " z"],
    origin: Int[Array, " 3"],
    seed: Int[Array, ""],
    *,
    voxel_nm: tuple[float, float, float],
    grain_share: float,
    noise: float,
) -> UInt8[Array, "z y x"]:
    """Adds texture, noise and the section's contrast, and rounds to 8 bits.

    Intensity is in [0, 1]; `origin` is the tile's first voxel, which places the noise; a section
    that is not present comes out 0.
    """
    indices = [o + jnp.arange(n) for o, n in zip(origin, intensity.shape, strict=True)]
    for number, (size, share) in enumerate(GRAINS_NM):
        texture = _texture(indices, voxel_nm, size, seed + 11 + number)
        intensity += grain_share * share * grain * texture
    # Microtubules and ribosomes: dots where the coarser texture is darkest.
    intensity -= 2.5 * grain_share * grain * jax.nn.sigmoid((-texture - 1.7) * 6)
    intensity += noise * white_noise(*indices, seed=seed + 10)
    column = (slice(None), None, None)
    intensity = contrast[column] * (intensity - 0.5) + 0.5 + brightness[column]
    return jnp.round(jnp.clip(intensity, 0, 1) * present[column] * 255).astype(jnp.uint8)


def _texture(indices, voxel_nm, size_nm, seed):
    """Smooth noise of a given grain; along axes with larger voxels, white."""
    weights, knots = [], []
    for index, voxel in zip(indices, voxel_nm, strict=True):
        if voxel >= size_nm:
            weights.append(None)
            knots.append(index)
            continue
        place = index.astype(jnp.float32) * (voxel / size_nm)
        first = jnp.floor(place[0]).astype(jnp.int32) - 1
        count = int(len(index) * voxel / size_nm) + 5
        knots.append(first + jnp.arange(count))
        weights.append(spline_weights(place - first.astype(jnp.float32), count))
    values = white_noise(*knots, seed=seed)
    for axis, weight in enumerate(weights):
        if weight is not None:
            values = jnp.moveaxis(jnp.tensordot(weight, values, (1, axis)), 0, axis) / 0.48**0.5
    return values
