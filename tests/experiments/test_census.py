"""Counts over blocks equal counts over the whole."""

import numpy as np
import pytest

from data.volume import from_array
from experiments.report import census


@pytest.fixture
def ids(monkeypatch):
    monkeypatch.setattr(census, "BLOCK", (2, 3, 4))
    return np.random.default_rng(0).integers(0, 6, (5, 7, 9)).astype(np.uint32)


def test_blocks_cover_every_voxel_once(ids):
    pieces = [block.read() for block in census.blocks(from_array(ids, (1, 1, 1)))]
    assert sum(piece.size for piece in pieces) == ids.size
    assert sum(int(piece.sum()) for piece in pieces) == ids.sum()


def test_ids_are_counted(ids):
    found = census.count_ids(from_array(ids, (1, 1, 1)), 7)
    np.testing.assert_array_equal(found, np.bincount(ids.ravel(), minlength=8))


def test_fractions(ids):
    found = census.volume_fractions({"any": from_array(ids, (1, 1, 1))})
    assert found == {"any": pytest.approx(np.mean(ids > 0))}
