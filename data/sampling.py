"""Random crops of volumes, read ahead so that training does not wait for the disk.

Crop number i depends on (seed, i) alone: a run that resumes at batch k sees the batches it would
have seen, and neither the batch size nor how far ahead is read changes a crop.
"""

import collections
import itertools
import math
from collections.abc import Iterator, Mapping, Sequence

import numpy as np
import tensorstore as ts
from jaxtyping import Float64, Int64

from data.volume import Volume, check_no_nan, check_same_grid

Crop = tuple[Volume, ts.Future]  # where it lies, and its voxels once they are read

# Longest edge of a block that foreground_positions reads at once, where chunks are larger.
SCAN_EDGE = 256


def crop_start(
    seed: int, index: int, volume_shape: Sequence[int], crop_shape: Sequence[int]
) -> tuple[int, int, int]:
    """First voxel (z, y, x) of crop number `index`, uniform over the places where it fits.

    Raises:
        ValueError: if the crop is larger than the volume.
    """
    _check_fits("volume", volume_shape, crop_shape)
    return _start(_draws(seed, index), np.zeros(3), np.subtract(volume_shape[:3], crop_shape))


def crops(
    sources: Sequence[Mapping[str, Volume]],
    crop_shape: Sequence[int],
    batch_size: int,
    seed: int,
    *,
    start: int = 0,
    prefetch: int = 2,
    focus: Sequence[Int64[np.ndarray, "_ 3"]] = (),
    focus_fraction: float = 0.0,
) -> Iterator[dict[str, np.ndarray]]:
    """Endless batches of random crops, layer by layer, from one volume or several.

    Reads run in TensorStore's own threads; an iterator that is dropped leaves nothing behind.

    Args:
        sources: one mapping per annotated volume, from layer name ("image", "neurites", ...) to
            voxels on one common grid; all have the same names, dtypes and channels. A source is
            drawn in proportion to its voxels.
        crop_shape: sizes (z, y, x) in voxels.
        batch_size: crops per batch.
        seed: >= 0.
        start: number of the first batch; starting at k equals skipping k batches.
        prefetch: batches being read ahead of the one handed out, >= 0.
        focus: for each source, voxels (z, y, x) to be found in crops, as from
            `foreground_positions`.
        focus_fraction: probability, in [0, 1], that a crop holds a position of `focus`, drawn
            uniformly over all sources and lying anywhere in the crop.

    Yields:
        Arrays (batch, z, y, x[, channel]) by layer name, in the volumes' dtypes.

    Raises:
        ValueError: at the call, if there is no layer, layers differ, or a crop does not fit; at
            a batch, if a crop has a NaN, which would spoil the whole training.
    """
    _check_numbers(seed, batch_size, start, prefetch)
    _check_sources(sources, crop_shape)
    _check_focus(sources, focus, focus_fraction)
    places = (
        _place(_draws(seed, index), sources, crop_shape, focus, focus_fraction)
        for index in itertools.count(start * batch_size)
    )
    return _batches(sources, tuple(crop_shape), places, batch_size, prefetch)


def foreground_positions(
    volume: Volume, cell_shape: Sequence[int] = (8, 32, 32)
) -> Int64[np.ndarray, "position 3"]:
    """One foreground voxel (z, y, x) from each cell of the volume that holds any.

    Rare objects (clefts fill under 1 % of a volume) are found by these in one pass over the
    volume, block by block. Positions count from the volume's first voxel.

    Raises:
        ValueError: unless the volume has axes (z, y, x).
    """
    if len(volume.shape) != 3:
        raise ValueError(f"{volume.name}: got axes {volume.axes}; foreground needs (z, y, x)")
    block = [
        cell * math.ceil(min(chunk, SCAN_EDGE) / cell)
        for cell, chunk in zip(cell_shape, volume.chunk_shape, strict=True)
    ]
    corners = itertools.product(
        *(range(0, n, step) for n, step in zip(volume.shape, block, strict=True))
    )
    found = [_first_in_cells(_box(volume, c, block).read(), cell_shape) + c for c in corners]
    return np.concatenate(found)


def _first_in_cells(block: np.ndarray, cell_shape: Sequence[int]) -> Int64[np.ndarray, "cell 3"]:
    voxels = np.argwhere(block)
    cells = voxels // np.array(cell_shape)
    grid = tuple(math.ceil(n / c) for n, c in zip(block.shape, cell_shape, strict=True))
    _, first = np.unique(np.ravel_multi_index(tuple(cells.T), grid), return_index=True)
    return voxels[first]


def _draws(seed: int, index: int) -> Float64[np.ndarray, " 5"]:
    """Uniform in [0, 1): the place (z, y, x) in its range, the range, and whether focused."""
    return np.random.default_rng([seed, index]).random(5)


def _start(draws: np.ndarray, low: np.ndarray, high: np.ndarray) -> tuple[int, int, int]:
    z, y, x = (low + np.floor(draws[:3] * (high - low + 1))).astype(int).tolist()
    return z, y, x


