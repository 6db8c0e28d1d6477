"""Results that are kept beside the code: rows of numbers, and where, when and how they were made.

A file of experiments/results is JSON with the keys of `StoredResult`, one row a line. What is not
known of an old result is `NOT_RECORDED`.
"""

import dataclasses
import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from experiments.run_record import write_text

RESULTS = Path(__file__).parent / "results"
NOT_RECORDED = "not recorded"
Row = Mapping[str, Any]


@dataclasses.dataclass(frozen=True)
class StoredResult:
    """What one experiment measured.

    Attributes:
        command: lines of shell that made the result.
        commit: of the code; with a word where files differed from it.
        environment: `experiments.run_record.environment` of the machine, less the commit.
        date: YYYY-MM-DD.
        notes: what a reader has to know, in sentences.
        rows: what was measured; which columns there are is the experiment's own matter.
    """

    command: Sequence[str]
    commit: str
    environment: Mapping[str, Any] | str
    date: str
    notes: Sequence[str]
    rows: Sequence[Row]


def read_result(path: Path) -> StoredResult:
    """A stored result.

    Raises:
        FileNotFoundError: no such file.
        ValueError: a file that is no stored result, or one without rows.
    """
    if not path.is_file():
        raise FileNotFoundError(f"{path}: there is no such file; {_remedy(path)}")
    try:
        found = StoredResult(**json.loads(path.read_text()))
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: got no stored result ({error}); {_remedy(path)}") from error
    if not found.rows or not all(isinstance(row, dict) for row in found.rows):
        raise ValueError(f"{path}: got no rows of named values; {_remedy(path)}")
    return found


def write_result(path: Path, result: StoredResult) -> None:
    """Writes a result whole or not at all, so that a change of one row is one line."""
    head = {name: value for name, value in vars(result).items() if name != "rows"}
    rows = ",\n".join(f"  {json.dumps(row, ensure_ascii=False)}" for row in result.rows)
    opened = json.dumps(head, indent=1, ensure_ascii=False).removesuffix("\n}")
    write_text(path, f'{opened},\n "rows": [\n{rows}\n ]\n}}\n')


def _remedy(path: Path) -> str:
    return f"needs one: python -m experiments.reproduce experiment={path.stem} makes it"
