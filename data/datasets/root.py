"""Where the files of the named datasets lie."""

import os
from pathlib import Path

VARIABLE = "NEUROPIL_DATA"
HOW_TO_SET = (
    f"The data root is not set: give root=FOLDER (data.root=FOLDER to an experiment) or set the "
    f"environment variable {VARIABLE}=FOLDER, where FOLDER holds one folder per dataset; "
    "`python -m data.catalog` lists the files."
)


def find_root(root: str | Path | None = None) -> Path:
    """The data root: `root` if given, else the environment variable NEUROPIL_DATA.

    Raises:
        ValueError: where neither is set.
        NotADirectoryError: where the folder does not exist.
    """
    path = root_if_set(root)
    if path is None:
        raise ValueError(HOW_TO_SET)
    return path


def root_if_set(root: str | Path | None = None) -> Path | None:
    """The data root like `find_root`, or None where neither is set.

    Raises:
        NotADirectoryError: where the folder does not exist.
    """
    chosen = str(root or os.environ.get(VARIABLE, ""))
    if not chosen:
        return None
    path = Path(chosen).expanduser()
    if not path.is_dir():
        raise NotADirectoryError(
            f"got data root {path}, which is no folder; needs the folder that holds one folder "
            f"per dataset (root=FOLDER, or the environment variable {VARIABLE})"
        )
    return path.resolve()
