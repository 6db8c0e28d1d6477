"""Smooth elastic deformation in plane, from a coarse grid of control points."""

import math

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, PRNGKeyArray

from data.augment.settings import Augmentation


def elastic_displacement(
    key: PRNGKeyArray, shape: tuple[int, ...], augmentation: Augmentation
) -> Float32[Array, "2 z y x"]:
    """Displacement (y, x) of each voxel, in voxels; 0 everywhere where none is drawn.

    A uniform cubic B-spline through control points uniform in +-elastic_amplitude: as its weights
    are positive and sum to 1, no voxel moves farther than that.
    """
    draw_key, control_key = jax.random.split(key)
    spacing = augmentation.elastic_spacing
    along_z, along_y, along_x = (_spline(n, s) for n, s in zip(shape, spacing, strict=True))
    controls = (2, along_z.shape[1], along_y.shape[1], along_x.shape[1])
    drawn = jax.random.bernoulli(draw_key, augmentation.elastic_probability)
    amplitude = jnp.where(drawn, augmentation.elastic_amplitude, 0.0)
    control = amplitude * jax.random.uniform(control_key, controls, minval=-1.0, maxval=1.0)
    return jnp.einsum("cklm,zk,yl,xm->czyx", control, along_z, along_y, along_x)


def _spline(size: int, spacing: int) -> Float32[np.ndarray, "voxel control"]:
    """Weights of the control points of a uniform cubic B-spline at each voxel."""
    count = math.ceil((size - 1) / spacing) + 3
    place = np.arange(size)[:, None] / spacing + 1
    distance = np.abs(place - np.arange(count)[None, :])
    near = 2 / 3 - distance**2 + distance**3 / 2
    far = np.maximum(2 - distance, 0) ** 3 / 6
    return np.where(distance < 1, near, far).astype(np.float32)
