"""Geometric augmentation as one resampling: image and labels read the same source places.

Symmetry, elastic deformation and misalignment are composed as coordinates, and the crop is read
once, linearly for the image and at the nearest voxel for labels. Places outside the crop are
mirrored at its faces, for image and labels alike, so the two stay aligned everywhere.
"""

import jax
import jax.numpy as jnp
from jaxtyping import Array, Bool, Float32, Int32, Integer, PRNGKeyArray, PyTree

from data.augment.elastic import elastic_displacement
from data.augment.misalignment import misalignment
from data.augment.settings import Augmentation
from data.augment.symmetry import symmetries

Labels = PyTree[Integer[Array, "z y x"] | Bool[Array, "z y x"]]
BatchLabels = PyTree[Integer[Array, "batch z y x"] | Bool[Array, "batch z y x"]]


def warp(
    key: PRNGKeyArray, image: Float32[Array, "z y x"], labels: Labels, augmentation: Augmentation
) -> tuple[Float32[Array, "z y x"], Labels]:
    """Image and labels after one random geometric transformation."""
    symmetry_key, place_key = jax.random.split(key)
    y, x = _source_places(place_key, image.shape, augmentation)
    strides = _pick_symmetry(symmetry_key, image.shape, augmentation)
    nearest = _flat_index(strides, _round(y), _round(x))
    labels = jax.tree.map(lambda layer: _take(layer, nearest), labels)
    if augmentation.elastic_probability == 0:
        return _take(image, nearest), labels  # whole voxels, hence exact
    return _take_linear(image, strides, y, x), labels


def _source_places(
    key: PRNGKeyArray, shape: tuple[int, ...], augmentation: Augmentation
) -> tuple[Float32[Array, "z y x"], Float32[Array, "z y x"]]:
    """The (y, x) that each voxel reads, before the symmetry, inside the crop."""
    elastic_key, misalignment_key = jax.random.split(key)
    z, y, x = shape
    places_y = jnp.broadcast_to(jnp.arange(y, dtype=jnp.float32)[None, :, None], shape)
    places_x = jnp.broadcast_to(jnp.arange(x, dtype=jnp.float32)[None, None, :], shape)
    if augmentation.elastic_probability > 0:
        displacement_y, displacement_x = elastic_displacement(elastic_key, shape, augmentation)
        places_y, places_x = places_y + displacement_y, places_x + displacement_x
    if augmentation.shift_probability > 0 or augmentation.slip_probability > 0:
        translation = misalignment(misalignment_key, z, augmentation)[:, :, None, None]
        places_y, places_x = places_y + translation[:, 0], places_x + translation[:, 1]
    return _mirror(places_y, y), _mirror(places_x, x)


def _mirror(place: Float32[Array, "z y x"], size: int) -> Float32[Array, "z y x"]:
    """Reflects places up to one crop outside at the first and last voxel; clips those beyond."""
    return jnp.clip((size - 1) - jnp.abs((size - 1) - jnp.abs(place)), 0, size - 1)


def _pick_symmetry(
    key: PRNGKeyArray, shape: tuple[int, ...], augmentation: Augmentation
) -> Int32[Array, " 4"]:
    table = symmetries(shape, augmentation.symmetry)
    return jnp.asarray(table)[jax.random.randint(key, (), 0, len(table))]


def _flat_index(
    strides: Int32[Array, " 4"], y: Int32[Array, "z y x"], x: Int32[Array, "z y x"]
) -> Int32[Array, "z y x"]:
    origin, stride_z, stride_y, stride_x = strides
    z = jnp.arange(y.shape[0], dtype=jnp.int32)[:, None, None]
    return origin + stride_z * z + stride_y * y + stride_x * x


def _round(place: Float32[Array, "z y x"]) -> Int32[Array, "z y x"]:
    return jnp.floor(place + 0.5).astype(jnp.int32)


def _take(layer: Array, index: Int32[Array, "z y x"]) -> Array:
    return layer.reshape(-1).at[index].get(mode="promise_in_bounds")


def _take_linear(
    image: Float32[Array, "z y x"],
    strides: Int32[Array, " 4"],
    y: Float32[Array, "z y x"],
    x: Float32[Array, "z y x"],
) -> Float32[Array, "z y x"]:
    """Bilinear in plane; exact where y and x are whole."""
    low_y, low_x = jnp.floor(y).astype(jnp.int32), jnp.floor(x).astype(jnp.int32)
    high_y = jnp.minimum(low_y + 1, image.shape[1] - 1)
    high_x = jnp.minimum(low_x + 1, image.shape[2] - 1)
    weight_y, weight_x = y - low_y.astype(jnp.float32), x - low_x.astype(jnp.float32)

    def row(at_y: Int32[Array, "z y x"]) -> Float32[Array, "z y x"]:
        left = _take(image, _flat_index(strides, at_y, low_x))
        right = _take(image, _flat_index(strides, at_y, high_x))
        return left * (1 - weight_x) + right * weight_x

    return row(low_y) * (1 - weight_y) + row(high_y) * weight_y
