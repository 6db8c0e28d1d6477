"""A lock beside an output: one process writes it, and a killed process gives its lock up."""

import contextlib
import fcntl
import os
from collections.abc import Generator


@contextlib.contextmanager
def held(path: str) -> Generator[None]:
    """Holds PATH.lock; the file is gone afterwards.

    Raises:
        BlockingIOError: if another process holds it.
        FileExistsError: if it is a file of somebody else's.
    """
    name = f"{path}.lock"
    file = _lock(name, path)
    try:
        yield
    finally:
        os.remove(name)
        os.close(file)


def _lock(name: str, path: str) -> int:
    """The open lock file; closing it gives the lock up."""
    while True:
        file = os.open(name, os.O_RDWR | os.O_CREAT, 0o644)
        try:
            _take(file, path)
            if _has_name(file, name):
                return file
        except OSError:
            os.close(file)
            raise
        os.close(file)  # the holder before us has deleted this file: it locks nobody out


def _take(file: int, path: str) -> None:
    if os.fstat(file).st_size:  # ours are empty
        raise FileExistsError(
            f"{path}: got {path}.lock, which is not ours; needs that name free while it writes; "
            "move it, or give another name"
        )
    try:
        fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
    except BlockingIOError:
        raise BlockingIOError(
            f"{path}: is being written by another process; wait for it, or give another name"
        ) from None


def _has_name(file: int, name: str) -> bool:
    try:
        return os.path.samestat(os.fstat(file), os.stat(name))
    except FileNotFoundError:
        return False
