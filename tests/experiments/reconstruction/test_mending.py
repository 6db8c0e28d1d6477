"""Merge errors mended: two tubes that touch, joined by mistake, and one that branches.

In place of a trained network an oracle of shape: an object that leaves the window in four ways or
more is a merge error. A tube leaves it in two ways, one that branches in three.
"""

import csv
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from jaxtyping import Bool, UInt8, UInt64
from scipy import ndimage

from configs.reconstruction import SerialEngine
from data.creating import create_volume
from data.opening import open_volume
from experiments.reconstruction import second_look
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import BlockError, open_engine, run_blocks
from experiments.reconstruction.grid import Grid, Index, whole_grid
from experiments.reconstruction.mending_summary import summarise_mending
from experiments.reconstruction.stages import adjoining, cutting, joining, mending
from experiments.reconstruction.suspects import Reason, Suspect
from models.merge_weights import save_merge_weights
from models.mergenet import MergeArchitecture, MergeNet
from ops.segmentation.region_graph import boundary_graph
from ops.segmentation.region_statistics import RegionStatistics, region_statistics
from ops.shape_windows import cut_windows

SHAPE, PIECE, RADIUS, WINDOW = (24, 64, 64), 16, 4.0, (48, 24, 24)
NM = 30  # edge of a voxel, and of a coarse one
WEAK, INSIDE = 115, 20  # boundary where two tubes touch, and within one
CONTACT_NM = np.array([10.5, 32, 32]) * NM  # of the two tubes
SIZES = MergeArchitecture(WINDOW, float(NM), width=2, levels=2, least_voxels=200)
HOW: dict[str, Any] = {"mend": True, "probability": 0.5, "boundary_weight": 1.0, "least_gain": 0.0}
Ids = UInt64[np.ndarray, "z y x"]


def tube(axis: int, z: int, across: int = 32, stop: int = 64) -> Bool[np.ndarray, "z y x"]:
    """A straight tube along y (1) or x (2), from face to face of the volume or to `stop`."""
    at = np.indices(SHAPE)
    away = (at[0] - z) ** 2 + (at[3 - axis] - across) ** 2
    return (away <= RADIUS**2) & (at[axis] < stop)


def painted(**masks: Bool[np.ndarray, "z y x"]) -> Ids:
    """Tubes as 1, 2, ..."""
    found = np.zeros(SHAPE, np.uint64)
    for number, mask in enumerate(masks.values(), start=1):
        found[mask] = number
    return found


BLOCK = whole_grid(Grid(SHAPE, SHAPE, halo=(1, 1, 1))).blocks[0]
CROSSING = painted(below=tube(1, 6), above=tube(2, 14))
BRANCHING = painted(one=tube(1, 10) | tube(2, 10, stop=32))


def written(folder: Path, labels: Ids, blocks: Index = SHAPE, offset: Index = (0, 0, 0)) -> Grid:
    """The input of the stage, from supervoxels to segments."""
    grid = Grid(SHAPE, blocks, halo=(1, 1, 1))
    pieces, strength = pieces_of(labels, grid), boundaries(labels)
    size, chunks = (NM, NM, NM), (24, 32, 32)
    where = str(folder / cutting.SUPERVOXELS)
    volume = create_volume(
        where, shape=SHAPE, dtype=np.uint64, voxel_size_nm=size, offset=offset, chunk_shape=chunks
    )
    volume.write(pieces)
    for name in (adjoining.GRAPHS, joining.SEGMENTS):
        (folder / name).mkdir()
    for block in grid.blocks:
        owned, inner = block.inner_in_outer, block.inner
        graph = boundary_graph(pieces[block.outer], strength[block.outer], owned=owned)
        regions = but_background(region_statistics(pieces[inner], strength[inner]))
        save_arrays(folder / adjoining.GRAPHS, block, vars(graph) | vars(regions))
    joining.Joining(folder, grid.blocks, 0.5, "mean", 0.5).work(whole_grid(grid).blocks[0])
    return grid


def pieces_of(labels: Ids, grid: Grid) -> Ids:
    """Supervoxels: each tube in boxes of PIECE pixels, numbered in every block from 1 on."""
    _, y, x = np.indices(SHAPE) // PIECE
    each = np.where(labels > 0, labels * np.uint64(100) + (10 * y + x).astype(np.uint64), 0)
    for number, block in enumerate(grid.blocks):
        own = each[block.inner]
        ids = np.unique(own[own > 0])
        named = np.searchsorted(ids, own).astype(np.uint64) + np.uint64(
            (number << cutting.ID_BITS) + 1
        )
        own[...] = np.where(own > 0, named, np.uint64(0))
    return each


