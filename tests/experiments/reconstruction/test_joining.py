"""Supervoxels of two blocks joined: what lies far below the threshold first, and all at once."""

from typing import Literal

import numpy as np
import pytest

from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.grid import Grid, whole_grid
from experiments.reconstruction.stages import adjoining, joining
from ops.segmentation.region_graph import boundary_graph
from ops.segmentation.region_statistics import region_statistics

Linkage = Literal["mean", "quantile"]
GRID = Grid((4, 24, 48), (4, 24, 24), halo=(1, 1, 1))


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


def stage(folder, threshold: float = 0.5, linkage: Linkage = "quantile") -> joining.Joining:
    return joining.Joining(folder, GRID.blocks, threshold, linkage, 0.25)


def written(folder, rng) -> np.ndarray:
    """The stage's input: supervoxels of 4 x 4 pixels in two blocks, and random boundaries."""
    numbers = np.arange(4 * 6 * 12, dtype=np.uint64).reshape(4, 6, 12) + np.uint64(1)
    labels = numbers.repeat(4, axis=1).repeat(4, axis=2)
    labels[:, :, 24:] += np.uint64(1 << 32)
    boundary = rng.integers(0, 256, (4, 6, 12), np.uint8).repeat(4, axis=1).repeat(4, axis=2)
    (folder / adjoining.GRAPHS).mkdir()
    (folder / joining.SEGMENTS).mkdir()
    for block in GRID.blocks:
        owned = block.inner_in_outer
        graph = boundary_graph(labels[block.outer], boundary[block.outer], owned=owned)
        regions = region_statistics(labels[block.inner], boundary[block.inner])
        save_arrays(folder / adjoining.GRAPHS, block, vars(graph) | vars(regions))
    return np.unique(labels)


def segments(folder) -> np.ndarray:
    whole = whole_grid(GRID).blocks[0]
    stage(folder).work(whole)
    return load_arrays(folder / joining.SEGMENTS, whole)["segments"]


def test_every_supervoxel_gets_a_segment_and_early_joins_change_few(tmp_path, monkeypatch, rng):
    nodes = written(tmp_path, rng)
    early = segments(tmp_path)
    monkeypatch.setattr(joining, "EARLY", 0.0)
    late = segments(tmp_path)
    assert len(nodes) == len(early) == len(late)
    together = [found[:, None] == found[None, :] for found in (early, late)]
    assert 1 < early.max() < len(nodes)
    assert (together[0] != together[1]).mean() < 0.05


def test_what_is_joined_early_lies_within_one_block_and_far_below_the_threshold(tmp_path, rng):
    written(tmp_path, rng)
    for block in GRID.blocks:
        nodes, roots = stage(tmp_path).join_within(block)
        assert np.array_equal(nodes >> np.uint64(32), roots >> np.uint64(32))
        assert (roots <= nodes).all() and (roots < nodes).any()
    nodes, roots = stage(tmp_path, threshold=0.0).join_within(GRID.blocks[0])
    assert np.array_equal(roots, nodes)


@pytest.mark.parametrize("linkage", ["mean", "quantile"])
def test_segments_are_numbered_from_one_on_without_gaps(tmp_path, rng, linkage):
    written(tmp_path, rng)
    whole = whole_grid(GRID).blocks[0]
    stage(tmp_path, linkage=linkage).work(whole)
    found = load_arrays(tmp_path / joining.SEGMENTS, whole)
    assert (np.diff(found["nodes"].astype(np.int64)) > 0).all()
    assert set(found["segments"].tolist()) == set(range(1, int(found["segments"].max()) + 1))
