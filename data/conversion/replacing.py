"""Puts a new file or folder in the place of an old one, of which no moment can lose both.

A folder cannot be replaced in one step: the old one is first moved to OLD beside it. A run that is
killed in between leaves it there, and the next one calls `recover`.
"""

import os

from data.creating import remove


def old_path(path: str) -> str:
    """Where what was at a path lies while the new one takes its place."""
    return f"{path}.replaced-by-neuropil"


def check_old_free(path: str) -> None:
    """Raises FileExistsError if something lies where `replace` has to put the old one."""
    if os.path.lexists(old_path(path)):
        raise FileExistsError(
            f"{path}: got {old_path(path)}, which this run has not made; needs that name free; "
            "it may be the only copy of an earlier output: look, then move or delete it"
        )


def replace(new: str, path: str) -> None:
    """Renames `new` to `path`, and deletes what was there."""
    if not os.path.lexists(path) or not (os.path.isdir(path) or os.path.isdir(new)):
        os.replace(new, path)
        return
    check_old_free(path)
    os.rename(path, old_path(path))
    try:
        os.rename(new, path)
    except OSError:
        os.rename(old_path(path), path)
        raise
    remove(old_path(path))


def recover(new: str, path: str) -> None:
    """Undoes what a killed `replace(new, path)` has left half done, or ends it."""
    old = old_path(path)
    if not os.path.lexists(old):
        return
    if not os.path.lexists(path):
        os.rename(old, path)
    elif not os.path.lexists(new):
        remove(old)
