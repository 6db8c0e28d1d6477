"""Runs the stages of a reconstruction block by block, and each block once.

    with open_engine(settings, run) as engine:
        run_blocks(Stage("membrane", key, grid.blocks, work), run, engine)

What is done is noted on the disk (`markers`), so a run that was killed at any moment goes on with
the blocks that were not done. Blocks of a stage do not see each other's outputs, so the result is
the same whatever does them, in whatever order.
"""

import contextlib
import dataclasses
import errno
import functools
import shutil
import sys
from collections.abc import Callable, Generator, Iterator, Sequence
from pathlib import Path

from tqdm import tqdm

from configs.reconstruction import DaskEngine, EngineSettings, ProcessesEngine
from data.creating import remove
from experiments.reconstruction import markers, processes
from experiments.reconstruction.attempt import (
    Attempt,
    Engine,
    Failure,
    Outcome,
    Work,
    attempt,
)
from experiments.reconstruction.grid import Block
from experiments.reconstruction.lock import locked
from experiments.reconstruction.stopping import exit_on_signals
from experiments.run_record import usable_threads


@dataclasses.dataclass(frozen=True)
class Stage:
    """Work on each block of a volume.

    Attributes:
        name: for folders and messages; letters, digits and underscores.
        key: of `markers.stage_key`.
        blocks: of a grid.
        work: reads a block and writes its outputs, and returns once they are on the disk (as
            TensorStore's writes and `durable.save_arrays` do). Done twice it must leave the same
            bytes. It must be a function of a module, or `functools.partial` of one with plain
            values, to be sent to other processes.
        outputs: paths in the run directory. Without them nothing counts as done, and they are
            deleted when all blocks have to be done anew.
        prepare: makes the empty outputs, before the first block.
        block_bytes: of the outputs of a block at most, for messages; None if unknown.
    """

    name: str
    key: str
    blocks: Sequence[Block]
    work: Work
    outputs: Sequence[Path] = ()
    prepare: Callable[[], object] | None = None
    block_bytes: int | None = None


class BlockError(RuntimeError):
    """A block of a stage could not be done."""


@contextlib.contextmanager
def open_engine(settings: EngineSettings, run: Path) -> Generator[Engine]:
    """What does the blocks of a run, whose directory is locked meanwhile; for all its stages.

    In this context SIGTERM and Ctrl-C end the workers, and raise SystemExit(128 + number).

    Raises:
        BlockingIOError: if another run is writing there.
        ImportError: without the packages of engine=dask; says how to install them.
    """
    with exit_on_signals(), locked(run), _workers(settings) as engine:
        yield engine


def run_blocks(stage: Stage, run: Path, engine: Engine) -> int:
    """Does the blocks of a stage that are not done; returns how many those were.

    Raises:
        FileExistsError: at an output that no run here has written.
        BlockError: at a block that fails, or whose worker dies twice, once the blocks that were
            running have ended; names the stage and the block. What is done stays done.
        OSError: (ENOSPC) in its place where the disk is full; says how much space is needed.
    """
    done, finished = markers.begin(run, stage.name, stage.key, stage.outputs)
    if not finished:
        for path in stage.outputs:
            remove(str(path))
        if stage.prepare:
            stage.prepare()
    todo = [block for block in stage.blocks if block.index not in finished]
    failures: list[tuple[Block, Failure]] = []
    progress = tqdm(
        total=len(stage.blocks),
        initial=len(stage.blocks) - len(todo),
        desc=stage.name,
        unit="block",
        mininterval=0.1 if sys.stderr.isatty() else 30,  # a log is not filled with bars
    )
    with progress:
        for block, failure in engine(functools.partial(attempt, stage.work, done), todo):
            if failure:
                failures.append((block, failure))
            else:
                progress.update()
    if failures:
        remaining = len(todo) - (progress.n - progress.initial)
        raise _error(stage, run, failures, remaining)
    return len(todo)


def _error(
    stage: Stage, run: Path, failures: Sequence[tuple[Block, Failure]], remaining: int
) -> Exception:
    """The error of the first block, in their order, that failed."""
    block, failure = min(failures, key=lambda pair: pair[0].index)
    others = f" (and {len(failures) - 1} more failed)" if len(failures) > 1 else ""
    message = f"stage {stage.name}, {block}{others}: {failure.reason}"
    go_on = "the same run then goes on with the blocks that are not done"
    if failure.disk_full:
        error: Exception = OSError(
            errno.ENOSPC, f"{message}; {_space(stage, run, remaining)}: {go_on}", str(run)
        )
    else:
        error = BlockError(f"{message}; correct the cause: {go_on}")
    if failure.trace:
        error.add_note(failure.trace)
    return error


def _space(stage: Stage, run: Path, remaining: int) -> str:
    free = f"{shutil.disk_usage(run).free / 1e9:.3f} GB are free"
    if stage.block_bytes is None:
        return f"{free}; make room on this disk"
    needed = f"needs up to {stage.block_bytes * remaining / 1e9:.3f} GB more"
    return f"{needed} and {free}; make room on this disk"


def _workers(settings: EngineSettings) -> contextlib.AbstractContextManager[Engine]:
    if isinstance(settings, ProcessesEngine):
        count = settings.workers or max(1, usable_threads() // settings.threads)
        return processes.workers(count, settings.threads)
    if isinstance(settings, DaskEngine):
        from experiments.reconstruction import cluster  # loads an extra of the install

        return cluster.workers(settings)
    return contextlib.nullcontext(_serial)


def _serial(attempt: Attempt, blocks: Sequence[Block]) -> Iterator[Outcome]:
    """Engine `serial`: in this process, with all threads."""
    for block in blocks:
        failure = attempt(block)
        yield block, failure
        if failure:
            return
