"""Files of a block are whole or absent, and the same for the same arrays."""

import os

import numpy as np
import pytest

from experiments.reconstruction import durable
from experiments.reconstruction.grid import Grid

BLOCK = Grid((2, 2, 2), (1, 1, 1)).block((1, 0, 1))
ARRAYS = {"ids": np.arange(5, dtype=np.uint64), "pairs": np.zeros((0, 2), np.int64)}


def test_arrays_come_back_and_leave_the_same_bytes(tmp_path):
    durable.save_arrays(tmp_path, BLOCK, ARRAYS)
    first = (tmp_path / "1_0_1.npz").read_bytes()
    found = durable.load_arrays(tmp_path, BLOCK)
    assert found.keys() == ARRAYS.keys()
    for name, array in ARRAYS.items():
        np.testing.assert_array_equal(found[name], array, strict=True)
    (tmp_path / "1_0_1.npz.partial").write_bytes(b"left by a killed run, and longer" * 99)
    durable.save_arrays(tmp_path, BLOCK, ARRAYS)
    assert (tmp_path / "1_0_1.npz").read_bytes() == first
    assert os.listdir(tmp_path) == ["1_0_1.npz"]


def test_a_file_that_cannot_be_finished_has_no_name(tmp_path, monkeypatch):
    monkeypatch.setattr(durable.os, "fsync", full)
    with pytest.raises(OSError, match="No space left"):
        durable.save_arrays(tmp_path, BLOCK, ARRAYS)
    with pytest.raises(FileNotFoundError):
        durable.load_arrays(tmp_path, BLOCK)


def full(file):
    raise OSError(28, "No space left on device")
