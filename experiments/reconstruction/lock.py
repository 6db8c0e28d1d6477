"""A lock on a run directory: two runs at once would write into each other's volumes."""

import contextlib
import errno
import fcntl
import logging
import os
import socket
from collections.abc import Generator
from pathlib import Path

log = logging.getLogger(__name__)
NAME = ".lock"
UNSUPPORTED = {errno.ENOSYS, errno.EOPNOTSUPP, errno.ENOLCK}


@contextlib.contextmanager
def locked(folder: Path) -> Generator[None]:
    """Holds the lock of a run directory.

    The kernel gives it up when this process ends, however it ends; the file stays, and says who
    held it last. On NFS it holds between machines as well. A file system that knows no locks (some
    Lustre mounts) gets a warning instead.

    Raises:
        BlockingIOError: if another process holds it; names that process and its machine.
    """
    with open(folder / NAME, "a+") as file:
        try:
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            raise BlockingIOError(
                f"{folder}: got a run directory that {_holder(folder)} is writing; needs one run "
                "at a time: wait for that run, stop it, or choose another directory"
            ) from None
        except OSError as error:
            if error.errno not in UNSUPPORTED:
                raise
            log.warning("%s: its file system has no locks; start no second run there", folder)
        file.truncate(0)
        file.write(f"process {os.getpid()} on {socket.gethostname()}")
        file.flush()
        yield


def _holder(folder: Path) -> str:
    return (folder / NAME).read_text() or "another process"
