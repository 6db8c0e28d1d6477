"""What is fixed about a convolution when it is traced: sizes, padding, and the way it is done."""

import dataclasses
from collections.abc import Sequence
from typing import Literal

Triple = tuple[int, int, int]
Path = Literal["winograd", "direct", "dot", "lax"]
Padding = str | Sequence[tuple[int, int]]


@dataclasses.dataclass(frozen=True)
class Geometry:
    """A convolution of rank 3; lower ranks have leading axes with a kernel of 1.

    Attributes:
        kernel: taps along each axis.
        low: zeros before each axis (negative: elements left out).
        high: zeros after each axis.
        path: how it is computed.
        tile: elements of a Winograd tile along each axis, 1 where the kernel is 1; on another
            path, the tile by which the kernels get their gradient, or all 1 where there is none.
        window: 2 along the axes where the maximum of two neighbouring results is kept, else 1.
        steps: between the taps of a kernel along each axis, 1 where the kernel is 1.
    """

    kernel: Triple
    low: Triple
    high: Triple
    path: Path = "lax"
    tile: Triple = (1, 1, 1)
    window: Triple = (1, 1, 1)
    steps: Triple = (1, 1, 1)

    def reach(self) -> Triple:
        """From the first tap of a kernel to the last, both included."""
        d, h, w = ((k - 1) * s + 1 for k, s in zip(self.kernel, self.steps, strict=True))
        return d, h, w

    def output(self, size: Sequence[int]) -> Triple:
        """Spatial size of the result for an input of this size, before windows."""
        d, h, w = (
            n + lo + hi - k + 1
            for n, lo, hi, k in zip(size, self.low, self.high, self.reach(), strict=True)
        )
        return d, h, w

    def pooled(self, size: Sequence[int]) -> Triple:
        """Spatial size of the result, windows taken as one."""
        d, h, w = (n // k for n, k in zip(self.output(size), self.window, strict=True))
        return d, h, w

    def pools_in_tiles(self) -> bool:
        """Whether every window lies within a tile, so that its maximum is found on the way."""
        sides = zip(self.kernel, self.tile, self.window, strict=True)
        inside = all((t - k + 1) % w == 0 for k, t, w in sides)
        return self.path == "winograd" and self.steps == (1, 1, 1) and inside

    def unpooled(self) -> "Geometry":
        """The convolution alone, without windows."""
        return dataclasses.replace(self, window=(1, 1, 1))

    def transposed(self) -> "Geometry":
        """Of the gradient with respect to the input: the kernel is mirrored."""
        reach = self.reach()
        low = tuple(k - 1 - p for k, p in zip(reach, self.low, strict=True))
        high = tuple(k - 1 - p for k, p in zip(reach, self.high, strict=True))
        return dataclasses.replace(self, low=low, high=high)


def resolve_padding(padding: Padding, kernel: Sequence[int]) -> list[tuple[int, int]]:
    """Zeros before and after each axis, of "SAME", "VALID" or pairs.

    Raises:
        ValueError: anything else, or a negative number.
    """
    if isinstance(padding, str):
        if padding.upper() == "VALID":
            return [(0, 0)] * len(kernel)
        if padding.upper() == "SAME":
            return [((k - 1) // 2, k // 2) for k in kernel]
        raise ValueError(f"got padding={padding!r}; needs 'SAME', 'VALID' or pairs of numbers")
    pairs = [(int(lo), int(hi)) for lo, hi in padding]
    if len(pairs) != len(kernel) or min(min(pair) for pair in pairs) < 0:
        raise ValueError(
            f"got padding={padding}; needs {len(kernel)} pairs (before, after) of numbers >= 0"
        )
    return pairs
