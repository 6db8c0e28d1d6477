"""The cheapest network that still segments: a few layers, and no pyramid."""

from flax import nnx
from jaxtyping import Array, Float32

from models.convolution import Conv
from models.head import head
from models.images import check_images, check_sections, neighbouring
from models.standardised import Standardised


class Shallow(nnx.Module):
    """Logits of every section from a few kernels of 3x3, with steps of 1, 2, 4, ... pixels.

    A net of the fast pass of Meirovitch et al. 2016 (arXiv:1612.02120; its layers are not known,
    these are ours). Pooling is turned into dilation, so that every pixel has an output of its own
    (Giusti et al. 2013, arXiv:1302.1700): an image is dealt out to four of half the size, in which
    the kernels of the next layers are dense again, and put together only at the end.

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
        levels: int = 4,
        sections: int = 1,
        prior: float = 0.5,
        rngs: nnx.Rngs,
    ):
        """A network with parameters drawn from `rngs.params`.

        Args:
            outputs: channels of logits.
            width: channels of all layers; multiples of the 16 floats of a vector waste nothing.
            levels: each doubles the steps of the one before; the first two have two layers, all
                others one, since those make it see farther at the same cost.
            sections: odd; how many neighbouring sections are seen, those at the ends repeated.
            prior: probability of the sigmoid of all logits at the start, in (0, 1).
            rngs: source of keys.

        Raises:
            ValueError: numbers out of range.
        """
        if width < 1 or levels < 1:
            raise ValueError(f"got width={width}, levels={levels}; needs at least one of each")
        self.channels, self.sections = outputs, check_sections(sections)
        counts = [2 if level < 2 else 1 for level in range(levels)]
        self.first = Conv(sections, width, (1, 3, 3), activation="relu", rngs=rngs)
        counts[0] -= 1
        self.levels = nnx.List(
            nnx.List(Standardised(width, width, (1, 3, 3), rngs=rngs) for _ in range(count))
            for count in counts
        )
        self.head = head(width, outputs, prior, rngs=rngs)
        self.multiple = (1, 2 ** (levels - 1), 2 ** (levels - 1))
        radius = 1 + sum(count * 2**level for level, count in enumerate(counts))
        self.reach = (sections // 2, radius, radius)

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
        x = self.first(neighbouring(x, self.sections, ends=ends))
        for level, layers in enumerate(self.levels):
            x = dealt(x) if level else x
            for layer in layers:
                x = layer(x)
        x = self.head(x)
        for _ in range(len(self.levels) - 1):
            x = gathered(x)
        return x


def dealt(x: Float32[Array, "_ _ _ _ _"]) -> Float32[Array, "_ _ _ _ _"]:
    """Four images of half the size: those of even and odd y, and of even and odd x."""
    batch, d, h, w, c = x.shape
    x = x.reshape(batch, d, h // 2, 2, w // 2, 2, c).transpose(3, 5, 0, 1, 2, 4, 6)
    return x.reshape(4 * batch, d, h // 2, w // 2, c)


def gathered(x: Float32[Array, "_ _ _ _ _"]) -> Float32[Array, "_ _ _ _ _"]:
    """The inverse of `dealt`."""
    batch, d, h, w, c = x.shape
    x = x.reshape(2, 2, batch // 4, d, h, w, c).transpose(2, 3, 4, 0, 5, 1, 6)
    return x.reshape(batch // 4, d, 2 * h, 2 * w, c)
