"""The catalog as text for a terminal: a table of sets, and one set in full."""

import textwrap
from collections.abc import Mapping, Sequence
from pathlib import Path

from data.datasets.entry import Entry
from data.datasets.verification import FileStatus, overall_state

COLUMNS = {
    "name": 19,
    "what": 19,
    "size (z,y,x)": 15,
    "voxel (nm)": 10,
    "layers": 21,
    "splits": 11,
    "status": 11,
}
WIDTH = sum(COLUMNS.values()) + 2 * (len(COLUMNS) - 1)
LABEL_WIDTH = 12


def describe_state(entry: Entry, statuses: tuple[FileStatus, ...], root: Path | None) -> str:
    """The state of a set in a few words."""
    if entry.generated:
        return "embedded (generated)"
    if root is None:
        return "no root set"
    absent = sum(status.state == "missing" for status in statuses)
    state = overall_state(statuses)
    if state == "missing" and absent < len(statuses):
        return f"missing ({absent} of {len(statuses)} files)"
    return "unchecked (no checksum on record)" if state == "unchecked" else state


def table(entries: Sequence[Entry], states: Mapping[str, str]) -> str:
    """All sets, a row each; cells are wrapped to COLUMNS.

    Args:
        entries: the sets.
        states: name of a set to its state in words.
    """
    rows = [_row(tuple(COLUMNS)), "-" * WIDTH]
    rows += [_row(_cells(entry, states[entry.name])) for entry in entries]
    return "\n".join(rows)


def full_text(entry: Entry, state: str, statuses: tuple[FileStatus, ...]) -> str:
    """One set: what it is, how to read it, where it is from, its terms, citations and files."""
    parts = [
        ("what", entry.title),
        ("size", entry.size),
        ("voxel size", f"{_voxel_size(entry)} nm (z, y, x)" if entry.voxel_size_nm else "none"),
        *(("layer", f"{name}: {text}") for name, text in entry.layers.items()),
        *(("split", f"{name}: {text}") for name, text in entry.describe_splits().items()),
        ("labels", entry.label_convention),
        ("read with", entry.read_with),
        ("origin", entry.origin),
        ("files are", entry.preparation),
        ("terms", entry.terms),
        *(("cite", text) for text in entry.citations),
        *(("file", text) for text in _file_texts(entry, statuses)),
        ("status", state),
    ]
    return "\n".join([entry.name, *(_paragraph(label, text) for label, text in parts)])


def _file_texts(entry: Entry, statuses: tuple[FileStatus, ...]) -> list[str]:
    states = {status.file.path: f" {status.state}" for status in statuses}
    return [
        f"{file.path}{states.get(file.path, '')} ({file.size_bytes or 'unknown'} bytes, "
        f"SHA-256 {file.sha256 or 'not on record'})"
        for file in entry.files
    ]


def _cells(entry: Entry, state: str) -> tuple[str, ...]:
    return (
        entry.name,
        entry.title + (" [non-commercial]" if entry.non_commercial else ""),
        entry.size.replace(" x ", "x"),
        _voxel_size(entry),
        ", ".join(entry.layers),
        ", ".join(entry.describe_splits()) or "-",
        state,
    )


def _voxel_size(entry: Entry) -> str:
    return "x".join(f"{size:g}" for size in entry.voxel_size_nm or ()) or "-"


def _row(cells: tuple[str, ...]) -> str:
    widths = tuple(COLUMNS.values())
    wrapped = [_wrap_words(cell, width) for cell, width in zip(cells, widths, strict=True)]
    height = max(len(lines) for lines in wrapped)
    columns = [
        [line.ljust(width) for line in lines + [""] * (height - len(lines))]
        for lines, width in zip(wrapped, widths, strict=True)
    ]
    return "\n".join("  ".join(line).rstrip() for line in zip(*columns, strict=True))


def _wrap_words(text: str, width: int) -> list[str]:
    return textwrap.wrap(text, width, break_on_hyphens=False) or [""]


def _paragraph(label: str, text: str) -> str:
    lines = _wrap_words(text, WIDTH - LABEL_WIDTH)
    indented = [" " * LABEL_WIDTH + line for line in lines[1:]]
    return "\n".join([f"{label:<{LABEL_WIDTH}}{lines[0]}", *indented])
