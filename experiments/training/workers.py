"""The processors of a sweep that runs several jobs at once, shared out among them."""

import os
import socket
from collections.abc import Mapping
from typing import Any

_places: list[socket.socket] = []  # taken by this process, until it ends


def take_share(launcher: Mapping[str, Any]) -> None:
    """Confines this process to its share of the processors, if joblib runs it beside others.

    To be called before JAX is loaded: XLA starts as many threads as there are processors that the
    process may use then, and threads that are there already are not confined. A worker keeps its
    share for all its jobs; one that ends leaves it to the next. Linux only: elsewhere nothing is
    done.

    Args:
        launcher: `HydraConfig.get().launcher`; `n_jobs` is how many jobs run at once, as joblib
            has it (-1: as many as there are processors).
    """
    if launcher.get("n_jobs") is None or _places or not hasattr(os, "sched_setaffinity"):
        return
    processors = sorted(os.sched_getaffinity(0))
    jobs = launcher["n_jobs"]
    jobs = max(1, len(processors) + 1 + jobs) if jobs < 0 else jobs
    os.sched_setaffinity(0, share_of(_take_place(jobs), jobs, processors))


def share_of(place: int, jobs: int, processors: list[int]) -> list[int]:
    """The processors of one job of several; one that others have too if there are too few."""
    count = len(processors)
    share = processors[place * count // jobs : (place + 1) * count // jobs]
    return share or [processors[place % count]]


def _take_place(jobs: int) -> int:
    """The first place below `jobs` that no other worker of the same sweep has.

    A name in Linux' abstract socket namespace has one owner, and is free again when that ends,
    however it ends.
    """
    for place in range(jobs):
        taken = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            taken.bind(f"\0neuropil-{os.getppid()}-{place}")
        except OSError:
            taken.close()
            continue
        _places.append(taken)
        return place
    return os.getpid() % jobs  # a worker that is ending has not left its place yet
