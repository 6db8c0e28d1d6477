"""What the machine can do at most: multiply-adds in registers, and reads of L3 and of memory."""

import dataclasses
import time
from collections.abc import Callable

import numpy as np

from experiments.benchmarks.conv.timing import PAUSE_S, RUNS
from experiments.run_record import usable_threads
from ops.native import extension

PEAK, L3, DRAM = "FMA peak", "L3 read", "DRAM read"
UNITS = {PEAK: "GFLOP/s", L3: "GB/s", DRAM: "GB/s"}
STEPS = 3_000_000  # of multiply-adds: ten milliseconds, as layers take
L3_PASSES = 4
MAX_BYTES = 1_500_000_000  # read from memory, so that a small machine is not filled

Measure = Callable[[], float]


@dataclasses.dataclass(frozen=True)
class Sizes:
    """Bytes that are read to measure a cache and memory.

    Attributes:
        l3: more than the L2 caches hold, and less than L3.
        dram: more than L3 holds, if that can be.
        words: what is to be known of them.
    """

    l3: int
    dram: int
    words: str


def sizes_of(l2_bytes: int, l3_bytes: int, threads: int) -> Sizes:
    """Four times all L2, but at most half of L3; four times L3, but at most 1.5 GB."""
    l3 = min(4 * l2_bytes * threads, l3_bytes // 2)
    dram = min(max(4 * l3_bytes, 4 * l3), MAX_BYTES)
    words = f"{L3}: of {l3 / 1e6:.0f} MB; {DRAM}: of {dram / 1e6:.0f} MB"
    told = f"with {l3_bytes / 1e6:.0f} MB of L3, as the system tells"
    if l3 < 2 * l2_bytes * threads:
        words += f"; {told}, what is read from it lies partly in L2, and its rate is partly L2's"
    if dram < 2 * l3_bytes:
        words += f"; {told}, much of what is read from DRAM lies in L3, and its rate is partly L3's"
    return Sizes(l3, dram, words)


def machine_limits() -> tuple[dict[str, Measure], str]:
    """What measures each limit with all threads (GFLOP/s, GB/s), and words on it.

    Empty where the extension, which measures them, is not built.
    """
    native = extension()
    if native is None:
        return {}, "not measured (the C++ extension is not built)"
    threads = usable_threads()
    sizes = sizes_of(*native.cache_bytes(), threads)
    data = np.ones(sizes.dram // 4, np.float32)
    cached = data[: sizes.l3 // 4]
    measures = {
        PEAK: lambda: native.fma_peak(threads, STEPS),
        L3: lambda: native.read_bandwidth(cached, threads, L3_PASSES),
        DRAM: lambda: native.read_bandwidth(data, threads, 1),
    }
    return {name: _highest(measure) for name, measure in measures.items()}, sizes.words


def _highest(measure: Measure) -> Measure:
    """The best of as many runs as contenders have."""

    def highest() -> float:
        time.sleep(PAUSE_S)
        return max(measure() for _ in range(RUNS))

    return highest
