"""Synapses block by block: the same as in memory whatever the blocks; what is written of them."""

import csv
import dataclasses
import json
from pathlib import Path

import networkx
import numpy as np
import pytest
from scipy import sparse

from data.creating import create_volume, remove
from data.opening import open_volume
from experiments.reconstruction import wiring
from experiments.reconstruction.engine import BlockError, run_blocks
from experiments.reconstruction.grid import Grid
from experiments.reconstruction.stages import listing, pairing, spotting
from ops.synapses.find import find_synapses
from ops.synapses.rules import Rules
from ops.synapses.table import columns

SHAPE, SIZE_NM, OFFSET = (12, 64, 72), (30.0, 6.0, 6.0), (5, 0, 100)
RULES = Rules(
    least_nm3=3000,
    least_section_nm2=100,
    longest_nm=500,
    vesicle_reach_nm=80,
    least_vesicles_nm3=1,
)
FILES = {
    "cleft": "cleft_probability.zarr",
    "membrane": "membrane.zarr",
    "vesicle": "vesicles.zarr",
    "segmentation": "segmentation.zarr",
}
EVERYTHING = pairing.Evidence(Path(), None, membrane=True, vesicle=True)


def scene(seed: int) -> dict[str, np.ndarray]:
    """Cells in columns, with clefts and vesicles strewn over them, across the faces of blocks."""
    draw = np.random.default_rng(seed)
    maps = {name: np.zeros(SHAPE, np.uint8) for name in ("cleft", "membrane", "vesicle")}
    maps["membrane"][:, ::16] = maps["membrane"][:, :, ::16] = 255
    for name, count, largest in (("cleft", 40, (4, 14, 14)), ("vesicle", 60, (2, 8, 8))):
        for _ in range(count):
            start = draw.integers(0, SHAPE)
            stop = start + draw.integers(1, np.array(largest) + 1)
            maps[name][tuple(map(slice, start, stop))] = draw.integers(100, 256)
    _, y, x = np.indices(SHAPE) // 16
    return {**maps, "segmentation": (1 + y * 10 + x).astype(np.uint64)}


def written(run: Path, maps: dict[str, np.ndarray]) -> Path:
    run.mkdir(exist_ok=True)
    for name, voxels in maps.items():
        volume = create_volume(
            str(run / FILES[name]),
            shape=SHAPE,
            dtype=voxels.dtype,
            voxel_size_nm=SIZE_NM,
            offset=OFFSET,
            chunk_shape=(2, 16, 16),
        )
        volume.write(voxels)
    return run


def stages(run: Path, block_shape, rules: Rules = RULES, evidence=EVERYTHING):
    blocks, image = Grid(SHAPE, block_shape), open_volume(str(run / FILES["cleft"]))
    evidence = dataclasses.replace(evidence, run=run)
    spots = spotting.pieces_stage(run, blocks, rules, [])
    unite = spotting.objects_stage(run, blocks, rules, [spots.key])
    pair = pairing.stage(blocks, evidence, rules, [unite.key], None)
    outputs = [run / name for name in wiring.OUTPUTS]
    table = listing.table_stage(run, image, blocks, outputs, [pair.key])
    return spots, unite, pair, table, listing.painting_stage(run, image, blocks, [table.key])


def in_order(seed: int | None):
    """An engine that takes the blocks in another order."""

    def engine(attempt, blocks):
        rows = (
            range(len(blocks))
            if seed is None
            else np.random.default_rng(seed).permutation(len(blocks))
        )
        for row in rows:
            yield blocks[row], attempt(blocks[row])

    return engine


def found(run: Path, block_shape, rules: Rules = RULES, evidence=EVERYTHING, seed=None):
    for stage in stages(run, block_shape, rules, evidence):
        run_blocks(stage, run, in_order(seed))
    table = listing.read_synapses(run, Grid(SHAPE, block_shape))
    return open_volume(str(run / listing.CLEFTS)).read(), table


@pytest.fixture(autouse=True)
def small_chunks(monkeypatch):
    monkeypatch.setattr("experiments.reconstruction.stages.cutting.CHUNK", (2, 16, 16))


@pytest.mark.parametrize(
    ("block_shape", "partners", "seed"),
    [(SHAPE, "one", 0), ((4, 32, 32), "one", 0), ((2, 16, 48), "several", 1)],
)
def test_blocks_of_any_size_in_any_order_give_what_the_whole_volume_gives(
    tmp_path, block_shape, partners, seed
):
    maps, rules = scene(seed), dataclasses.replace(RULES, partners=partners)
    labels, table = find_synapses(**maps, voxel_size_nm=SIZE_NM, rules=rules)
    assert len(table) >= 8 and table.at_edge.any() and not table.at_edge.all()
    ours, rows = found(written(tmp_path, maps), block_shape, rules, seed=seed)
    np.testing.assert_array_equal(ours, labels)
    for name, column in columns(table).items():
        moved = np.multiply(OFFSET, SIZE_NM) if name.endswith("_nm") else 0
        np.testing.assert_allclose(columns(rows)[name], column + moved, rtol=1e-12, err_msg=name)


def test_evidence_may_be_left_out(tmp_path):
    maps = scene(2)
    run = written(tmp_path, maps)
    for membrane, vesicle in ((False, False), (True, False), (False, True)):
        evidence = dataclasses.replace(EVERYTHING, membrane=membrane, vesicle=vesicle)
        _, rows = found(run, (4, 32, 32), evidence=evidence)
        less = {**maps}
        less |= {} if membrane else {"membrane": None}
        less |= {} if vesicle else {"vesicle": None}
        _, table = find_synapses(**less, voxel_size_nm=SIZE_NM, rules=RULES)
        assert rows.pre.tolist() == table.pre.tolist()
        assert rows.directed.any() == vesicle


