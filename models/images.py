"""What all networks do first: images are checked, and sections joined to their neighbours."""

from collections.abc import Sequence

import jax.numpy as jnp
from jaxtyping import Array, Float32


def check_images(x: Float32[Array, "..."], multiple: Sequence[int]) -> None:
    """Raises ValueError unless images are (batch, z, y, x, 1) in multiples of `multiple`."""
    if x.ndim != 5 or x.shape[-1] != 1:
        raise ValueError(
            f"got images of shape {x.shape}; needs (batch, z, y, x, 1): one grey value per voxel"
        )
    if any(size % m for size, m in zip(x.shape[1:4], multiple, strict=True)):
        raise ValueError(
            f"got images of {x.shape[1:4]} voxels; needs multiples of {tuple(multiple)}: pad or "
            "crop them, or let models.prediction do so"
        )


def neighbouring(
    x: Float32[Array, "batch _ y x 1"], sections: int, *, ends: bool = True
) -> Float32[Array, "batch _ y x sections"]:
    """Every section with those around it as channels, from lowest z.

    Args:
        x: one grey value per voxel.
        sections: odd; the middle one of the channels is the section itself.
        ends: whether to give those at the ends too, which repeat where they have no neighbour;
            otherwise there are sections - 1 fewer.
    """
    beside = sections // 2 if ends else 0
    padded = jnp.pad(x, [(0, 0), (beside, beside), (0, 0), (0, 0), (0, 0)], mode="edge")
    count = padded.shape[1] - sections + 1
    return jnp.concatenate([padded[:, i : i + count] for i in range(sections)], axis=-1)


def check_sections(sections: int) -> int:
    """Raises ValueError unless there is a middle section."""
    if sections < 1 or sections % 2 == 0:
        raise ValueError(
            f"got sections={sections}; needs an odd number: the middle one is predicted"
        )
    return sections