def _place(
    draws: np.ndarray,
    sources: Sequence[Mapping[str, Volume]],
    crop_shape: Sequence[int],
    focus: Sequence[np.ndarray],
    focus_fraction: float,
) -> tuple[int, tuple[int, int, int]]:
    """The source, and the first voxel in it, of the crop with these draws."""
    shapes = [_shape(layers) for layers in sources]
    if draws[4] < focus_fraction:
        source, position = _pick_position(draws[3], focus)
        low = np.maximum(position - np.array(crop_shape) + 1, 0)
        high = np.minimum(position, np.subtract(shapes[source], crop_shape))
    else:
        source = _pick(draws[3], [math.prod(shape) for shape in shapes])
        low, high = np.zeros(3), np.subtract(shapes[source], crop_shape)
    return source, _start(draws, low, high)


def _pick(draw: float, weights: Sequence[int]) -> int:
    ends = np.cumsum(weights)
    return int(np.searchsorted(ends, draw * ends[-1], side="right"))


def _pick_position(draw: float, focus: Sequence[np.ndarray]) -> tuple[int, np.ndarray]:
    number = int(draw * sum(map(len, focus)))
    for source, positions in enumerate(focus):
        if number < len(positions):
            return source, positions[number]
        number -= len(positions)
    raise AssertionError("a draw in [0, 1) falls within one of the lists")


def _shape(layers: Mapping[str, Volume]) -> tuple[int, ...]:
    return next(iter(layers.values())).shape[:3]


def _box(volume: Volume, start: Sequence[int], shape: Sequence[int]) -> Volume:
    return volume[tuple(slice(s, s + n) for s, n in zip(start, shape, strict=True))]


def _batches(
    sources: Sequence[Mapping[str, Volume]],
    crop_shape: tuple[int, ...],
    places: Iterator[tuple[int, tuple[int, int, int]]],
    batch_size: int,
    prefetch: int,
) -> Iterator[dict[str, np.ndarray]]:
    reading: collections.deque[list[dict[str, Crop]]] = collections.deque()
    while True:
        while len(reading) <= prefetch:
            batch = itertools.islice(places, batch_size)
            reading.append([_request(sources[s], start, crop_shape) for s, start in batch])
        done = reading.popleft()
        yield {name: np.stack([_finish(crop[name]) for crop in done]) for name in done[0]}


def _request(
    layers: Mapping[str, Volume], start: Sequence[int], shape: Sequence[int]
) -> dict[str, Crop]:
    boxes = {name: _box(volume, start, shape) for name, volume in layers.items()}
    return {name: (box, box.read_async()) for name, box in boxes.items()}


def _finish(crop: Crop) -> np.ndarray:
    box, future = crop
    voxels = future.result()
    check_no_nan(voxels, box.offset, f"{box.name}, crop {box.shape} at {box.offset}")
    return voxels


def _check_numbers(seed: int, batch_size: int, start: int, prefetch: int) -> None:
    if seed < 0 or batch_size < 1 or start < 0 or prefetch < 0:
        raise ValueError(
            f"got seed={seed}, batch_size={batch_size}, start={start}, prefetch={prefetch}; "
            "needs seed >= 0, batch_size >= 1, start >= 0 and prefetch >= 0"
        )


def _check_sources(sources: Sequence[Mapping[str, Volume]], crop_shape: Sequence[int]) -> None:
    if not sources or not all(sources):
        raise ValueError(
            f"got {len(sources)} sources, of which {list(map(len, sources))} layers; "
            "needs at least one source, each with at least one layer"
        )
    for layers in sources:
        first = next(iter(layers.values()))
        for volume in layers.values():
            check_same_grid(first, volume)
        _check_alike(sources[0], layers)
        _check_fits(first.name, first.shape, crop_shape)


def _check_alike(first: Mapping[str, Volume], layers: Mapping[str, Volume]) -> None:
    wanted = {name: (str(v.dtype), v.shape[3:]) for name, v in first.items()}
    got = {name: (str(v.dtype), v.shape[3:]) for name, v in layers.items()}
    if got != wanted:
        raise ValueError(
            f"got layers {got} (dtype, channels); needs {wanted}, those of the first source"
        )


def _check_fits(name: str, volume_shape: Sequence[int], crop_shape: Sequence[int]) -> None:
    sizes = zip(crop_shape, volume_shape, strict=False)
    if len(crop_shape) != 3 or not all(_is_whole(c) and 1 <= c <= n for c, n in sizes):
        raise ValueError(
            f"{name}: got crop_shape {tuple(crop_shape)}; needs whole (z, y, x), each from 1 to "
            f"the volume's {tuple(volume_shape[:3])}"
        )


def _is_whole(number: object) -> bool:
    return isinstance(number, int | np.integer)


def _check_focus(
    sources: Sequence[Mapping[str, Volume]], focus: Sequence[np.ndarray], fraction: float
) -> None:
    if not 0 <= fraction <= 1:
        raise ValueError(f"got focus_fraction={fraction}; needs a number in [0, 1]")
    if fraction > 0 and (len(focus) != len(sources) or not any(map(len, focus))):
        raise ValueError(
            f"got focus_fraction={fraction} and {list(map(len, focus))} positions for "
            f"{len(sources)} sources; needs one list per source, and one position at least"
        )
    for layers, positions in zip(sources, focus, strict=False):
        if len(positions) and not (positions.min() >= 0 and (positions < _shape(layers)).all()):
            raise ValueError(
                f"got focus positions up to {positions.max(axis=0).tolist()}; needs voxels "
                f"(z, y, x) inside {_shape(layers)}"
            )