def boundaries(labels: Ids) -> UInt8[np.ndarray, "z y x"]:
    """Weak ones where tubes touch."""
    least = ndimage.minimum_filter(np.where(labels == 0, np.uint64(99), labels), 3)
    near = ndimage.maximum_filter(labels, 3) != least
    return np.where(near, WEAK, INSIDE).astype(np.uint8)


def but_background(regions: RegionStatistics) -> RegionStatistics:
    return RegionStatistics(*(column[regions.ids > 0] for column in vars(regions).values()))


def ways_out(network, labels, ids, centres, mirrored=False):
    """The oracle; in place of `models.merge_scan.scan`."""
    shell = ~np.pad(np.ones([n - 2 for n in WINDOW], bool), 1)
    windows = cut_windows(labels, ids, centres, WINDOW)
    ways = np.array([ndimage.label(window & shell)[1] for window in windows])
    return np.where(ways >= 4, 0.95, 0.05).astype(np.float32)


def always(network, labels, ids, centres, mirrored=False):
    """Sees an error everywhere."""
    return np.full(len(centres), 0.95, np.float32)


@pytest.fixture(autouse=True)
def oracle(monkeypatch):
    monkeypatch.setattr(second_look, "scan", ways_out)


@pytest.fixture(scope="module")
def weights(tmp_path_factory) -> Path:
    path = tmp_path_factory.mktemp("weights") / "mergenet.npz"
    shapes = nnx.state(nnx.eval_shape(lambda: MergeNet(SIZES, rngs=nnx.Rngs(0))), nnx.Param)
    zeros = jax.tree.map(lambda leaf: jnp.asarray(np.zeros(leaf.shape, leaf.dtype)), shapes)
    save_merge_weights(path, SIZES, zeros, {})
    return path


@pytest.fixture
def mend(tmp_path, weights):
    """Does the stage, and gives segments before and after with the rows of the table."""

    def done(labels, blocks=SHAPE, offset=(0, 0, 0), turned=False, **how):
        folder = tmp_path / str(len(list(tmp_path.iterdir())))
        folder.mkdir()
        grid = written(folder, labels, blocks, offset)
        (folder / mending.MENDED).mkdir()
        parts = grid.blocks[::-1] if turned else grid.blocks
        mending.Mending(folder, parts, weights, **{**HOW, **how}).work(whole_grid(grid).blocks[0])
        before, after = (segments_of(folder, grid, n) for n in (joining.SEGMENTS, mending.MENDED))
        return before, after, rows_of(folder)

    return done


def segments_of(folder: Path, grid: Grid, stage: str) -> Ids:
    """The segment of every voxel."""
    joined = load_arrays(folder / stage, whole_grid(grid).blocks[0])
    pieces = open_volume(str(folder / cutting.SUPERVOXELS)).read()
    found = np.zeros(SHAPE, np.uint64)
    inside = pieces > 0
    found[inside] = joined["segments"][np.searchsorted(joined["nodes"], pieces[inside])]
    return found


def rows_of(folder: Path) -> list[dict[str, str]]:
    with (folder / mending.TABLE).open() as file:
        return list(csv.DictReader(file))


def same_parts(a: Ids, b: Ids) -> bool:
    """Whether two volumes are divided alike, whatever the ids."""
    pairs = np.unique(np.stack([a.ravel(), b.ravel()]), axis=1)
    return len(np.unique(pairs[0])) == len(np.unique(pairs[1])) == pairs.shape[1]


def place(row: dict[str, str]) -> np.ndarray:
    return np.array([float(row[f"{axis}_nm"]) for axis in "zyx"])


def test_a_planted_merge_of_two_tubes_is_divided_at_its_contact(mend):
    before, after, rows = mend(CROSSING)
    assert set(before[CROSSING > 0].tolist()) == {1}
    assert same_parts(after, CROSSING)
    (row,) = rows
    told = [row[name] for name in ("reason", "action", "object", "split_off")]
    assert told == ["shape", "divided", "1", "2"]
    assert np.linalg.norm(place(row) - CONTACT_NM) <= 2 * NM
    odds = np.log(19) + np.log(19) + np.log(WEAK / (255 - WEAK))  # whole, worse half, boundary
    assert float(row["gain"]) == pytest.approx(odds, abs=0.02)


def test_a_single_branching_tube_is_not_flagged(mend):
    before, after, rows = mend(BRANCHING)
    assert np.array_equal(before, after) and not rows


def test_a_volume_with_one_object_that_is_flagged_is_kept_whole(mend, monkeypatch):
    monkeypatch.setattr(joining, "EARLY", 0.0)  # so that there are joins to undo
    monkeypatch.setattr(second_look, "scan", always)
    before, after, (row,) = mend(BRANCHING)
    assert np.array_equal(before, after)
    assert row["action"] == "kept" and float(row["gain"]) <= 0 and row["split_off"] == ""


