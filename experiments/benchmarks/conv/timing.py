"""How long a piece of work takes at best, within a round."""

import math
import time
from collections.abc import Callable

from experiments.benchmarks.conv.jax_works import Work

RUNS = 3  # in a round at most; the fastest counts
ENOUGH_S = 0.2  # after which slow work is not run again
PAUSE_S = 0.02  # between contenders, whose idle threads would otherwise still be spinning


def seconds_of(work: Work) -> float:
    """Seconds of the fastest of a few runs; of a single one where that is long."""
    time.sleep(PAUSE_S)
    best, begin = math.inf, time.perf_counter()
    for _ in range(RUNS):
        start = time.perf_counter()
        work()
        end = time.perf_counter()
        best = min(best, end - start)
        if end - begin > ENOUGH_S:
            break
    return best


def warm_up(work: Work) -> None:
    """Compiles the work, and touches its memory: results alternate between two places."""
    work()
    work()


def rate_of(work: Work, flop: float) -> Callable[[], float]:
    """What measures GFLOP/s of some work, once that is compiled and has found its memory."""
    warm = False

    def measure() -> float:
        nonlocal warm
        if not warm:
            warm_up(work)
            warm = True
        return flop / 1e9 / seconds_of(work)

    return measure
