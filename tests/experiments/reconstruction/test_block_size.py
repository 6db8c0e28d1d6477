"""How little the size of blocks changes a segmentation: by shipped weights, on the phantom."""

from pathlib import Path

import jax
import numpy as np
import pytest

from data.opening import open_volume
from experiments.reconstruction import run as reconstruction
from experiments.reconstruction.settings import composed
from ops.metrics.contingency import count_pairs
from ops.metrics.segmentation import values_by_convention

BOUND = 0.01  # bits; 0.0014 are found, and 0.020 on AC4


@pytest.fixture(autouse=True)
def like_a_user(monkeypatch):
    monkeypatch.setattr(reconstruction, "write_report", lambda *_: None)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def segmented(folder: Path, *overrides: str) -> np.ndarray:
    folder.mkdir()
    words = ["data.split=test", "data.shape=[8,320,320]", "weights=phantom_fast", *overrides]
    reconstruction.run(composed(words), folder)
    return open_volume(str(folder / "segmentation.zarr")).read()


def test_smaller_blocks_give_nearly_the_same_segments(tmp_path):
    whole = segmented(tmp_path / "whole")
    blocks = segmented(tmp_path / "blocks", "block_shape=[8,256,256]")
    found = values_by_convention(count_pairs(whole, blocks), ["cremi2016"])["cremi2016"]["vi"]
    assert found is not None and 0 < found < BOUND, found
