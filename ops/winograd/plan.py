"""Which way a convolution is computed: a cost model over tiles, in cycles of one core.

The numbers are measured on AVX-512 processors; only their ratios matter, and they differ little.
"""

import dataclasses
import functools
import itertools
import math
from collections.abc import Sequence
from typing import Literal

from ops.native import extension
from ops.winograd import calls
from ops.winograd.geometry import Geometry, Path, Triple
from ops.winograd.transforms import POINTS

Precision = Literal["high", "default", "fast"]
Schedule = Literal["fused", "staged"]

# Tiles by precision: relative rms errors of 5e-7, 3e-6 sqrt(C / 64) and 2e-5 sqrt(C / 64).
TILES = {"high": (4,), "default": (4, 6), "fast": (4, 6, 8)}
BUILT = {4: (2, 3), 6: (2, 3, 4, 5), 8: (2, 3, 4, 5)}  # tile: kernel sizes with compiled passes
LINE_CYCLES = {4: 8.0, 6: 13.0, 8: 22.0}  # to transform a line of vectors of a tile
MOVE_CYCLES = 3.0  # to write a transformed vector to L2 and read it again
L3_BYTES_PER_CYCLE = 8.0
PRODUCT_SHARE = 0.85  # of the peak, that products reach
DIRECT_SHARE = 0.7  # of the peak, that the direct kernel reaches
FEW_OUTPUTS = 4  # of which vectors of channels would be mostly empty
OVERHEAD_CYCLES = 30_000.0  # of a call with transforms, over one without


@dataclasses.dataclass(frozen=True)
class Plan:
    """How a convolution is computed, and what that is expected to take.

    Attributes:
        path: "winograd", "direct" (without a transform), "dot" (a matrix product) or "lax" (XLA's
            own).
        tile: elements of a tile along each axis, 1 where the kernel is 1.
        reason: why this path.
        flop: floating-point operations of this path.
        direct_flop: those of the direct algorithm, by which speeds are compared.
        kernel_bytes: of the transformed kernels.
        cycles: of one core, by the cost model.
        schedule: "fused" (a thread takes a block of tiles through all stages) or "staged" (all
            tiles stage by stage, where there are few of them); None without a transform.
        thread_bytes: of scratch memory that each thread needs beside the kernels.
        shared_bytes: and all threads together.
        gradient_bytes: that the gradient of the kernels needs, of all threads.
    """

    path: Path
    tile: Triple
    reason: str
    flop: float
    direct_flop: float
    kernel_bytes: int
    cycles: float
    schedule: Schedule | None = None
    thread_bytes: int = 0
    shared_bytes: int = 0
    gradient_bytes: int = 0


@functools.lru_cache(maxsize=4096)
def make_plan(
    x_shape: tuple[int, ...],
    cout: int,
    geometry: Geometry,
    precision: Precision,
    tile: Triple | None,
) -> Plan:
    """The cheapest plan for images (batch, d, h, w, cin); with a tile given, that one.

    Raises:
        ValueError: a tile that is not built for the kernel.
    """
    direct_flop = 2.0 * x_shape[0] * math.prod(geometry.output(x_shape[1:4]))
    direct_flop *= math.prod(geometry.kernel) * x_shape[4] * cout
    if not calls.register():
        reason = "the C++ extension is not built"
        return Plan("lax", (1, 1, 1), reason, direct_flop, direct_flop, 0, math.inf)
    if tile is not None and tile != (1, 1, 1):
        _check_tile(tile, geometry.kernel)
        return _winograd(x_shape, cout, geometry, tile, direct_flop, "the tile was given")
    if max(geometry.kernel) > 5:
        reason = f"no kernels of {max(geometry.kernel)}; those of up to 5 are"
        return Plan("lax", (1, 1, 1), reason, direct_flop, direct_flop, 0, math.inf)
    if geometry.kernel == (1, 1, 1):
        reason = "a kernel of 1 is a product of matrices"
        return Plan("dot", (1, 1, 1), reason, direct_flop, direct_flop, 0, direct_flop / 32)
    if cout <= FEW_OUTPUTS and geometry.kernel[0] == 1:
        reason = "for so few output channels XLA's own is as fast"
        return Plan("lax", (1, 1, 1), reason, direct_flop, direct_flop, 0, direct_flop / 4)
    plans = [_direct(x_shape, cout, geometry, direct_flop)]
    options = [_tiles_of(k, precision) for k in geometry.kernel]
    if all(options) and geometry.kernel != (1, 1, 1):
        plans += [
            _winograd(x_shape, cout, geometry, (d, h, w), direct_flop, "cheapest by the cost model")
            for d, h, w in itertools.product(*options)
        ]
    return min(plans, key=lambda plan: plan.cycles)


