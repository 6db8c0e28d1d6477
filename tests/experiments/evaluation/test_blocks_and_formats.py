"""What is found depends neither on the blocks that are read, nor on the file format."""

import numpy as np
import pytest

TASKS = ("segmentation", "membrane", "cleft", "instance")
FORMATS = (".n5", ".tif", ".h5:labels", ".precomputed")


@pytest.fixture
def layers(cubes) -> dict[str, tuple[np.ndarray, np.ndarray]]:
    """Prediction and truth of each task, with all kinds of errors."""
    rng = np.random.default_rng(4)
    wrong = rng.random(cubes.shape) < 0.1
    labels = np.where(wrong, rng.integers(0, 12, cubes.shape), cubes).astype(np.uint32)
    truth = np.where(rng.random(cubes.shape) < 0.05, 0, cubes).astype(np.uint32)
    walls = np.zeros(cubes.shape, np.uint8)
    walls[:, 12] = walls[..., 12] = 1
    probability = np.round(200 * abs(walls - 0.6 * rng.random(cubes.shape))).astype(np.uint8)
    blobs = np.isin(truth, (2, 7)).astype(np.uint8)
    moved = np.roll(blobs, (1, 2, 3), axis=(0, 1, 2))
    return {
        "segmentation": (labels, truth),
        "membrane": (probability, walls),
        "cleft": (moved, blobs),
        "instance": (labels, truth),
    }


def findings(record) -> tuple:
    """Values, intervals and tables. An error's place may be any within both of its labels."""
    tables = {path.stem: record.rows(path.stem) for path in record.folder.glob("*.csv")}
    for row in tables.get("worst_splits", []) + tables.get("worst_merges", []):
        for axis in "zyx":
            del row[axis]
    return record.figures["metrics"], tables


@pytest.mark.parametrize("task", TASKS)
def test_blocks_do_not_matter(evaluate, save, layers, monkeypatch, task):
    whole = findings(evaluate(task, *map(save, layers[task])))
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 500)
    for shapes in [((2, 5, 7), (3, 4, 24)), ((1, 24, 24), (6, 3, 3))]:
        pieces = zip(layers[task], shapes, strict=True)
        paths = [save(layer, chunk_shape=shape) for layer, shape in pieces]
        assert findings(evaluate(task, *paths)) == whole


@pytest.mark.parametrize("task", TASKS)
def test_the_format_does_not_matter(evaluate, save, layers, task):
    zarr = findings(evaluate(task, *map(save, layers[task])))
    for suffix in FORMATS:
        paths = [save(layer, suffix) for layer in layers[task]]
        assert findings(evaluate(task, *paths)) == zarr, suffix


def test_formats_can_be_mixed(evaluate, save, layers):
    prediction, truth = layers["segmentation"]
    zarr = findings(evaluate("segmentation", save(prediction), save(truth)))
    mixed = evaluate(
        "segmentation", save(prediction.astype(np.int64), ".h5:a/b"), save(truth, ".tif")
    )
    assert findings(mixed) == zarr


@pytest.mark.parametrize("chunk_shape", [(6, 24, 24), (2, 5, 7)])
def test_places_of_errors_lie_within_both_labels(evaluate, save, layers, monkeypatch, chunk_shape):
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 500)
    prediction, truth = layers["segmentation"]
    paths = (save(layer, chunk_shape=chunk_shape) for layer in (prediction, truth))
    record = evaluate("segmentation", *paths)
    splits, merges = record.rows("worst_splits"), record.rows("worst_merges")
    assert len(splits) == 8
    assert len(merges) == 11
    for row in splits + merges:
        z, y, x = (int(row[axis]) for axis in "zyx")
        pair = int(row["object"]), int(row["second"])
        assert (truth[z, y, x], prediction[z, y, x]) == (
            pair if row["kind"] == "split" else pair[::-1]
        )
