"""The networks of `models` in PyTorch, with the same parameters: eager, channels last.

To be imported where PyTorch is, which the project does not depend on. As in `models`, the identity
of a residual layer is a part of its kernel, so that it costs PyTorch no more than it costs us.
"""

import importlib
import math
from typing import Any

import numpy as np
from flax import nnx
from jaxtyping import Float32

from models.architecture import Dense
from models.convolution import Conv
from models.folded import Folded
from models.shallow import Shallow
from models.standardised import LEAST_VARIANCE, RELU_GAIN, Residual, Standardised
from models.unet import UNet
from models.unet2d import UNet2d
from models.unet3d import UNet3d

torch: Any = importlib.import_module("torch")
functional = torch.nn.functional
Tensor = Any  # of images: (batch, channel, [z,] y, x), in memory channels last


def torch_network(network: Dense) -> Any:
    """A `torch.nn.Module` that computes the same, in two dimensions unless the network has three.

    Where the network sees several sections at once, this one takes them as channels
    (`models.images.neighbouring`).
    """
    match network:
        case UNet3d():
            return TorchUNet(network.body, rank=3)
        case UNet2d():
            return TorchUNet(network.body, rank=2)
        case Folded():
            return TorchFolded(network)
        case Shallow():
            return TorchShallow(network)


def tensor_of(images: Float32[np.ndarray, "batch z y x c"], rank: int) -> Tensor:
    """Images that are not copied; in two dimensions, sections become a part of the batch."""
    joined = images.reshape(-1, *images.shape[4 - rank :])
    return torch.from_numpy(np.moveaxis(joined, -1, 1))


