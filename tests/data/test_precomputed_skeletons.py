"""Neuroglancer's skeletons: bytes by hand, what is written read back, and damage."""

import json
import struct
from pathlib import Path

import numpy as np
import pytest

from data.formats import precomputed_skeletons as precomputed
from data.skeletons import Skeleton

FORK = Skeleton(
    np.array([[30.0, 10.0, 20.0], [60.0, 10.0, 20.5], [90.0, 10.0, 20.0], [60.0, 4.0, 2.0]]),
    np.array([-1, 0, 1, 1]),
    np.array([5.0, 6.5, 1.0, 0.25]),
)


def is_same(first: Skeleton, second: Skeleton) -> bool:
    names = ("positions_nm", "parents", "radii_nm")
    return all(np.array_equal(getattr(first, n), getattr(second, n)) for n in names)


def test_the_bytes_are_those_of_the_format():
    expected = struct.pack("<2I", 4, 3)
    expected += struct.pack("<12f", 20, 10, 30, 20.5, 10, 60, 20, 10, 90, 2, 4, 60)
    expected += struct.pack("<6I", 0, 1, 1, 2, 1, 3) + struct.pack("<4f", 5, 6.5, 1, 0.25)
    assert precomputed.encode(FORK) == expected


def test_many_skeletons_read_back_in_the_order_of_their_ids(tmp_path: Path):
    lone = Skeleton(np.ones((2, 3)), np.array([-1, -1]), np.ones(2))
    none = Skeleton(np.zeros((0, 3)), np.zeros(0, np.int64), np.zeros(0))
    written = {2**64 - 1: FORK, 7: lone, 40: none} | {1000 + i: FORK for i in range(1200)}
    path = str(tmp_path / "seg.precomputed/skeletons")
    precomputed.write_skeletons(path, written)
    read = precomputed.read_skeletons(path)
    assert list(read) == sorted(written)
    assert all(is_same(read[i], written[i]) for i in written)
    assert sorted(p.name for p in (tmp_path / "seg.precomputed").iterdir()) == ["skeletons"]


def test_the_info_says_nm_and_radius(tmp_path: Path):
    precomputed.write_skeletons(str(tmp_path / "s"), {})
    info = json.loads((tmp_path / "s/info").read_text())
    assert info["@type"] == "neuroglancer_skeletons"
    assert np.array_equal(np.reshape(info["transform"], (3, 4)), np.eye(3, 4))
    (radius,) = info["vertex_attributes"]
    assert radius == {"id": "radius", "data_type": "float32", "num_components": 1}


@pytest.mark.filterwarnings("ignore")  # navis and what it stands on warn when imported
def test_navis_reads_our_files(tmp_path: Path):
    navis = pytest.importorskip(
        "navis",
        reason="navis is GPL, so not among our dependencies; uv run --with navis pytest ...",
        exc_type=ImportError,
    )
    precomputed.write_skeletons(str(tmp_path / "s"), {12: FORK})
    neuron = navis.read_precomputed(str(tmp_path / "s/12"), datatype="skeleton", info=True)
    nodes = neuron.nodes.sort_values("node_id")
    np.testing.assert_allclose(nodes[["z", "y", "x"]].to_numpy(), FORK.positions_nm)
    np.testing.assert_allclose(nodes["radius"].to_numpy(), FORK.radii_nm)
    assert neuron.cable_length == pytest.approx(FORK.length_nm())
    assert neuron.n_trees == 1 and neuron.n_leafs == 2


def test_a_store_in_memory_or_the_cloud_takes_them_too():
    precomputed.write_skeletons("memory://skeletons", {3: FORK})
    assert is_same(precomputed.read_skeletons("memory://skeletons")[3], FORK)


def test_a_transform_takes_what_is_stored_to_nm(tmp_path: Path):
    path = tmp_path / "s"
    precomputed.write_skeletons(str(path), {3: FORK})
    info = json.loads((path / "info").read_text())
    info["transform"] = [8, 0, 0, 100, 0, 8, 0, 0, 0, 0, 8, 0]
    (path / "info").write_text(json.dumps(info))
    tree = precomputed.read_skeletons(str(path))[3]
    np.testing.assert_allclose(tree.positions_nm, 8 * FORK.positions_nm + [0, 0, 100])
    np.testing.assert_allclose(tree.radii_nm, 8 * FORK.radii_nm)


def test_what_is_there_is_not_overwritten(tmp_path: Path):
    precomputed.write_skeletons(str(tmp_path / "s"), {3: FORK})
    with pytest.raises(FileExistsError, match="free name"):
        precomputed.write_skeletons(str(tmp_path / "s"), {})
    assert list(precomputed.read_skeletons(str(tmp_path / "s"))) == [3]


def test_a_failure_leaves_nothing_behind(tmp_path: Path, monkeypatch):
    def fail(skeleton):
        raise OSError("disk full")

    monkeypatch.setattr(precomputed, "encode", fail)
    with pytest.raises(OSError, match="disk full"):
        precomputed.write_skeletons(str(tmp_path / "s"), {1: FORK})
    assert not list(tmp_path.iterdir())


@pytest.mark.parametrize(
    ("content", "message"),
    [
        (precomputed.encode(FORK)[:-1], "cut short"),
        (b"", "cut short"),
        (struct.pack("<2I3f2If", 1, 1, 0, 0, 0, 0, 5, 1), "node 5"),
    ],
)
def test_a_damaged_file_is_an_error(tmp_path: Path, content: bytes, message: str):
    path = tmp_path / "s"
    precomputed.write_skeletons(str(path), {3: FORK})
    (path / "3").write_bytes(content)
    with pytest.raises(ValueError, match=rf"s/3.*{message}"):
        precomputed.read_skeletons(str(path))


def test_a_folder_of_something_else_is_an_error(tmp_path: Path):
    (tmp_path / "info").write_text('{"@type": "neuroglancer_multiscale_volume"}')
    with pytest.raises(ValueError, match="no folder of unsharded skeletons"):
        precomputed.read_skeletons(str(tmp_path))
