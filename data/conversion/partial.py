"""Outputs that appear whole or not at all, and go on where a killed run stopped.

While a volume DST is written, three things lie beside it: DST.partial, the voxels so far;
DST.progress.json, how many blocks are in it; and DST.lock, which keeps others out. All are gone
when DST is there. A DST.partial without a progress of ours is somebody else's, and is kept. On a
remote store, which cannot rename or lock, DST itself grows in place.
"""

import contextlib
import os
import shutil
from collections.abc import Generator

from data.conversion import locking, replacing
from data.creating import check_writable, exists, remove
from data.formats import hdf5, stores


def resolved(path: str) -> str:
    """The path itself, or what it links to: a link stays, and its target is replaced."""
    file = file_of(path)
    if stores.is_url(path) or not os.path.islink(file):
        return path
    return os.path.realpath(file) + path.rstrip("/")[len(file) :]


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
    """Holds the lock of a local output, and mends what a run killed at its very end has left.

    Raises:
        BlockingIOError: if another process holds it.
        OSError: if nothing can be written there.
    """
    if stores.is_url(path):
        yield
        return
    check_writable(file_of(path))
    with locking.held(file_of(path)):
        if _progress_of(path) is not None:
            replacing.recover(file_of(partial_path(path)), file_of(path))
        yield


def read_finished(path: str, job: dict) -> int:
    """How many blocks of this very job an earlier run has finished; 0 if it was another job."""
    progress = _progress_of(path)
    if progress is None or progress["job"] != job or not exists(partial_path(path)):
        return 0
    return progress["finished"]


def write_finished(path: str, job: dict, finished: int) -> None:
    """Notes that the first `finished` blocks of a job are in the partial output."""
    stores.write_json(*_progress(path), {"job": job, "finished": finished})


def _progress(path: str) -> tuple[str, str]:
    folder, _, name = f"{file_of(path)}.progress.json".rpartition("/")
    return folder or ".", name


def _progress_of(path: str) -> dict | None:
    """What a run of ours has noted beside an output; None if there is no such note."""
    try:
        progress = stores.read_json(*_progress(path)) or {}
    except ValueError:
        return None
    return progress if progress.keys() == {"job", "finished"} else None


def prepare(path: str) -> None:
    """Makes room for a new partial output; that of an HDF5 file starts as a copy of the file.

    Raises:
        FileExistsError: if one of the names that are needed is taken by somebody else's file.
    """
    discard(path)
    if stores.is_url(path):
        remove(path)
    else:
        _check_names_free(path)
    # From here on what lies in the partial output is ours, although no block is finished.
    stores.write_json(*_progress(path), {"job": None, "finished": 0})
    file = file_of(path)
    if hdf5.split(path) and os.path.isfile(file):
        shutil.copyfile(file, f"{file}.partial")
        remove(partial_path(path))


def _check_names_free(path: str) -> None:
    replacing.check_old_free(file_of(path))
    for name in (file_of(partial_path(path)), f"{file_of(path)}.progress.json"):
        if os.path.lexists(name):
            raise FileExistsError(
                f"{path}: got {name}, which is not ours; needs that name free while it writes; "
                "move it, or give another name"
            )


def discard(path: str) -> None:
    """Deletes the partial output and its progress, if they are ours."""
    if _progress_of(path) is None:
        return
    remove(path if stores.is_url(path) else file_of(partial_path(path)))
    _forget(path)


def publish(path: str) -> None:
    """Gives the finished partial output its name, in place of what is there."""
    if not stores.is_url(path):
        replacing.replace(file_of(partial_path(path)), file_of(path))
    _forget(path)


def _forget(path: str) -> None:
    folder, key = _progress(path)
    stores.kvstore(folder).write(key, None).result()
