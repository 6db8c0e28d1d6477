"""Skeletons and SWC files."""

from pathlib import Path

import numpy as np
import pytest

from data.skeletons import Skeleton, read_swc, write_swc

SWC = """# made up
1 1 10 20 30 4 -1
3 0 11 20 30 2.5 1
2 0 11 24 33 2.5 3
"""


def test_swc_comes_in_nm_along_zyx(tmp_path: Path):
    (tmp_path / "neuron.swc").write_text(SWC)
    skeleton = read_swc(tmp_path / "neuron.swc", unit_nm=8.0)
    assert skeleton.positions_nm.tolist() == [[240, 160, 80], [240, 160, 88], [264, 192, 88]]
    assert skeleton.radii_nm.tolist() == [32, 20, 20]
    assert skeleton.parents.tolist() == [-1, 0, 1]
    assert skeleton.length_nm() == 8 + 40


def test_written_swc_reads_back(tmp_path: Path):
    skeleton = Skeleton(
        np.array([[0.0, 10.0, 20.0], [30.0, 10.0, 20.5]]), np.array([-1, 0]), np.array([5.0, 6.5])
    )
    write_swc(skeleton, tmp_path / "neuron.swc")
    again = read_swc(tmp_path / "neuron.swc")
    np.testing.assert_array_equal(again.positions_nm, skeleton.positions_nm)
    np.testing.assert_array_equal(again.parents, skeleton.parents)
    np.testing.assert_array_equal(again.radii_nm, skeleton.radii_nm)


@pytest.mark.parametrize(
    ("text", "message"),
    [("1 0 10 20 30 4\n", "got 6 columns"), ("1 0 10 20 30 4 7\n", "got parent 7")],
)
def test_damaged_swc_is_an_error(tmp_path: Path, text: str, message: str):
    (tmp_path / "neuron.swc").write_text(text)
    with pytest.raises(ValueError, match=message):
        read_swc(tmp_path / "neuron.swc")


@pytest.mark.filterwarnings("ignore")  # navis and what it stands on warn when imported
def test_navis_reads_our_swc_in_nm(tmp_path: Path):
    navis = pytest.importorskip(
        "navis",
        reason="navis is GPL, so not among our dependencies; uv run --with navis pytest ...",
        exc_type=ImportError,
    )
    fork = Skeleton(
        np.array([[30.0, 10.0, 20.0], [60.0, 10.0, 20.5], [90.0, 10.0, 20.5], [60.0, 4.0, 28.5]]),
        np.array([-1, 0, 1, 1]),
        np.array([5.0, 6.5, 1.0, 0.5]),
    )
    write_swc(fork, tmp_path / "12.swc")
    neuron = navis.read_swc(str(tmp_path / "12.swc"))
    assert str(neuron.units) == "1 nanometer"
    assert neuron.name == "12" and neuron.n_trees == 1 and neuron.n_leafs == 2
    assert neuron.cable_length == pytest.approx(fork.length_nm(), rel=1e-6)
    nodes = neuron.nodes.sort_values("node_id")
    np.testing.assert_allclose(nodes[["z", "y", "x"]].to_numpy(), fork.positions_nm, rtol=1e-6)
    np.testing.assert_allclose(nodes["radius"].to_numpy(), fork.radii_nm, rtol=1e-6)
    assert nodes["parent_id"].tolist() == [-1, 1, 2, 2]