def gradient_tile(kernel: Sequence[int], precision: Precision) -> Triple:
    """The tile by which kernels get their gradient where the forward path has none."""
    options = [_tiles_of(k, precision) for k in kernel]
    if not all(options) or not calls.register():
        return 1, 1, 1
    d, h, w = (option[-1] for option in options)
    return d, h, w


def _tiles_of(taps: int, precision: Precision) -> tuple[int, ...]:
    if taps == 1:
        return (1,)
    return tuple(t for t in TILES[precision] if taps in BUILT[t])


def _check_tile(tile: Triple, kernel: Triple) -> None:
    for t, taps in zip(tile, kernel, strict=True):
        if (taps == 1) != (t == 1) or (t > 1 and taps not in BUILT.get(t, ())):
            built = [size - taps + 1 for size in POINTS if taps in BUILT[size]]
            raise ValueError(
                f"got tile={t - taps + 1} for a kernel of {taps}; needs one of {built or [1]}"
            )


def _direct(x_shape, cout, geometry, direct_flop) -> Plan:
    width = calls.lanes()
    padded = direct_flop * (-(-cout // (2 * width)) * 2 * width / cout)
    cycles = padded / (4 * width) / DIRECT_SHARE
    small = "few input channels" if x_shape[4] < width else "transforms would not pay"
    reason = "a kernel of 1 needs no transform" if geometry.kernel == (1, 1, 1) else small
    return Plan("direct", (1, 1, 1), reason, direct_flop, direct_flop, 0, cycles)


def _winograd(x_shape, cout, geometry, tile: Triple, direct_flop, reason: str) -> Plan:
    width, elements = calls.lanes(), math.prod(tile)
    outputs = [t - k + 1 for t, k in zip(tile, geometry.kernel, strict=True)]
    sizes = zip(geometry.output(x_shape[1:4]), geometry.steps, outputs, strict=True)
    tiles = x_shape[0] * math.prod(s * -(-n // (s * m)) for n, s, m in sizes)
    groups, panels = -(-x_shape[4] // width), -(-cout // (2 * width))
    products = 2.0 * elements * tiles * groups * width * panels * 2 * width
    there = _line_cycles(tile, tile) * groups
    back = _line_cycles(tile, tuple(outputs)) * -(-cout // width)
    moved = elements * MOVE_CYCLES * (groups + 2 * panels)
    kernel_bytes = 4 * calls.transformed_size(tile, x_shape[4], cout)
    tiled = dataclasses.replace(geometry, tile=tile)
    # As on one thread: results must not depend on their number, so the tile must not.
    alone = calls.describe(x_shape, cout, tiled, threads=1)
    blocks = 1 if alone["schedule"] == "staged" else int(alone["blocks"])
    streamed = kernel_bytes / L3_BYTES_PER_CYCLE * blocks
    compute = products / (4 * width) / PRODUCT_SHARE
    kernels = _line_cycles(geometry.kernel, tile) * groups * width * 2 * panels
    cycles = (
        max(compute, streamed if kernel_bytes > l2_bytes() // 2 else 0.0)
        + tiles * (there + back + moved)
        + kernels
        + OVERHEAD_CYCLES
    )
    flop = products + tiles * width * (there + back)
    how = calls.describe(x_shape, cout, tiled, calls.usable_threads())
    memory = (int(how[key]) for key in ("thread_bytes", "shared_bytes", "gradient_bytes"))
    schedule: Schedule = "staged" if how["schedule"] == "staged" else "fused"
    return Plan(
        "winograd", tile, reason, flop, direct_flop, kernel_bytes, cycles, schedule, *memory
    )


def l2_bytes() -> int:
    """Bytes of a core's L2 cache."""
    native = extension()
    return native.cache_bytes()[0] if native is not None else 1 << 20


def _line_cycles(before: Sequence[int], after: Sequence[int]) -> float:
    """To transform a tile of vectors along all its axes, one after the other."""
    sizes, cycles = list(before), 0.0
    for axis, size in enumerate(after):
        t = max(before[axis], size)
        if t > 1:
            lines = math.prod(sizes) / sizes[axis]
            cycles += lines * LINE_CYCLES.get(t, LINE_CYCLES[6])
        sizes[axis] = size
    return cycles
