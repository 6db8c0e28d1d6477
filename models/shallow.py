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
    (Giusti et al. 2013, arXiv:1302.1700).

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
            nnx.List(_layer(width, 2**level, rngs) for _ in range(count))
            for level, count in enumerate(counts)
        )
        self.head = head(width, outputs, prior, rngs=rngs)
        self.multiple = (1, 1, 1)
        radius = 1 + sum(count * 2**level for level, count in enumerate(counts))
        self.reach = (sections // 2, radius, radius)

    def __call__(
        self, x: Float32[Array, "batch _ y x 1"], *, ends: bool = True
    ) -> Float32[Array, "batch _ y x channel"]:
        """Logits, for images of about mean 0 and standard deviation 1, as zeros are around them.

        Args:
            x: one grey value per voxel.
            ends: whether to answer for the sections at the ends too, which lack neighbours.
        """
        check_images(x, self.multiple)
        x = self.first(neighbouring(x, self.sections, ends=ends))
        for layers in self.levels:
            for layer in layers:
                x = layer(x)
        return self.head(x)


def _layer(width: int, steps: int, rngs: nnx.Rngs) -> Standardised:
    return Standardised(width, width, (1, 3, 3), kernel_dilation=(1, steps, steps), rngs=rngs)
