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