def test_an_object_of_one_supervoxel_is_flagged_without_a_gain(mend, monkeypatch):
    monkeypatch.setattr(second_look, "scan", always)
    before, after, (row,) = mend(painted(stump=tube(1, 10, stop=12)))
    assert np.array_equal(before, after)
    assert (row["action"], row["gain"], row["split_off"]) == ("kept", "", "")


def test_a_volume_without_objects_has_an_empty_queue(mend):
    before, after, rows = mend(np.zeros(SHAPE, np.uint64))
    assert not after.any() and np.array_equal(before, after) and not rows


def test_a_part_that_is_a_merge_itself_is_looked_at_again(mend):
    third = tube(1, 22, across=48) & (np.indices(SHAPE)[0] > 18)  # lies on the second one
    three = painted(below=tube(1, 6), above=tube(2, 14), top=third)
    before, after, rows = mend(three)
    assert set(before[three > 0].tolist()) == {1}
    assert same_parts(after, three)
    assert [row["action"] for row in rows] == ["divided", "divided"]


@pytest.mark.parametrize("seed", range(4))
def test_whatever_the_network_says_a_division_improves_and_only_refines(mend, monkeypatch, seed):
    rng = np.random.default_rng(seed)
    monkeypatch.setattr(
        second_look, "scan", lambda n, v, i, centres, **_: rng.random(len(centres), np.float32)
    )
    before, after, rows = mend(CROSSING, probability=0.0, boundary_weight=0.2)
    for row in rows:
        improved = row["gain"] != "" and float(row["gain"]) > 0
        assert (row["action"] == "divided") == improved == (row["split_off"] != "")
    pairs = np.unique(np.stack([before.ravel(), after.ravel()]), axis=1)
    assert len(np.unique(pairs[1])) == pairs.shape[1]
    made = len(np.unique(after)) - len(np.unique(before))
    assert made == sum(row["action"] == "divided" for row in rows)


@pytest.mark.parametrize("blocks", [(24, 32, 32), (24, 16, 64)])
def test_the_size_of_blocks_changes_nothing(mend, blocks):
    _, whole, (row,) = mend(CROSSING)
    _, parts, (again,) = mend(CROSSING, blocks)
    assert same_parts(whole, parts)
    assert {**row, "object": "", "split_off": ""} == {**again, "object": "", "split_off": ""}


def test_the_order_of_blocks_changes_nothing(mend):
    _, found, rows = mend(CROSSING, (24, 32, 32))
    _, again, same = mend(CROSSING, (24, 32, 32), turned=True)
    assert np.array_equal(found, again) and rows == same


def test_without_mending_errors_are_listed_and_segments_left_alone(mend):
    before, after, (row,) = mend(CROSSING, mend=False)
    assert np.array_equal(before, after)
    assert (row["action"], row["gain"], row["split_off"]) == ("kept", "", "")
    assert np.linalg.norm(place(row) - CONTACT_NM) <= 12 * NM  # where the oracle sees four ways


def test_places_are_in_nm_of_the_dataset(mend):
    _, _, (row,) = mend(CROSSING)
    _, _, (moved,) = mend(CROSSING, offset=(100, 20, 3))
    assert (place(moved) - place(row)).tolist() == [100 * NM, 20 * NM, 3 * NM]


def test_the_queue_has_the_likeliest_error_first(tmp_path):
    volume = create_volume(
        str(tmp_path / "v.zarr"), shape=(4, 4, 4), dtype=np.uint64, voxel_size_nm=(30, 6, 6)
    )
    flags = [
        mending.Flag(Suspect(7, (0, 1, 2), 0.1, Reason.orphan), (0, 1, 2), None, 0),
        mending.Flag(Suspect(5, (3, 3, 3), 0.9, Reason.shape), (1, 1, 1), 1.25, 9),
        mending.Flag(Suspect(6, (2, 0, 0), 0.2, Reason.crossing), (2, 0, 0), -0.5, 0),
    ]
    mending.write_table(tmp_path / "table.csv", flags, volume, 40.0)
    assert (tmp_path / "table.csv").read_text().splitlines() == [
        "object,z_nm,y_nm,x_nm,probability,reason,action,gain,split_off",
        "5,60,60,60,0.9000,shape,divided,1.250,9",
        "6,100,20,20,0.2000,crossing,kept,-0.500,",
        "7,20,60,100,0.1000,orphan,kept,,",
    ]


