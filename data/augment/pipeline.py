"""The whole augmentation of a crop: first where voxels come from, then what they look like."""

import functools

import jax
import jax.numpy as jnp
import numpy as np
from jaxtyping import Array, Float32, PRNGKeyArray, PyTree, Shaped

from data.augment.defects import add_defects
from data.augment.ids import check_ids_fit
from data.augment.intensity import change_intensity
from data.augment.settings import Augmentation
from data.augment.warp import BatchLabels, Labels, warp

GivenLabels = PyTree[Shaped[Array | np.ndarray, "..."]]


def augment(
    key: PRNGKeyArray,
    image: Float32[Array | np.ndarray, "z y x"],
    labels: GivenLabels,
    augmentation: Augmentation,
) -> tuple[Float32[Array, "z y x"], Labels]:
    """Image and labels of one crop after random changes; the same key gives the same result.

    Args:
        key: of this crop.
        image: in [0, 1], and so is the result; z is 1 for a single section.
        labels: any pytree (a dict, say) of ids and masks on the image's grid, none of which
            takes part in changes of grey values. No id appears that was not there. Ids must fit
            uint32, as JAX without 64-bit types cuts uint64 to it: larger ones in a NumPy array are
            refused, larger ones in a JAX array are cut already.
        augmentation: which changes, how often and how strong.

    Raises:
        ValueError: unless the image is float32 (z, y, x) and labels are integers or bool of its
            shape; or if an id is too large.
    """
    check_ids_fit(labels)
    return _augment(key, image, labels, augmentation)


@functools.partial(jax.jit, static_argnames="augmentation")
def _augment(
    key: PRNGKeyArray, image: Float32[Array, "z y x"], labels: Labels, augmentation: Augmentation
) -> tuple[Float32[Array, "z y x"], Labels]:
    _check(image, labels)
    warp_key, intensity_key, defects_key = jax.random.split(key, 3)
    if _moves(augmentation):
        image, labels = warp(warp_key, image, labels, augmentation)
    image = change_intensity(intensity_key, image, augmentation)
    return jnp.clip(add_defects(defects_key, image, augmentation), 0.0, 1.0), labels


def augment_batch(
    key: PRNGKeyArray,
    images: Float32[Array | np.ndarray, "batch z y x"],
    labels: GivenLabels,
    augmentation: Augmentation,
) -> tuple[Float32[Array, "batch z y x"], BatchLabels]:
    """`augment` for each crop of a batch, with a key of its own."""
    check_ids_fit(labels)
    return _augment_batch(key, images, labels, augmentation)


@functools.partial(jax.jit, static_argnames="augmentation")
def _augment_batch(
    key: PRNGKeyArray,
    images: Float32[Array, "batch z y x"],
    labels: BatchLabels,
    augmentation: Augmentation,
) -> tuple[Float32[Array, "batch z y x"], BatchLabels]:
    keys = jax.random.split(key, images.shape[0])
    return jax.vmap(functools.partial(_augment, augmentation=augmentation))(keys, images, labels)


def _moves(augmentation: Augmentation) -> bool:
    a = augmentation
    moving = (a.elastic_probability, a.shift_probability, a.slip_probability)
    return a.symmetry != "none" or any(moving)


def _check(image: Array, labels: Labels) -> None:
    if image.ndim != 3 or image.dtype != jnp.float32:
        raise ValueError(f"got an image of {image.dtype} {image.shape}; needs float32 (z, y, x)")
    for path, layer in jax.tree.leaves_with_path(labels):
        whole = layer.dtype == jnp.bool or jnp.issubdtype(layer.dtype, jnp.integer)
        if layer.shape != image.shape or not whole:
            raise ValueError(
                f"got labels{jax.tree_util.keystr(path)} of {layer.dtype} {layer.shape}; needs "
                f"integers or bool of the image's shape {image.shape}"
            )
