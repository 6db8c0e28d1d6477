"""A residual U-Net for volumes, isotropic or of thick sections (after Lee et al. 2017)."""

from flax import nnx
from jaxtyping import Array, Float32

from models.images import check_images
from models.unet import UNet
from ops.winograd.geometry import Triple

PLANE: Triple = (1, 3, 3)
CUBE: Triple = (3, 3, 3)


class UNet3d(nnx.Module):
    """Logits of every voxel.

    After the residual symmetric U-Net of Lee et al. 2017, arXiv:1706.00120, in our own sizes.
    Where sections are thick, the first levels look along a section first, then across, and halve
    the pixels of a section but not their number, until voxels are about as long as thick.

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
        anisotropic_levels: int = 0,
        prior: float = 0.5,
        rngs: nnx.Rngs,
    ):
        """A network with parameters drawn from `rngs.params`.

        Args:
            outputs: channels of logits.
            width: channels of the first level, see `models.unet`.
            levels: of the pyramid.
            anisotropic_levels: how many levels, from the first, have a kernel of 1x3x3 before that
                of 3x3x3 and halve y and x alone; the others have two of 3x3x3 and halve all axes.
                About log2 of the thickness of a section in pixels: 2 for 30x6x6 nm, 0 for 8x8x8.
            prior: probability of the sigmoid of all logits at the start, in (0, 1).
            rngs: source of keys.

        Raises:
            ValueError: numbers out of range.
        """
        if levels < 1 or not 0 <= anisotropic_levels <= levels:
            raise ValueError(
                f"got levels={levels}, anisotropic_levels={anisotropic_levels}; needs at least one "
                "level, and among them the anisotropic ones"
            )
        flat = [level < anisotropic_levels for level in range(levels)]
        self.body = UNet(
            1,
            outputs,
            width=width,
            kernels=[(PLANE if thick else CUBE, CUBE) for thick in flat],
            windows=[(1, 2, 2) if thick else (2, 2, 2) for thick in flat[:-1]],
            prior=prior,
            rngs=rngs,
        )
        self.multiple, self.reach = self.body.multiple, self.body.reach
        self.channels = outputs

    def __call__(self, x: Float32[Array, "batch z y x 1"]) -> Float32[Array, "batch z y x channel"]:
        """Logits, for images of about mean 0 and standard deviation 1, as zeros are around them.

        Raises:
            ValueError: sizes that are not multiples of `multiple`.
        """
        check_images(x, self.multiple)
        return self.body(x)
