"""Files of a block that are whole or absent, also after the machine itself has failed."""

import os
from pathlib import Path

import numpy as np

from experiments.reconstruction.grid import Block


def save_arrays(folder: Path, block: Block, arrays: dict[str, np.ndarray]) -> None:
    """Writes FOLDER/Z_Y_X.npz whole or not at all; the same arrays give the same bytes.

    Raises:
        OSError: if it cannot be written.
    """
    path = folder / f"{block.name}.npz"
    partial = path.with_name(path.name + ".partial")
    with partial.open("wb") as file:
        np.savez_compressed(file, allow_pickle=False, **arrays)
        file.flush()
        os.fsync(file.fileno())
    os.replace(partial, path)
    sync_folder(folder)


def load_arrays(folder: Path, block: Block) -> dict[str, np.ndarray]:
    """The arrays of FOLDER/Z_Y_X.npz.

    Raises:
        FileNotFoundError: if there is no such file.
    """
    with np.load(folder / f"{block.name}.npz", allow_pickle=False) as file:
        return dict(file)


def sync_folder(folder: Path) -> None:
    """Returns once the names in a folder are on the disk."""
    file = os.open(folder, os.O_RDONLY)
    try:
        os.fsync(file)
    finally:
        os.close(file)
