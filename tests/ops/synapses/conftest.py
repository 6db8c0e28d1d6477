"""Synapses built voxel by voxel, whose answer is known by construction."""

import numpy as np
import pytest


def two_cells(shape=(8, 60, 80), middle=40, cells=(3, 7)) -> dict[str, np.ndarray]:
    """A cell on the left, one on the right, a cleft between them and vesicles in the left one."""
    maps = {name: np.zeros(shape, np.uint8) for name in ("cleft", "membrane", "vesicle")}
    segmentation = np.full(shape, cells[0], np.uint64)
    segmentation[..., middle:] = cells[1]
    maps["membrane"][..., middle - 1 : middle + 1] = 255
    maps["cleft"][2:6, 20:40, middle - 3 : middle + 3] = 255
    maps["vesicle"][2:6, 20:40, middle - 20 : middle - 8] = 255
    return {**maps, "segmentation": segmentation}


def many_cells(seed: int, shape=(12, 96, 96)) -> dict[str, np.ndarray]:
    """Cubes of cells, with clefts of all sizes and vesicles scattered over them."""
    draw = np.random.default_rng(seed)
    grid = np.indices(shape) // np.array([6, 24, 24])[:, None, None, None]
    segmentation = 1 + (np.ravel_multi_index(tuple(grid), (9, 9, 9))).astype(np.uint64)
    maps = {name: np.zeros(shape, np.uint8) for name in ("cleft", "membrane", "vesicle")}
    maps["membrane"][:, ::24] = maps["membrane"][:, :, ::24] = 255
    for name, count, largest in (("cleft", 14, (4, 24, 24)), ("vesicle", 60, (2, 8, 8))):
        for _ in range(count):
            start = draw.integers(0, shape)
            stop = start + draw.integers(1, np.array(largest) + 1)
            maps[name][tuple(map(slice, start, stop))] = draw.integers(100, 256)
    return {**maps, "segmentation": segmentation}


@pytest.fixture(scope="session", name="two_cells")
def make_two_cells():
    return two_cells


@pytest.fixture(scope="session", name="many_cells")
def make_many_cells():
    return many_cells