class TorchUNet(torch.nn.Module):
    """See `models.unet.UNet`."""

    def __init__(self, network: UNet, rank: int):
        super().__init__()
        self.down = torch.nn.ModuleList(_block(block, rank) for block in network.down)
        self.lateral = torch.nn.ModuleList(
            TorchStandardised(layer, rank) for layer in network.lateral
        )
        self.up = torch.nn.ModuleList(_block(block, rank) for block in network.up)
        self.head = TorchHead(network.head, rank)
        self.windows = [window[3 - rank :] for window in network.windows]
        self.pool = functional.max_pool2d if rank == 2 else functional.max_pool3d

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the same size as the images."""
        passed = []
        for block, window in zip(self.down, self.windows, strict=False):
            passed.append(block(x))
            x = self.pool(passed[-1], window)
        x = self.down[-1](x)
        for level in reversed(range(len(self.windows))):
            x = self.lateral[level](x)
            raised = functional.interpolate(x, scale_factor=self.windows[level], mode="nearest")
            x = self.up[level]((passed[level] + raised).mul_(math.sqrt(0.5)))
        return self.head(x)


class TorchFolded(torch.nn.Module):
    """See `models.folded.Folded`."""

    def __init__(self, network: Folded):
        super().__init__()
        self.body = TorchUNet(network.body, rank=2)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the same size as the images."""
        n, c, h, w = x.shape
        x = x.reshape(n, c, h // 2, 2, w // 2, 2).permute(0, 3, 5, 1, 2, 4)
        x = x.reshape(n, 4 * c, h // 2, w // 2).contiguous(memory_format=torch.channels_last)
        x = self.body(x)
        x = x.reshape(n, 2, 2, -1, h // 2, w // 2).permute(0, 3, 4, 1, 5, 2)
        return x.reshape(n, -1, h, w)


class TorchShallow(torch.nn.Module):
    """See `models.shallow.Shallow`, whose levels are dilations here, as is common in PyTorch."""

    def __init__(self, network: Shallow):
        super().__init__()
        layers = [
            TorchStandardised(layer, 2, dilation=2**level)
            for level, same in enumerate(network.levels)
            for layer in same
        ]
        first, last = TorchConv(network.first, 2), TorchHead(network.head, 2)
        self.layers = torch.nn.Sequential(first, *layers, last)

    def forward(self, x: Tensor) -> Tensor:
        """Logits of the same size as the images."""
        return self.layers(x)


class TorchConv(torch.nn.Module):
    """relu(x * w + bias)."""

    def __init__(self, layer: Conv, rank: int):
        super().__init__()
        self.kernel, self.bias = _kernel(layer.kernel, rank), _parameter(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Images of the same size."""
        return torch.relu_(_convolved(x, self.kernel, self.bias))


class TorchStandardised(torch.nn.Module):
    """See `models.standardised.Standardised`."""

    def __init__(self, layer: Standardised, rank: int, dilation: int = 1):
        super().__init__()
        self.kernel, self.bias = _kernel(layer.kernel, rank), _parameter(layer.bias)
        self.gain = _parameter(layer.gain)
        self.dilation = dilation

    def taps(self) -> Tensor:
        """The kernel that images are convolved with, (cout, cin, *taps)."""
        inputs = tuple(range(1, self.kernel.ndim))
        fan_in = self.kernel[0].numel()
        variance, mean = torch.var_mean(self.kernel, inputs, correction=0, keepdim=True)
        scale = RELU_GAIN / torch.sqrt(torch.clamp(variance * fan_in, min=LEAST_VARIANCE))
        return (self.kernel - mean) * (scale * self.gain.reshape(-1, *(1 for _ in inputs)))

    def forward(self, x: Tensor) -> Tensor:
        """Images of the same size."""
        return torch.relu_(_convolved(x, self.taps(), self.bias, self.dilation))


class TorchResidual(torch.nn.Module):
    """See `models.standardised.Residual`."""

    def __init__(self, layer: Residual, rank: int):
        super().__init__()
        self.conv, self.scale = TorchStandardised(layer.conv, rank), _parameter(layer.scale)
        identity = torch.zeros_like(self.conv.kernel)
        centre = [taps // 2 for taps in identity.shape[2:]]
        identity[:, :, *centre] = torch.eye(len(identity))
        self.register_buffer("identity", identity)

    def forward(self, x: Tensor) -> Tensor:
        """Images of the same size."""
        taps = torch.addcmul(self.identity, self.conv.taps(), self.scale)
        return torch.relu_(_convolved(x, taps, self.conv.bias))


class TorchHead(torch.nn.Module):
    """See `models.head.head`."""

    def __init__(self, layer: nnx.Linear, rank: int):
        super().__init__()
        self.kernel, self.bias = _parameter(layer.kernel), _parameter(layer.bias)

    def forward(self, x: Tensor) -> Tensor:
        """Logits."""
        return functional.linear(x.movedim(1, -1), self.kernel.T, self.bias).movedim(-1, 1)


def _block(block: nnx.Sequential, rank: int) -> Any:
    layers: Any = block.layers
    first, second = layers
    kind = TorchConv if isinstance(first, Conv) else TorchStandardised
    return torch.nn.Sequential(kind(first, rank), TorchResidual(second, rank))


def _convolved(x: Tensor, kernel: Tensor, bias: Tensor, dilation: int = 1) -> Tensor:
    """Images of the same size.

    Whether by oneDNN is PyTorch's choice: for one small volume it takes its own convolution.
    """
    conv = functional.conv2d if x.ndim == 4 else functional.conv3d
    padding = [dilation * (taps // 2) for taps in kernel.shape[2:]]
    return conv(x, kernel, bias, padding=padding, dilation=dilation)


def _kernel(kernel: nnx.Param, rank: int) -> Any:
    """From (z, y, x, cin, cout) to (cout, cin, [z,] y, x), in memory channels last."""
    taps = np.moveaxis(np.asarray(kernel[...]), -1, 0)
    joined = taps if rank == 3 else taps[:, 0]
    return torch.nn.Parameter(torch.tensor(np.ascontiguousarray(joined)).movedim(-1, 1))


def _parameter(values: Any) -> Any:
    return torch.nn.Parameter(torch.tensor(np.asarray(values[...])))
