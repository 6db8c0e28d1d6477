"""Cross-classification: which colours the objects of one section have in another one.

After 3C (Meirovitch et al., "Cross-Classification Clustering", CVPR 2019, arXiv:1812.01157): the
objects of a section are painted in few colours, a network says where these colours go on in
another section, and a few such paintings tell all objects apart.
"""

import dataclasses

import jax.numpy as jnp
from flax import nnx
from jaxtyping import Array, Float32, UInt8

from models.folded import folded, unfolded
from models.unet import UNet


@dataclasses.dataclass(frozen=True)
class CrossArchitecture:
    """A cross-classifier by its sizes; hashable.

    Attributes:
        letters: colours that objects are painted in, up to 255. With one, a single object is
            painted: the rival of 3C, which follows one object after the other.
        width: channels of the first level, see `models.unet`.
        levels: of the pyramid, whose first has half the pixels of a painting along y and x.
        reduction: edge of the square of image pixels that is one pixel of a painting. Images are
            seen whole: it is the colours that are coarser, and all costs less by its square.
        membranes: whether it sees the membrane probability of both sections beside their images.

    Raises:
        ValueError: numbers out of range.
    """

    letters: int
    width: int
    levels: int
    reduction: int = 1
    membranes: bool = False

    def __post_init__(self):
        if not 1 <= self.letters <= 255:
            raise ValueError(f"got letters={self.letters}; needs 1 to 255")
        if min(self.width, self.levels, self.reduction) < 1:
            raise ValueError(
                f"got width={self.width}, levels={self.levels}, reduction={self.reduction}; needs "
                "at least one of each"
            )


class CrossClassifier(nnx.Module):
    """Logits of the colours in a target section, from the colours in a source section.

    A U-Net in the plane on both images and one mask for each colour, pixels folded two by two as
    in `models.folded.Folded`. It does not know which of the sections lies above the other, nor
    which object a colour stands for: one network serves both directions and all paintings.

    Attributes:
        architecture: of the network.
        views: channels of each section: its grey value, and its membrane probability if that is
            seen too.
        reach: image pixels (z, y, x) around an output that it may depend on; 0 along z.
        multiple: what the sizes (z, y, x) of sections must be divisible by.
        channels: of the logits: no colour, and one for each letter.
    """

    def __init__(self, architecture: CrossArchitecture, *, rngs: nnx.Rngs):
        """A network with parameters drawn from `rngs.params`."""
        a = self.architecture = architecture
        self.views, self.channels = 1 + a.membranes, 1 + a.letters
        self.body = UNet(
            4 * (2 * self.views * a.reduction**2 + a.letters),
            4 * self.channels,
            width=a.width,
            kernels=[((1, 3, 3), (1, 3, 3))] * a.levels,
            windows=[(1, 2, 2)] * (a.levels - 1),
            prior=0.5,  # bias 0: all classes are as likely at the start
            rngs=rngs,
        )
        _, y, x = self.body.multiple
        edge = 2 * a.reduction
        self.multiple = (1, edge * y, edge * x)
        _, y, x = self.body.reach
        self.reach = (0, edge * (y + 1) - 1, edge * (x + 1) - 1)

    def __call__(
        self,
        source: Float32[Array, "pair y x view"],
        target: Float32[Array, "pair y x view"],
        colours: UInt8[Array, "batch h w"],
    ) -> Float32[Array, "batch h w channel"]:
        """Logits of 1 + letters classes for each pixel of the target; class 0 is no colour.

        Args:
            source: grey values of about mean 0 and standard deviation 1, as zeros are around them;
                then membrane probabilities in [0, 1], if those are seen. One for each painting, or
                one for all.
            target: likewise.
            colours: of the source's objects, 1 ... letters; 0 where there is none. Their pixels,
                and those of the logits, are squares of `reduction` pixels of the image.

        Raises:
            ValueError: sections of other channels, or of sizes that are not multiples of
                `multiple`, or paintings of other sizes.
        """
        reduction = self._check(source, colours)
        pair = folded(jnp.concatenate([source, target], axis=-1)[:, None], 2 * reduction)
        cells = folded(colours[:, None, ..., None])
        letters = jnp.arange(1, self.channels, dtype=jnp.uint8)
        masks = (cells[..., None] == letters.reshape(1, 1, 1, 1, 1, -1)).astype(jnp.float32)
        pair = jnp.broadcast_to(pair, (len(colours), *pair.shape[1:]))
        seen = jnp.concatenate([pair, masks.reshape(*cells.shape[:-1], -1)], axis=-1)
        return unfolded(self.body(seen))[:, 0]

    def _check(self, section: Float32[Array, "_ _ _ _"], colours: UInt8[Array, "_ _ _"]) -> int:
        pairs, h, w, views = section.shape
        (_, y, x), r = self.multiple, self.architecture.reduction
        if views != self.views or h % y or w % x:
            raise ValueError(
                f"got sections of shape {section.shape}; needs (batch, y, x, {self.views}), y and "
                f"x multiples of {y} and {x}: models.crossing pads them"
            )
        if colours.shape[1:] != (h // r, w // r) or pairs not in (1, len(colours)):
            raise ValueError(
                f"got paintings of shape {colours.shape} for sections of shape {section.shape}; "
                f"needs {h // r} by {w // r} pixels, and one pair of sections or as many"
            )
        return r
