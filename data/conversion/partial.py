"""Outputs that appear whole or not at all, and go on where a killed run stopped.

While a volume DST is written, three things lie beside it: DST.partial, the voxels so far;
DST.progress.json, how many blocks are in it; and DST.lock, which keeps others out. All are gone
when DST is there. On a remote store, which cannot rename or lock, DST itself grows in place.
"""

import contextlib
import fcntl
import os
import shutil
from collections.abc import Generator

from data.creating import check_writable, exists, remove
from data.formats import hdf5, stores


def partial_path(path: str) -> str:
    """Where the voxels of a volume are written until it is whole."""
    dataset = hdf5.split(path)
    if dataset:
        return f"{dataset[0]}.partial:{dataset[1]}"
    return path if stores.is_url(path) else f"{path.rstrip('/')}.partial"


def file_of(path: str) -> str:
    """The file or folder that holds a volume."""
    return (hdf5.split(path) or (path.rstrip("/"), ""))[0]


@contextlib.contextmanager
def locked(path: str) -> Generator[None]:
    """Holds the lock of a local output; a killed process gives its lock up.

    Raises:
        BlockingIOError: if another process holds it.
        OSError: if nothing can be written there.
    """
    if stores.is_url(path):
        yield
        return
    name = f"{file_of(path)}.lock"
    check_writable(name)
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
            fcntl.flock(file, fcntl.LOCK_EX | fcntl.LOCK_NB)
        except BlockingIOError:
            os.close(file)
            raise BlockingIOError(
                f"{path}: is being written by another process; wait for it, or give another name"
            ) from None
        if os.path.exists(name) and os.path.samestat(os.fstat(file), os.stat(name)):
            return file
        os.close(file)  # the holder before us has deleted this file: it locks nobody out


def read_finished(path: str, job: dict) -> int:
    """How many blocks of this very job an earlier run has finished; 0 if it was another job."""
    folder, key = _progress(path)
    try:
        progress = stores.read_json(folder, key)
    except ValueError:
        return 0
    if not progress or progress.get("job") != job or not exists(partial_path(path)):
        return 0
    return progress["finished"]


def write_finished(path: str, job: dict, finished: int) -> None:
    """Notes that the first `finished` blocks of a job are in the partial output."""
    stores.write_json(*_progress(path), {"job": job, "finished": finished})


def _progress(path: str) -> tuple[str, str]:
    folder, _, name = f"{file_of(path)}.progress.json".rpartition("/")
    return folder or ".", name


def prepare(path: str) -> None:
    """Makes room for a new partial output; that of an HDF5 file starts as a copy of the file."""
    discard(path)
    file = file_of(path)
    if hdf5.split(path) and os.path.isfile(file):
        shutil.copyfile(file, f"{file}.partial")
        remove(partial_path(path))


def discard(path: str) -> None:
    """Deletes the partial output and its progress."""
    folder, key = _progress(path)
    stores.kvstore(folder).write(key, None).result()
    remove(path if stores.is_url(path) else file_of(partial_path(path)))


def publish(path: str) -> None:
    """Gives the finished partial output its name, in place of what is there."""
    if not stores.is_url(path):
        final, new, old = file_of(path), file_of(partial_path(path)), f"{file_of(path)}.old"
        if os.path.lexists(final) and (os.path.isdir(final) or os.path.isdir(new)):
            os.rename(final, old)  # a folder cannot be replaced in one step
        os.replace(new, final)
        remove(old)
    folder, key = _progress(path)
    stores.kvstore(folder).write(key, None).result()