def test_the_graph_and_the_matrix_hold_as_many_synapses_as_the_table(tmp_path):
    _, table = found(written(tmp_path, scene(0)), (4, 32, 32))
    known = int(table.directed.sum())
    assert known > 5
    graph = networkx.read_graphml(tmp_path / wiring.GRAPH)
    assert graph.is_directed()
    assert sum(weight for *_, weight in graph.edges(data="weight")) == known
    matrix = sparse.load_npz(tmp_path / wiring.ADJACENCY)
    ids = np.load(tmp_path / wiring.ADJACENCY_IDS)
    assert matrix.sum() == known and matrix.shape == (len(ids), len(ids))
    for row in np.flatnonzero(table.directed):
        pre, post = table.pre[row], table.post[row]
        weight = int(((table.pre == pre) & (table.post == post) & table.directed).sum())
        assert graph.edges[str(pre), str(post)]["weight"] == weight
        assert matrix[ids.searchsorted(pre), ids.searchsorted(post)] == weight


def test_the_table_is_a_csv_of_the_columns_agreed(tmp_path):
    _, table = found(written(tmp_path, scene(0)), SHAPE)
    with (tmp_path / "synapses.csv").open() as file:
        rows = list(csv.DictReader(file))
    first = ["id", "pre", "post", "z_nm", "y_nm", "x_nm", "size_voxels", "polarity_confidence"]
    assert list(rows[0])[:8] == first
    assert [int(row["pre"]) for row in rows] == table.pre.tolist()
    places = [[float(row[f"pre_{axis}_nm"]) for axis in "zyx"] for row in rows]
    np.testing.assert_allclose(places, table.pre_nm, atol=0.06)
    sure = [float(row["polarity_confidence"] or "nan") for row in rows]
    np.testing.assert_allclose(sure, table.polarity_confidence, atol=1e-4)


def test_lines_for_neuroglancer_go_from_pre_to_post(tmp_path):
    _, table = found(written(tmp_path, scene(0)), SHAPE)
    known = table.where(table.directed)
    folder = tmp_path / wiring.LINES
    info = json.loads((folder / "info").read_text())
    assert info["annotation_type"] == "LINE"
    content = (folder / "spatial0" / "0_0_0").read_bytes()
    assert np.frombuffer(content, "<u8", 1).tolist() == [len(known)]
    lines = np.frombuffer(content, "<f4", 8 * len(known), 8).reshape(-1, 8)
    np.testing.assert_allclose(lines[:, :3], known.pre_nm[:, ::-1], rtol=1e-6)
    np.testing.assert_allclose(lines[:, 3:6], known.post_nm[:, ::-1], rtol=1e-6)
    one = (folder / "by_id" / "1").read_bytes()
    assert np.frombuffer(one, "<u4", 1, 32) == 1 and len(one) == 32 + 2 * 12
    assert np.frombuffer(one, "<u8", 1, 36) == known.pre[0]
    mine = (folder / "pre" / str(known.pre[0])).read_bytes()
    assert np.frombuffer(mine, "<u8", 1) == (known.pre == known.pre[0]).sum()


@pytest.mark.parametrize("nothing", ["cleft", "vesicle"])
def test_no_synapse_gives_an_empty_table_and_graph(tmp_path, nothing):
    maps = scene(0)
    maps[nothing][:] = 0
    labels, table = found(written(tmp_path, maps), (4, 32, 32))
    assert len(table) == 0 and not labels.any()
    assert len((tmp_path / "synapses.csv").read_text().splitlines()) == 1
    assert len(networkx.read_graphml(tmp_path / wiring.GRAPH)) == 0
    assert sparse.load_npz(tmp_path / wiring.ADJACENCY).shape == (0, 0)
    assert json.loads((tmp_path / wiring.LINES / "info").read_text())["relationships"]


def test_what_was_found_before_a_stop_is_not_looked_for_again(tmp_path, monkeypatch):
    run = written(tmp_path / "stopped", scene(0))
    look, seen = pairing.Pairing.look, []

    def failing(self, mine):
        seen.append(mine)
        if len(seen) == 3:
            raise RuntimeError("the lights went out")
        return look(self, mine)

    with monkeypatch.context() as patch, pytest.raises(BlockError, match="synapse_search"):
        patch.setattr(pairing.Pairing, "look", failing)
        found(run, (4, 32, 32))
    assert not (run / "synapses.csv").exists()
    found(run, (4, 32, 32))
    whole = written(tmp_path / "whole", scene(0))
    found(whole, (4, 32, 32))
    for name in ("synapses.csv", wiring.GRAPH, wiring.ADJACENCY, wiring.ADJACENCY_IDS):
        assert (run / name).read_bytes() == (whole / name).read_bytes(), name


def test_a_map_that_is_not_there_is_named(tmp_path):
    run = written(tmp_path, scene(0))
    remove(str(run / FILES["vesicle"]))
    with pytest.raises(FileNotFoundError, match=r"vesicles\.zarr: .*needs a map of the vesicle"):
        found(run, SHAPE)


@pytest.mark.parametrize(
    ("shape", "size", "words"),
    [(SHAPE, (30.0, 8.0, 8.0), "got voxel size"), ((12, 64, 70), SIZE_NM, "got shape")],
)
def test_maps_of_other_voxels_are_refused(tmp_path, shape, size, words):
    run = written(tmp_path, scene(0))
    remove(str(run / FILES["membrane"]))
    path = str(run / FILES["membrane"])
    create_volume(path, shape=shape, dtype=np.uint8, voxel_size_nm=size, chunk_shape=(2, 16, 16))
    with pytest.raises(ValueError, match=words):
        found(run, SHAPE)
