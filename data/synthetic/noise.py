"""Noise that is a function of place: any block can be made alone and fits its neighbours.

White noise is an integer hash of the voxel's coordinates; smooth noise interpolates white noise
on a coarser grid with cubic B-splines.
"""

import jax.numpy as jnp
from jaxtyping import Array, Float, Int, UInt32


def hash_uint32(x: UInt32[Array, "*n"]) -> UInt32[Array, "*n"]:
    """Scrambles 32 bits: multiply and xor-shift, with the constants of C. Wellons' lowbias32."""
    x = (x ^ (x >> 16)) * jnp.uint32(0x7FEB352D)
    x = (x ^ (x >> 15)) * jnp.uint32(0x846CA68B)
    return x ^ (x >> 16)


def white_noise(
    z: Int[Array, " z"], y: Int[Array, " y"], x: Int[Array, " x"], seed: Int[Array, ""]
) -> Float[Array, "z y x"]:
    """Nearly Gaussian noise (mean 0, variance 1, at most 3.5) at integer coordinates."""
    zyx = hash_uint32(z.astype(jnp.uint32) + hash_uint32(seed.astype(jnp.uint32)))[:, None]
    row = hash_uint32(y.astype(jnp.uint32)[None] + zyx)[..., None]
    bits = hash_uint32(x.astype(jnp.uint32)[None, None] + row)
    # The sum of four random bytes: mean 510, variance 4 (256^2 - 1) / 12.
    total = (bits & 0xFF) + (bits >> 8 & 0xFF) + (bits >> 16 & 0xFF) + (bits >> 24)
    return (total.astype(jnp.float32) - 510.0) * (1 / 147.8)


def smooth_noise(
    places: tuple[Float[Array, " z"], Float[Array, " y"], Float[Array, " x"]],
    knots: tuple[int, int, int],
    seed: Int[Array, ""],
) -> Float[Array, "z y x"]:
    """Smooth noise (mean 0, variance about 1) at places given in units of the knot spacing.

    `knots` is the number of knots that cover the places along each axis, margins included.
    """
    firsts = [jnp.floor(p[0]).astype(jnp.int32) - 1 for p in places]
    values = white_noise(
        *(f + jnp.arange(k) for f, k in zip(firsts, knots, strict=True)), seed=seed
    )
    wz, wy, wx = (
        spline_weights(p - f.astype(jnp.float32), k)
        for p, f, k in zip(places, firsts, knots, strict=True)
    )
    values = jnp.einsum("zi,iyx->zyx", wz, values)
    values = jnp.einsum("yi,zix->zyx", wy, values)
    # A cubic B-spline of white noise has about 0.48 of its variance along each axis.
    return (values @ wx.T) * (0.48**-1.5)


def spline_weights(place: Float[Array, " n"], knots: int) -> Float[Array, "n knots"]:
    """Cubic B-spline weights of knots 0, 1, ... at places in units of the knot spacing."""
    t = jnp.abs(place[:, None] - jnp.arange(knots, dtype=jnp.float32)[None])
    inner = 2 / 3 - t**2 + t**3 / 2
    outer = jnp.maximum(2 - t, 0) ** 3 / 6
    return jnp.where(t < 1, inner, outer)
