"""Three small stages for tests of engines: a volume, a file for each block, and a global sum.

They need no JAX. A file FAULTS/WHAT-STAGE-Z_Y_X makes that block fail in a chosen way, and
FAULTS/attempts lists what was tried, by which process, on how many threads.
"""

import functools
import os
import signal
import sys
from pathlib import Path

import numpy as np

from configs.reconstruction import DaskEngine, EngineSettings, ProcessesEngine, SerialEngine
from data.creating import create_volume
from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import Stage, open_engine, run_blocks
from experiments.reconstruction.grid import Block, Grid
from experiments.reconstruction.markers import stage_key

SHAPE, CHUNK, VOXEL_SIZE = (4, 8, 6), (1, 2, 2), (30.0, 6.0, 6.0)
GRID = Grid(SHAPE, (2, 4, 4), (1, 1, 1))


@functools.lru_cache(maxsize=4)
def opened(path: Path) -> Volume:
    """What a worker makes once and keeps."""
    return open_volume(str(path))


def make_source(run: Path) -> None:
    run.mkdir(parents=True, exist_ok=True)
    voxels = np.random.default_rng(0).integers(1, 9, SHAPE, np.uint16)
    make_volume(run / "source.zarr")
    opened(run / "source.zarr").write(voxels)


def make_volume(path: Path) -> None:
    create_volume(
        str(path),
        shape=SHAPE,
        dtype="uint16",
        voxel_size_nm=VOXEL_SIZE,
        chunk_shape=CHUNK,
    )


def smooth(run: Path, faults: Path, factor: int, block: Block) -> None:
    """Sums over windows of three voxels, which needs a halo of one."""
    meet("smooth", faults, "before", block)
    voxels = np.pad(opened(run / "source.zarr")[block.outer].read(), 1)
    windows = np.lib.stride_tricks.sliding_window_view(voxels, (3, 3, 3))
    sums = windows.sum((3, 4, 5), dtype=np.uint16)[block.inner_in_outer] * np.uint16(factor)
    opened(run / "smooth.zarr")[block.inner].write(sums)
    meet("smooth", faults, "after", block)


def count(run: Path, faults: Path, block: Block) -> None:
    """The sum of each section of a block."""
    meet("count", faults, "before", block)
    voxels = opened(run / "smooth.zarr")[block.inner].read()
    save_arrays(run / "counts", block, {"sums": voxels.sum((1, 2), dtype=np.int64)})
    meet("count", faults, "after", block)


def total(run: Path, faults: Path, block: Block) -> None:
    """The sum of the volume."""
    meet("total", faults, "before", block)
    sums = [load_arrays(run / "counts", part)["sums"].sum() for part in GRID.blocks]
    save_arrays(run / "total", block, {"sum": np.asarray(np.sum(sums))})
    meet("total", faults, "after", block)


def meet(stage: str, faults: Path, when: str, block: Block) -> None:
    """Notes an attempt and meets the fault that a test has put there."""
    name = f"{stage}-{block.name}"
    if when == "before":
        with (faults / "attempts").open("a") as file:
            file.write(f"{name} {os.getpid()} {os.environ.get('NPROC')}\n")
    if (faults / f"kill-{name}").exists():
        os.kill(os.getpid(), signal.SIGKILL)
    if (faults / f"kill_once-{name}").exists():
        (faults / f"kill_once-{name}").unlink()
        os.kill(os.getpid(), signal.SIGKILL)
    if (faults / f"stay_{when}-{name}").exists():  # a pipe, in which we say that we are here
        (faults / f"stay_{when}-{name}").write_text(str(os.getpid()))
        signal.pause()


def stages(run: Path, faults: Path, factor: int = 1) -> list[Stage]:
    """The three, of which each reads from the one before."""
    whole = Grid(SHAPE, SHAPE)
    smooth_key = stage_key("smooth", 1, GRID, {"factor": factor}, source="source")
    count_key = stage_key("count", 1, GRID, {}, [smooth_key])
    total_key = stage_key("total", 1, whole, {}, [count_key])
    return [
        Stage(
            "smooth",
            smooth_key,
            GRID.blocks,
            functools.partial(smooth, run, faults, factor),
            (run / "smooth.zarr",),
            functools.partial(make_volume, run / "smooth.zarr"),
            2 * 4 * 4 * 2,
        ),
        Stage(
            "count",
            count_key,
            GRID.blocks,
            functools.partial(count, run, faults),
            (run / "counts",),
            (run / "counts").mkdir,
        ),
        Stage(
            "total",
            total_key,
            whole.blocks,
            functools.partial(total, run, faults),
            (run / "total",),
            (run / "total").mkdir,
        ),
    ]


def run_stages(run: Path, faults: Path, settings: EngineSettings, factor: int = 1) -> list[int]:
    """How many blocks of each stage were done."""
    with open_engine(settings, run) as engine:
        return [run_blocks(stage, run, engine) for stage in stages(run, faults, factor)]


ENGINES = {
    "serial": SerialEngine("serial"),
    "processes": ProcessesEngine("processes", 2, 1),
    "one process": ProcessesEngine("processes", 1, 1),
    "dask": DaskEngine("dask", 2, 1),
}


def main() -> None:
    """RUN FAULTS ENGINE"""
    print(*run_stages(Path(sys.argv[1]), Path(sys.argv[2]), ENGINES[sys.argv[3]]))
