"""Volumes of one grid, read together block by block: memory does not grow with their size."""

from collections.abc import Iterator, Mapping

import numpy as np
from jaxtyping import Shaped
from tqdm import tqdm

from data.blocks import Block, blocks
from data.volume import Volume, check_no_nan, check_same_grid

BLOCK_BYTES = 64 * 2**20  # of the widest volume; two blocks are in memory at a time

Layers = dict[str, Shaped[np.ndarray, "..."]]


def read_side_by_side(
    volumes: Mapping[str, Volume], progress: str = ""
) -> Iterator[tuple[Block, Layers]]:
    """Every block of the volumes (place, and voxels by name), the next one being read meanwhile.

    Args:
        volumes: by name, at least one; all of one shape (z, y, x) and voxel size.
        progress: what a progress bar is to say; none is drawn without it.

    Raises:
        ValueError: volumes on different grids, or NaN in one of them.
    """
    first, *others = volumes.values()
    for other in others:
        check_same_grid(first, other)
    places = _places(volumes)
    reading = _start(volumes, places[0]) if places else {}
    for number, place in enumerate(tqdm(places, desc=progress, disable=not progress)):
        ahead = _start(volumes, places[number + 1]) if number + 1 < len(places) else {}
        yield place, {name: _finish(volumes[name], read, place) for name, read in reading.items()}
        reading = ahead


def _places(volumes: Mapping[str, Volume]) -> list[Block]:
    """Blocks of whole chunks of the volume whose chunks are largest."""
    coarsest = max(volumes.values(), key=lambda volume: int(np.prod(volume.chunk_shape[:3])))
    finest = min(volumes.values(), key=lambda volume: int(np.prod(volume.chunk_shape[:3])))
    itemsize = max(volume.dtype.itemsize for volume in volumes.values())
    chunks = finest.chunk_shape[:3], coarsest.chunk_shape[:3]
    return blocks(coarsest.shape[:3], *chunks, itemsize, BLOCK_BYTES)


def _start(volumes: Mapping[str, Volume], place: Block) -> dict:
    return {name: volume[place].read_async() for name, volume in volumes.items()}


def _finish(volume: Volume, read, place: Block) -> Shaped[np.ndarray, "..."]:
    voxels = read.result()
    starts = [offset + s.start for offset, s in zip(volume.offset, place, strict=True)]
    check_no_nan(voxels, starts, volume.name)
    return voxels
