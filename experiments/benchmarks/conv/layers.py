"""The convolutions that are measured: layers of networks of the field, stride 1, SAME padding."""

import dataclasses
import math


@dataclasses.dataclass(frozen=True)
class Layer:
    """One convolution.

    Attributes:
        name: within its group.
        shape: of its images (batch, one to three spatial axes, channels).
        kernel: taps along each spatial axis.
        cout: output channels.
        group: the network that it is from, or what it is there for.
    """

    name: str
    shape: tuple[int, ...]
    kernel: tuple[int, ...]
    cout: int
    group: str

    @property
    def cin(self) -> int:
        """Input channels."""
        return self.shape[-1]

    @property
    def label(self) -> str:
        """Group, name and sizes in words."""
        channels = f"{self.cin}" if self.cin == self.cout else f"{self.cin}→{self.cout}"
        size = "x".join(map(str, self.shape[1:-1]))
        taps = "" if set(self.kernel) == {3} else f", kernel {'x'.join(map(str, self.kernel))}"
        return f"{self.group} {self.name}: {channels} at {size}{taps}"

    @property
    def flop(self) -> float:
        """Operations of the direct algorithm, forward; taps on the padding count like others."""
        places = math.prod(self.shape[:-1])
        return 2.0 * places * math.prod(self.kernel) * self.cin * self.cout

    @property
    def bytes(self) -> int:
        """Of images, kernels and results, each touched once; the same for both gradients."""
        places = math.prod(self.shape[:-1])
        kernels = math.prod(self.kernel) * self.cin * self.cout
        return 4 * (places * (self.cin + self.cout) + kernels)


CUBE, SQUARE = (3, 3, 3), (3, 3)
MAIN = (  # one of each kind, for a run of minutes
    Layer("conv1_2", (1, 224, 224, 64), SQUARE, 64, "VGG"),
    Layer("conv3_2", (1, 56, 56, 256), SQUARE, 256, "VGG"),
    Layer("level 1", (1, 512, 512, 32), SQUARE, 32, "U-Net 2-D"),
    Layer("conv2a", (1, 16, 56, 56, 64), CUBE, 128, "C3D"),
    Layer("conv3b", (1, 8, 28, 28, 256), CUBE, 256, "C3D"),
    Layer("level 1", (1, 32, 96, 96, 16), CUBE, 16, "U-Net 3-D"),
    Layer("level 2", (1, 26, 52, 52, 32), CUBE, 32, "U-Net 3-D"),
    Layer("level 3", (1, 16, 64, 64, 64), CUBE, 64, "U-Net 3-D"),
    Layer("level 4", (1, 16, 32, 32, 128), CUBE, 128, "U-Net 3-D"),
    Layer("anisotropic", (1, 16, 128, 128, 32), (1, 3, 3), 32, "U-Net 3-D"),
    Layer("3-D", (1, 32, 96, 96, 1), CUBE, 16, "first layer"),
)
MORE = (
    Layer("conv2_2", (1, 112, 112, 128), SQUARE, 128, "VGG"),
    Layer("conv4_2", (1, 28, 28, 512), SQUARE, 512, "VGG"),
    Layer("encoder 2", (1, 256, 256, 32), SQUARE, 64, "U-Net 2-D"),
    Layer("decoder 1", (1, 512, 512, 64), SQUARE, 32, "U-Net 2-D"),
    Layer("decoder 2", (1, 26, 52, 52, 64), CUBE, 32, "U-Net 3-D"),
    Layer("conv1", (1, 51, 51, 51, 1), CUBE, 32, "MergeNet"),
    Layer("conv2", (1, 51, 51, 51, 32), CUBE, 32, "MergeNet"),
    Layer("2-D", (1, 512, 512, 1), SQUARE, 16, "first layer"),
    Layer("2-D", (1, 512, 512, 1), SQUARE, 32, "first layer"),
    Layer("3-D", (1, 32, 96, 96, 1), CUBE, 32, "first layer"),
    Layer("2-D", (1, 56, 56, 256), (1, 1), 64, "1x1"),
    Layer("last layer", (1, 32, 96, 96, 16), (1, 1, 1), 3, "1x1"),
)
ALL = tuple(sorted((*MAIN, *MORE), key=lambda layer: (layer.group, layer.name)))
