"""Which blocks of a stage are done: a file each, in a folder that is named for what was done.

`RUN/.done/STAGE-KEY/Z_Y_X` is there once the outputs of that block are on the disk. The key is a
hash of all that the outputs depend on; what was done under another key counts for nothing.
"""

import hashlib
import json
import os
import re
import shutil
from collections.abc import Mapping, Sequence
from pathlib import Path

from experiments.reconstruction.durable import sync_folder
from experiments.reconstruction.grid import Block, Grid, Index

FOLDER = ".done"
KEY_DIGITS = 16
INDEX = re.compile(r"(\d+)_(\d+)_(\d+)")


def stage_key(
    name: str,
    version: int,
    grid: Grid,
    parameters: Mapping[str, object],
    reads: Sequence[str] = (),
    source: object = None,
) -> str:
    """A hash, of 16 hexadecimal digits, of all that the outputs of a stage depend on.

    Args:
        name: of the stage.
        version: of its code, to be raised with every change of what it writes.
        grid: of its blocks; a marker is of no use to blocks of another shape.
        parameters: of the stage, as plain values (what JSON can hold; tuples count as lists).
        reads: keys of the stages that it reads from.
        source: what tells the input that no stage has made from another one, as plain values.

    Raises:
        TypeError: at a value that is not plain.
        ValueError: at NaN or an infinity.
    """
    content = [
        name,
        version,
        [grid.shape, grid.block_shape, grid.halo],
        dict(parameters),
        list(reads),
        source,
    ]
    text = json.dumps(content, sort_keys=True, separators=(",", ":"), allow_nan=False)
    return hashlib.sha256(text.encode()).hexdigest()[:KEY_DIGITS]


def begin(run: Path, name: str, key: str, outputs: Sequence[Path]) -> tuple[Path, set[Index]]:
    """The folder of a stage's markers, and the indices (z, y, x) of the blocks that are done.

    Markers of other keys, or of outputs that are no longer there, are deleted. To be called before
    the outputs are touched: a marker must not outlive what it stands for.

    Raises:
        FileExistsError: if there are outputs, but no stage of this name has run here.
    """
    folder, others = run / FOLDER / f"{name}-{key}", _folders(run, name)
    present = [path for path in outputs if path.exists()]
    if present and not others:
        raise FileExistsError(
            f"{present[0]}: is there already, and no run in {run} has written it; needs that name "
            "free; move it, or choose another run directory"
        )
    folder.mkdir(parents=True, exist_ok=True)
    for old in others:
        if old != folder:
            shutil.rmtree(old)
    if len(present) < len(outputs):
        for marker in folder.iterdir():
            marker.unlink()
    sync_folder(folder)
    sync_folder(run / FOLDER)
    found = (INDEX.fullmatch(path.name) for path in folder.iterdir())
    return folder, {(int(m[1]), int(m[2]), int(m[3])) for m in found if m}


def write(folder: Path, block: Block) -> None:
    """Notes that a block is done, whose outputs must be on the disk by now."""
    file = os.open(folder / block.name, os.O_WRONLY | os.O_CREAT, 0o644)  # empty: never half there
    try:
        os.fsync(file)
    finally:
        os.close(file)
    sync_folder(folder)


def _folders(run: Path, name: str) -> list[Path]:
    """Those of the stage's markers, under any key."""
    folders = (run / FOLDER).iterdir() if (run / FOLDER).is_dir() else []
    return [folder for folder in folders if folder.name.rpartition("-")[0] == name]
