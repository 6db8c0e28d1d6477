"""A U-Net for the fast pass: pixels are folded two by two, a quarter as many places to compute."""

from flax import nnx
from jaxtyping import Array, Float32, Shaped

from models.images import check_images, check_sections, neighbouring
from models.unet import UNet


class Folded(nnx.Module):
    """Logits of every section, from a U-Net on images whose four pixels of a square are channels.

    The four logits of a square are predicted at once and put back at their places, as in the
    sub-pixel convolution of Shi et al. 2016 (arXiv:1609.05158). A place costs as in `UNet2d` of
    this width, and there are a quarter as many; it sees twice as far.

    Attributes:
        reach: voxels (z, y, x) around an output that it may depend on.
        multiple: what the sizes (z, y, x) of images must be divisible by.
        channels: of the logits.
    """

    def __init__(
        self,
        outputs: int,
        *,
        width: int = 16,
        levels: int = 3,
        sections: int = 1,
        prior: float = 0.5,
        rngs: nnx.Rngs,
    ):
        """A network with parameters drawn from `rngs.params`.

        Args:
            outputs: channels of logits.
            width: channels of the first level, see `models.unet`.
            levels: of the pyramid, whose first has half the pixels of the image along y and x.
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
            4 * sections,
            4 * outputs,
            width=width,
            kernels=[((1, 3, 3), (1, 3, 3))] * levels,
            windows=[(1, 2, 2)] * (levels - 1),
            prior=prior,
            rngs=rngs,
        )
        _, y, x = self.body.multiple
        self.multiple = (1, 2 * y, 2 * x)
        _, y, x = self.body.reach
        self.reach = (sections // 2, 2 * y + 1, 2 * x + 1)

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
        return unfolded(self.body(folded(neighbouring(x, self.sections, ends=ends))))


def folded(x: Shaped[Array, "_ _ _ _ _"], edge: int = 2) -> Shaped[Array, "_ _ _ _ _"]:
    """Squares of pixels as channels, by default of two by two: (batch, z, y / 2, x / 2, 4 c)."""
    batch, d, h, w, c = x.shape
    x = x.reshape(batch, d, h // edge, edge, w // edge, edge, c).transpose(0, 1, 2, 4, 3, 5, 6)
    return x.reshape(batch, d, h // edge, w // edge, edge * edge * c)


def unfolded(x: Float32[Array, "_ _ _ _ _"]) -> Float32[Array, "_ _ _ _ _"]:
    """The inverse of `folded`, for squares of two by two."""
    batch, d, h, w, c = x.shape
    x = x.reshape(batch, d, h, w, 2, 2, c // 4).transpose(0, 1, 2, 4, 3, 5, 6)
    return x.reshape(batch, d, 2 * h, 2 * w, c // 4)
