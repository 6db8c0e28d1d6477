"""A run directory as `experiments.reconstruct` leaves it, made in a moment by the same writers."""

import csv
from pathlib import Path

import numpy as np
import pytest

from data.opening import create_volume
from data.skeletons import write_swc
from experiments.reconstruction import wiring
from experiments.reconstruction.stages import mending
from experiments.reconstruction.suspects import Reason, Suspect
from ops.skeletons.skeleton import Skeleton
from ops.synapses.table import Synapses

SIZE_NM, OFFSET, SHAPE = (30.0, 6.0, 6.0), (2, 10, 20), (8, 64, 96)
GREAT = 2**63 + 5
IDS = np.array([0, 1, 2, GREAT], np.uint64)


@pytest.fixture(scope="session")
def segments() -> np.ndarray:
    """Three slabs along x, with a membrane between them: ids 1, 2 and one beyond 63 bits."""
    x = np.arange(SHAPE[2])
    return np.broadcast_to(IDS[np.where(x % 32 < 2, 0, x // 32 + 1)], SHAPE).copy()


@pytest.fixture(scope="session")
def image(segments) -> np.ndarray:
    """Grey tissue with grain, dark where there is no segment."""
    grain = np.random.default_rng(0).integers(90, 220, SHAPE)
    return np.where(segments > 0, grain, 30).astype(np.uint8)


@pytest.fixture
def folder(tmp_path, image, segments) -> Path:
    """The run directory, and beside it stack.zarr, that it was made from."""
    folder = tmp_path / "run"
    (folder / ".hydra").mkdir(parents=True)
    words = f"- data=files\n- data.image={tmp_path / 'stack.zarr'}\n"
    (folder / ".hydra" / "overrides.yaml").write_text(words)
    write(tmp_path / "stack.zarr", image)
    write(folder / "membrane.zarr", np.where(segments > 0, 0, 255).astype(np.uint8))
    write(folder / "segmentation.zarr", segments)
    write(folder / "clefts.zarr", (segments == 2).astype(np.uint64))
    write_skeletons(folder)
    wiring.write_wiring(folder, synapses())
    flags = [
        mending.Flag(Suspect(1, (2, 6, 4), 0.9, Reason.shape), (2, 6, 4), 7.0, GREAT),
        mending.Flag(Suspect(2, (3, 6, 8), 0.6, Reason.crossing), (3, 6, 8), None, 0),
    ]
    stack = create_volume(
        str(tmp_path / "grid.zarr"),
        shape=SHAPE,
        dtype="uint8",
        voxel_size_nm=SIZE_NM,
        offset=OFFSET,
    )
    mending.write_table(folder / "merge_errors.csv", flags, stack, 30.0)
    return folder


def write(path: Path, array: np.ndarray) -> None:
    """A volume on the grid of the run."""
    made = create_volume(
        str(path), shape=SHAPE, dtype=array.dtype, voxel_size_nm=SIZE_NM, offset=OFFSET
    )
    made.write(array)


def write_skeletons(folder: Path) -> None:
    """A straight line of three nodes through each segment, and neurites.csv."""
    (folder / "skeletons").mkdir()
    with (folder / "neurites.csv").open("w", newline="") as file:
        rows = csv.writer(file)
        rows.writerow(["id", "voxels", "volume_um3", "length_um", "nodes", "ends"])
        for number, x in zip(IDS[1:].tolist(), (17, 49, 81), strict=True):
            places = [[75 + z, 60 + 192, (x + 20) * 6.0] for z in (0, 90, 180)]
            tree = Skeleton(np.array(places), np.array([-1, 0, 1]), np.ones(3))
            write_swc(tree, folder / "skeletons" / f"{number}.swc")
            rows.writerow([number, 1000, 0.01, x / 100, 3, 2])
        rows.writerow([77, 3, 0.00001, "", "", ""])


def synapses() -> Synapses:
    """Two: from 1 to 2, nearer to the middle, and one between 2 and the last, undirected."""
    places, aside = np.array([[90.0, 80.0, 500.0], [180.0, 260.0, 310.0]]), np.array([0, 0, 24.0])
    return Synapses(
        id=np.array([1, 2], np.uint64),
        pre=np.array([2, 1], np.uint64),
        post=np.array([GREAT, 2], np.uint64),
        place_nm=places,
        pre_nm=places - aside,
        post_nm=places + aside,
        size_voxels=np.array([40, 50]),
        vesicles_pre=np.array([0, 9]),
        vesicles_post=np.array([0, 0]),
        polarity_confidence=np.array([np.nan, 0.75], np.float32),
        at_edge=np.array([False, False]),
    )