def test_scores_before_and_after_are_those_worked_out_by_hand(tmp_path, weights):
    grid = written(tmp_path, CROSSING)
    (tmp_path / mending.MENDED).mkdir()
    whole = whole_grid(grid).blocks[0]
    mending.Mending(tmp_path, grid.blocks, weights, **HOW).work(whole)
    size = (NM, NM, NM)
    truth = create_volume(
        str(tmp_path / "truth.zarr"), shape=SHAPE, dtype=np.uint64, voxel_size_nm=size
    )
    truth.write(CROSSING)
    told = summarise_mending(tmp_path, whole, truth)
    share = (CROSSING == 1).sum() / (CROSSING > 0).sum()
    bits = -share * np.log2(share) - (1 - share) * np.log2(1 - share)
    assert (told["flagged"], told["divided"]) == (1, 1)
    assert told["before"]["vi_merge"] == pytest.approx(bits)
    assert told["before"]["vi_split"] == pytest.approx(0)
    assert list(told["after"].values()) == pytest.approx([0, 0, 0, 0])
    assert told["reasons"] == {"shape": 1, "crossing": 0, "orphan": 0}
    known = ("flagged", "divided", "reasons", "looked_again")
    assert summarise_mending(tmp_path, whole, None) == {name: told[name] for name in known}


def test_what_is_looked_at_again_is_the_object_in_the_window_at_its_join(
    mend, monkeypatch, tmp_path
):
    """Of a long tube beside the crossing nothing, of the crossing what one window shows."""
    alone = tube(1, 3, across=56)  # which touches neither of both
    labels = np.where(alone, np.uint64(3), CROSSING)
    monkeypatch.setattr(second_look, "MOST_JOINS", 1)
    _, _, (row,) = mend(labels)
    middle = (place(row) / NM).astype(int).tolist()
    box = tuple(slice(max(0, c - n // 2), c + n // 2) for c, n in zip(middle, WINDOW, strict=True))
    share = np.count_nonzero(CROSSING[box]) / np.count_nonzero(labels)
    assert summarise_mending(tmp_path / "0", BLOCK, None)["looked_again"] == pytest.approx(share)


def test_a_crossing_that_the_network_passes_over_is_looked_at_too(mend, monkeypatch):
    """And divided only if that improves it."""
    monkeypatch.setattr(
        second_look, "scan", lambda n, v, i, centres, **_: np.full(len(centres), 0.05, np.float32)
    )
    before, after, (row,) = mend(CROSSING)
    assert (row["reason"], row["action"]) == ("crossing", "kept") and float(row["gain"]) < 0
    assert np.linalg.norm(place(row) - CONTACT_NM) <= 12 * NM
    assert np.array_equal(before, after)


def test_an_object_that_ends_on_all_sides_is_listed_and_left_alone(mend):
    piece = tube(1, 10, stop=50) & (np.indices(SHAPE)[1] >= 12)
    before, after, (row,) = mend(painted(piece=piece))
    told = (row["reason"], row["action"], row["gain"], row["split_off"])
    assert told == ("orphan", "kept", "", "") and np.array_equal(before, after)
    along = place(row)[1] / NM
    assert min(abs(along - 12), abs(along - 50)) <= 6  # at one of its ends


@pytest.mark.parametrize(
    "wrong", [{"probability": 1.5}, {"boundary_weight": -1.0}, {"least_gain": float("nan")}]
)
def test_numbers_out_of_range_are_refused(tmp_path, weights, wrong):
    with pytest.raises(ValueError, match="needs a probability"):
        mending.Mending(tmp_path, (), weights, **{**HOW, **wrong})


def test_a_run_that_is_killed_after_the_table_goes_on_to_the_same_bytes(
    tmp_path, weights, monkeypatch
):
    grid = written(tmp_path, CROSSING)
    stage = mending.stage(tmp_path, grid, weights, HOW, ["what comes before"])

    def fail(*_):
        raise RuntimeError("the lights went out")

    with open_engine(SerialEngine(), tmp_path) as engine:
        with monkeypatch.context() as patch, pytest.raises(BlockError, match="merge_errors"):
            patch.setattr(mending, "save_arrays", fail)
            run_blocks(stage, tmp_path, engine)
        assert not list((tmp_path / mending.MENDED).iterdir())
        assert run_blocks(stage, tmp_path, engine) == 1
        files = [tmp_path / mending.TABLE, tmp_path / mending.MENDED / "0_0_0.npz"]
        made = [path.read_bytes() for path in files]
        assert run_blocks(stage, tmp_path, engine) == 0
        again = mending.stage(tmp_path, grid, weights, HOW, ["something else"])
        assert run_blocks(again, tmp_path, engine) == 1
        assert [path.read_bytes() for path in files] == made
