"""Volumes and tables of a run directory, opened once in each process for as long as they stay."""

import functools
from pathlib import Path

import numpy as np

from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.durable import load_arrays
from experiments.reconstruction.grid import Block


def opened(path: Path) -> Volume:
    """The zarr volume at a path; opened anew once it has been made anew."""
    return _opened(path, (path / "zarr.json").stat().st_mtime_ns)


def loaded(folder: Path, block: Block) -> dict[str, np.ndarray]:
    """The arrays of a block; read anew once they have been written anew."""
    return _loaded(folder, block, (folder / f"{block.name}.npz").stat().st_mtime_ns)


@functools.lru_cache(maxsize=8)
def _opened(path: Path, _: int) -> Volume:
    return open_volume(str(path))


@functools.lru_cache(maxsize=1)
def _loaded(folder: Path, block: Block, _: int) -> dict[str, np.ndarray]:
    return load_arrays(folder, block)
