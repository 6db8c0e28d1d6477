"""One block of a stage, done wherever an engine does it."""

import dataclasses
import traceback
from collections.abc import Callable, Iterator, Sequence
from pathlib import Path

from data.conversion.job import is_disk_full
from experiments.reconstruction import markers
from experiments.reconstruction.grid import Block

Work = Callable[[Block], None]


@dataclasses.dataclass(frozen=True)
class Failure:
    """Why a block is not done, in words, as not every exception can leave its process.

    Attributes:
        reason: the exception, or how the worker died.
        trace: where it was raised; empty for a worker that died.
        disk_full: whether there was no space left.
    """

    reason: str
    trace: str = ""
    disk_full: bool = False


Attempt = Callable[[Block], Failure | None]
Outcome = tuple[Block, Failure | None]
# Does an attempt at each block and yields its outcome, in any order. After a failure it begins
# no further block, and ends when those that run have ended.
Engine = Callable[[Attempt, Sequence[Block]], Iterator[Outcome]]


def attempt(work: Work, done: Path, block: Block) -> Failure | None:
    """Does a block and notes in the folder `done` that it is done; says why if that fails."""
    try:
        work(block)
        markers.write(done, block)
    except Exception as error:
        reason = f"{type(error).__name__}: {error}"
        return Failure(reason, traceback.format_exc(), is_disk_full(error))
    return None
