"""Whether the files of a dataset are there, and are the ones that the catalog describes."""

import dataclasses
import hashlib
from collections.abc import Collection
from pathlib import Path
from typing import Literal

from data.datasets.entry import Entry, SourceFile

State = Literal["verified", "unchecked", "missing", "damaged"]


@dataclasses.dataclass(frozen=True)
class FileStatus:
    """What was found of one file.

    Attributes:
        file: the file as the catalog describes it.
        state: "verified" (size and SHA-256 agree), "unchecked" (there, but no checksum is on
            record), "missing" or "damaged".
        detail: for a damaged file, what was got and what is needed.
    """

    file: SourceFile
    state: State
    detail: str = ""


def status(entry: Entry, root: Path) -> tuple[FileStatus, ...]:
    """The status of every file of a dataset under the data root; reads the files through."""
    return tuple(_file_status(file, root) for file in entry.files)


def overall_state(statuses: tuple[FileStatus, ...]) -> State:
    """The worst state among the files: damaged, then missing, then unchecked."""
    states = {status.state for status in statuses}
    order: tuple[State, ...] = ("damaged", "missing", "unchecked")
    return next((state for state in order if state in states), "verified")


def require_files(entry: Entry, root: Path, left_out: Collection[SourceFile] = ()) -> None:
    """Checks presence and size, which is fast, of all files but those left out.

    Raises:
        FileNotFoundError: where a file is missing.
        ValueError: where a file has another size than the published one.
    """
    for file in entry.files:
        path = root / file.path
        if file in left_out:
            continue
        if not path.is_file():
            raise FileNotFoundError(f"{entry.name}: {path} is missing; {_where_from(entry)}")
        if size := _size_difference(file, path):
            raise ValueError(f"{entry.name}: {path} is damaged ({size}); {_where_from(entry)}")


def _file_status(file: SourceFile, root: Path) -> FileStatus:
    path = root / file.path
    if not path.is_file():
        return FileStatus(file, "missing")
    differences = [d for d in (_size_difference(file, path), _hash_difference(file, path)) if d]
    if differences:
        return FileStatus(file, "damaged", "; ".join(differences))
    return FileStatus(file, "verified" if file.sha256 else "unchecked")


def _size_difference(file: SourceFile, path: Path) -> str:
    got = path.stat().st_size
    if file.size_bytes in (None, got):
        return ""
    return f"size: got {got} bytes, needs {file.size_bytes}"


def _hash_difference(file: SourceFile, path: Path) -> str:
    if file.sha256 is None:
        return ""
    with path.open("rb") as stream:
        got = hashlib.file_digest(stream, "sha256").hexdigest()
    return "" if got == file.sha256 else f"SHA-256: got {got}, needs {file.sha256}"


def _where_from(entry: Entry) -> str:
    return (
        f"get it from {entry.origin} Prepared as: {entry.preparation} Terms: {entry.terms} "
        f"All files: `python -m data.catalog name={entry.name}`"
    )
