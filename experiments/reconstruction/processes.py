"""Engine `processes`: workers on this machine, each with its own memory and threads.

A worker lives as long as the engine, through all stages. What is slow to make, such as a network
with its weights, is made once in each by a cached function in the module of the work:

    @functools.lru_cache(maxsize=1)
    def network(weights: str): ...
"""

import collections
import contextlib
import ctypes
import dataclasses
import logging
import multiprocessing
import os
import signal
import sys
import threading
from collections.abc import Generator, Mapping, Sequence
from multiprocessing.connection import Connection, wait
from multiprocessing.process import BaseProcess

from experiments.reconstruction.attempt import Attempt, Engine, Failure, Outcome
from experiments.reconstruction.grid import Block

log = logging.getLogger(__name__)
PR_SET_PDEATHSIG = 1  # of prctl(2)


@dataclasses.dataclass(frozen=True, eq=False)
class Worker:
    """A process, and the pipe on which it gets attempts with blocks and answers by failures."""

    process: BaseProcess
    connection: Connection


@contextlib.contextmanager
def workers(count: int, threads: int) -> Generator[Engine]:
    """An engine of `count` processes with `threads` compute threads each.

    A process starts when there is work for it; all are killed at the end, and die with this one.
    """
    idle: list[Worker] = []

    def engine(attempt: Attempt, blocks: Sequence[Block]) -> Generator[Outcome]:
        return _run(idle, count, threads, attempt, blocks)

    try:
        yield engine
    finally:
        for worker in idle:
            _end(worker)


def thread_settings(threads: int) -> dict[str, str]:
    """Environment of a process that computes on so many threads; libraries read it on loading."""
    names = ("OMP_NUM_THREADS", "OPENBLAS_NUM_THREADS", "MKL_NUM_THREADS", "NPROC")  # last: XLA's
    return dict.fromkeys(names, str(threads))


def _run(
    idle: list[Worker], count: int, threads: int, attempt: Attempt, blocks: Sequence[Block]
) -> Generator[Outcome]:
    waiting, busy = collections.deque(blocks), dict[Connection, tuple[Worker, Block]]()
    again, failed = set[Block](), False
    try:
        while busy or (waiting and not failed):
            while waiting and not failed and len(busy) < count:
                worker, block = idle.pop() if idle else _start(threads), waiting.popleft()
                busy[worker.connection] = worker, block
                _give(worker, attempt, block)
            for connection in wait(list(busy)):
                assert isinstance(connection, Connection)
                worker, block = busy.pop(connection)
                alive, failure = _answer(worker)
                if alive:
                    idle.append(worker)
                elif not failed and block not in again:
                    assert failure
                    log.warning("%s: %s; trying again in a new one", block, failure.reason)
                    again.add(block)
                    waiting.appendleft(block)
                    continue
                failed = failed or failure is not None
                yield block, failure
    finally:
        for worker, _ in busy.values():
            _end(worker)


def _start(threads: int) -> Worker:
    context = multiprocessing.get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_serve, args=(theirs,), daemon=True)
    with _environment(thread_settings(threads)):
        process.start()
    theirs.close()  # so that the worker's end closes when it dies
    return Worker(process, ours)


@contextlib.contextmanager
def _environment(settings: Mapping[str, str]) -> Generator[None]:
    before = {name: os.environ.get(name) for name in settings}
    os.environ.update(settings)
    try:
        yield
    finally:
        for name, value in before.items():
            os.environ.pop(name) if value is None else os.environ.update({name: value})


def _give(worker: Worker, attempt: Attempt, block: Block) -> None:
    with contextlib.suppress(ConnectionError):  # it is dead, which its answer will tell
        worker.connection.send((attempt, block))


def _answer(worker: Worker) -> tuple[bool, Failure | None]:
    """Whether the worker lives, and how its block has failed if it has."""
    try:
        return True, worker.connection.recv()
    except (EOFError, OSError):
        _end(worker)
        return False, Failure(_how_it_ended(worker.process.exitcode))


def _how_it_ended(code: int | None) -> str:
    if code is None or code >= 0:
        return f"its worker ended with exit code {code}"
    name = signal.Signals(-code).name
    advice = "; needs more memory, a smaller block_shape or fewer workers, if the system ran out"
    return f"its worker was killed by {name}{advice if name == 'SIGKILL' else ''}"


def _end(worker: Worker) -> None:
    worker.connection.close()
    worker.process.kill()
    worker.process.join()


def _serve(connection: Connection) -> None:
    """What a worker does."""
    signal.signal(signal.SIGINT, signal.SIG_IGN)  # Ctrl-C is for the parent, which ends us
    _die_with_parent()
    with contextlib.suppress(EOFError):
        while True:
            attempt, block = connection.recv()
            connection.send(attempt(block))


def _die_with_parent() -> None:
    """A worker that outlives a killed parent would write into the volumes of the next run."""

    def watch() -> None:
        parent = multiprocessing.parent_process()
        assert parent
        parent.join()
        os._exit(1)

    threading.Thread(target=watch, daemon=True).start()
    if sys.platform == "linux":  # at once, whatever code holds the interpreter
        ctypes.CDLL(None).prctl(PR_SET_PDEATHSIG, signal.SIGKILL)
