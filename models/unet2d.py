"""A residual U-Net in the plane of a section, which may see the sections beside it."""

from flax import nnx
from jaxtyping import Array, Float32

from models.images import check_images, check_sections, neighbouring
from models.unet import UNet


class UNet2d(nnx.Module):
    """Logits of every section, from it and its neighbours.

    Attributes:
        reach: voxels (z, y, x) around an output that it may depend on.
        multiple: what the sizes (z, y, x) of images must be divisible by.
        channels: of the logits.
    """

    def __init__(
        self,
        outputs: int,
        *,
        width: int = 32,
        levels: int = 4,
        sections: int = 1,
        prior: float = 0.5,
        rngs: nnx.Rngs,
    ):
        """A network with parameters drawn from `rngs.params`.

        Args:
            outputs: channels of logits.
            width: channels of the first level, see `models.unet`.
            levels: of the pyramid; each has half the pixels of the one above along y and x.
            sections: odd; how many neighbouring sections are seen, those at the ends repeated.
            prior: probability of the sigmoid of all logits at the start, in (0, 1).
            rngs: source of keys.

        Raises:
            ValueError: numbers out of range.
        """
        if levels < 1:
            raise ValueError(f"got levels={levels}; needs at least one")
        self.channels, self.sections = outputs, check_sections(sections)
        self.body = UNet(
            sections,
            outputs,
            width=width,
            kernels=[((1, 3, 3), (1, 3, 3))] * levels,
            windows=[(1, 2, 2)] * (levels - 1),
            prior=prior,
            rngs=rngs,
        )
        self.multiple = self.body.multiple
        self.reach = (sections // 2, *self.body.reach[1:])

    def __call__(
        self, x: Float32[Array, "batch _ y x 1"], *, ends: bool = True
    ) -> Float32[Array, "batch _ y x channel"]:
        """Logits, for images of about mean 0 and standard deviation 1, as zeros are around them.

        Args:
            x: one grey value per voxel.
            ends: whether to answer for the sections at the ends too, which lack neighbours.

        Raises:
            ValueError: sizes that are not multiples of `multiple`.
        """
        check_images(x, self.multiple)
        return self.body(neighbouring(x, self.sections, ends=ends))
