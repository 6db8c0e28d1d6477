"""A phantom on disk: every layer as an OME-Zarr volume, tables and skeletons beside them."""

import csv
import dataclasses
import json
import os
from collections import deque
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from tqdm import tqdm

from data.conversion import partial
from data.conversion.job import is_disk_full
from data.creating import create_volume
from data.opening import open_volume
from data.skeletons import write_swc
from data.synthetic.phantom import LAYERS, Phantom
from data.volume import Volume

WRITTEN_LAYERS = tuple(layer for layer in LAYERS if layer != "clefts")  # cleft_ids says more
# Few enough that the tiles in work stay in the phantom's cache until all layers are written.
WORKERS = min(8, os.cpu_count() or 1)


def write_phantom(
    phantom: Phantom,
    folder: str | Path,
    *,
    layers: tuple[str, ...] = WRITTEN_LAYERS,
    overwrite: bool = False,
    progress: bool = False,
) -> None:
    """Writes a phantom tile by tile; memory does not grow with its size.

    The folder then holds LAYER.zarr for each layer, synapses.csv, neurites.csv, skeletons/ID.swc
    (nm) and phantom.json (the parameters). Killed and run again, it goes on where it stopped.

    Raises:
        FileExistsError: if the folder exists and `overwrite` is not set, or holds no phantom.
        OSError: if it cannot be written or the disk is full; what was written is then removed.
    """
    path = str(folder).rstrip("/")
    job = {"layers": list(layers), **dataclasses.asdict(phantom.parameters)}
    job = json.loads(json.dumps(job))
    with partial.locked(path):
        _check_free(path, overwrite)
        finished = partial.read_finished(path, job)
        try:
            _write_volumes(phantom, path, layers, job, finished, progress)
            _write_tables(phantom, Path(partial.partial_path(path)))
            partial.publish(path)
        except Exception as error:
            partial.discard(path)
            if is_disk_full(error):
                raise OSError(
                    f"{path}: disk full, what was written is removed; needs up to "
                    f"{np.prod(phantom.parameters.shape) * len(layers) * 4:.1e} bytes"
                ) from error
            raise


def _check_free(path: str, overwrite: bool) -> None:
    if not os.path.lexists(path):
        return
    if not overwrite:
        raise FileExistsError(f"{path}: is there already; give another name, or overwrite=true")
    if not os.path.isfile(f"{path}/phantom.json"):
        raise FileExistsError(f"{path}: holds no phantom; it is not overwritten")


def _write_volumes(phantom, path, layers, job, finished, progress) -> None:
    volumes = _resume(path, layers) if finished else _begin(phantom, path, layers)
    tiles = phantom.tiles()
    sizes = [int(np.prod([s.stop - s.start for s in tile])) for tile in tiles]
    bar = tqdm(
        total=sum(sizes), initial=sum(sizes[:finished]), unit="voxel", unit_scale=True,
        desc="phantom", disable=not progress,
    )  # fmt: skip

    def write(tile) -> None:
        for layer, target in volumes.items():
            target[tile].write(phantom.volume(layer)[tile].read())

    with bar, ThreadPoolExecutor(WORKERS) as pool:
        for number in _in_order(pool, write, tiles, finished):
            partial.write_finished(path, job, number + 1)
            bar.update(sizes[number])


def _in_order(pool, work, items, start) -> Iterator[int]:
    """Runs work on items[start:] a few at a time; yields each number once all before are done."""
    running = deque()
    for number in range(start, len(items)):
        running.append((number, pool.submit(work, items[number])))
        if len(running) > WORKERS:
            first, future = running.popleft()
            future.result()
            yield first
    for number, future in running:
        future.result()
        yield number


def _begin(phantom, path, layers) -> dict[str, Volume]:
    partial.prepare(path)
    os.makedirs(partial.partial_path(path))
    return {
        layer: create_volume(
            f"{partial.partial_path(path)}/{layer}.zarr",
            shape=phantom.parameters.shape,
            dtype=LAYERS[layer],
            voxel_size_nm=phantom.parameters.voxel_size_nm,
            chunk_shape=np.minimum(phantom.tile_shape, phantom.parameters.shape).tolist(),
        )
        for layer in layers
    }


def _resume(path, layers) -> dict[str, Volume]:
    return {layer: open_volume(f"{partial.partial_path(path)}/{layer}.zarr") for layer in layers}


def _write_tables(phantom: Phantom, folder: Path) -> None:
    _write_csv(phantom.synapse_table(), folder / "synapses.csv")
    _write_csv(phantom.neurite_table(), folder / "neurites.csv")
    (folder / "skeletons").mkdir(exist_ok=True)
    for label, skeleton in phantom.skeletons().items():
        write_swc(skeleton, folder / "skeletons" / f"{label}.swc")
    parameters = json.dumps(dataclasses.asdict(phantom.parameters), indent=2)
    (folder / "phantom.json").write_text(parameters + "\n")


def _write_csv(table: np.ndarray, path: Path) -> None:
    """A structured array as CSV; lengths and areas to a tenth."""
    with path.open("w", newline="") as stream:
        writer = csv.writer(stream)
        writer.writerow(table.dtype.names or ())
        for row in table.tolist():
            writer.writerow([round(v, 1) if isinstance(v, float) else v for v in row])
