"""One .npz file: named arrays, and what is to be known of them."""

import json
import os
import tempfile
import zipfile
from collections.abc import Mapping
from pathlib import Path
from typing import Any, BinaryIO

import numpy as np

VERSION = 1  # of the file
PREFIX = "parameters/"
NOT_WHOLE = (zipfile.BadZipFile, EOFError, KeyError, OSError, json.JSONDecodeError)


def write_archive(
    path: str | os.PathLike, about: Mapping[str, Any], arrays: Mapping[str, np.ndarray]
) -> None:
    """Writes a file whole or not at all; a reader never sees half of it.

    Args:
        path: ends in .npz; its folder exists.
        about: JSON values.
        arrays: by name; "parameters/" is put before each.

    Raises:
        ValueError: another suffix.
    """
    path = Path(path)
    if path.suffix != ".npz":
        raise ValueError(f"got {path}; needs a name that ends in .npz")
    text = np.array(json.dumps({"version": VERSION, **about}))
    named = {PREFIX + name: array for name, array in arrays.items()}
    handle, partial = tempfile.mkstemp(dir=path.parent, prefix=path.name, suffix=".partial")
    try:
        with os.fdopen(handle, "wb") as file:
            np.savez(file, allow_pickle=False, about=text, **named)
        os.replace(partial, path)
    except BaseException:
        os.unlink(partial)
        raise


def read_archive(path: str | os.PathLike) -> tuple[dict[str, Any], dict[str, np.ndarray]]:
    """What `write_archive` was given.

    Raises:
        ValueError: a file that is cut off or none of ours, or of another version; names the file.
        FileNotFoundError: no such file.
    """
    if not Path(path).exists():
        raise FileNotFoundError(f"{path}: no such file of weights")
    try:
        with open(path, "rb") as whole, np.load(_zip(whole), allow_pickle=False) as file:
            about = json.loads(str(file["about"]))
            arrays = {n.removeprefix(PREFIX): file[n] for n in file.files if n != "about"}
    except (*NOT_WHOLE, ValueError) as error:
        raise ValueError(
            f"{path}: not a whole file of weights ({error}); fetch or save it again"
        ) from error
    if about.get("version") != VERSION:
        found = about.get("version")
        raise ValueError(f"{path}: got version={found}; needs {VERSION}: save it anew")
    return about, arrays


def _zip(file: BinaryIO) -> BinaryIO:
    """The file, unless its end is missing, where a zip has its table of contents."""
    if not zipfile.is_zipfile(file):
        raise zipfile.BadZipFile("its end is missing, or it is no .npz")
    file.seek(0)
    return file
