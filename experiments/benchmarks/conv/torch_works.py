"""The same passes in PyTorch, whose convolutions on a CPU are oneDNN's."""

import functools
import importlib
import importlib.util
from types import ModuleType

import numpy as np

from experiments.benchmarks.conv.jax_works import Images, Pass, Work
from experiments.run_record import usable_threads


def torch_module() -> ModuleType | None:
    """PyTorch, on as many threads as XLA; None where it is not installed."""
    if importlib.util.find_spec("torch") is None:
        return None
    torch = importlib.import_module("torch")
    torch.set_num_threads(usable_threads())
    return torch


def torch_works(torch: ModuleType, x: Images, w: Images, dy: Images) -> dict[Pass, Work]:
    """Each pass in two or three dimensions, channels last and without autograd's overhead.

    A gradient that was not asked for is None.
    """
    rank = x.ndim - 2
    layout = torch.channels_last if rank == 2 else torch.channels_last_3d
    conv = torch.nn.functional.conv2d if rank == 2 else torch.nn.functional.conv3d

    def tensor(array: Images):
        return torch.from_numpy(np.ascontiguousarray(array)).to(memory_format=layout)

    images, gradient = (tensor(np.moveaxis(array, -1, 1)) for array in (x, dy))
    kernels = tensor(w.transpose(rank + 1, rank, *range(rank)))
    padding = [taps // 2 for taps in w.shape[:rank]]
    ones, zeros = [1] * rank, [0] * rank
    settings = (None, ones, padding, ones, False, zeros, 1)

    def forward():
        return conv(images, kernels, padding=padding)

    def backward(of_images: bool, of_kernels: bool):
        wanted = [of_images, of_kernels, False]
        return torch.ops.aten.convolution_backward(gradient, images, kernels, *settings, wanted)

    def step():
        return forward(), *backward(True, True)

    return {
        "forward": forward,
        "dX": functools.partial(backward, True, False),
        "dW": functools.partial(backward, False, True),
        "step": step,
    }
