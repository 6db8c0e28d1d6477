"""`task=affinity` against scoring one minus each channel as a whole."""

import numpy as np
import pytest

from ops.metrics.calibration import calibration_metrics
from ops.metrics.pixels import count_levels, pixel_metrics


@pytest.fixture
def truth() -> np.ndarray:
    return (np.random.default_rng(1).random((3, 10, 12, 2)) < 0.8).astype(np.uint8)


@pytest.fixture
def affinity(truth) -> np.ndarray:
    noise = np.random.default_rng(2).random(truth.shape)
    return (0.6 * truth + 0.4 * noise).astype(np.float32)


def whole(affinity, truth, threshold, mask=None) -> dict[str, float | None]:
    histogram = count_levels(1 - affinity, 1 - truth, mask)
    metrics = (*pixel_metrics(histogram, threshold, ""), *calibration_metrics(histogram, 15))
    return {metric.name: metric.value for metric in metrics}


def of_channel(record, name: str) -> dict[str, float]:
    prefix = f"boundary_{name}_"
    found = {m["name"]: m["value"] for m in record.figures["metrics"]}
    return {n.removeprefix(prefix): v for n, v in found.items() if n.startswith(prefix)}


def test_each_channel_is_scored_by_its_boundaries(evaluate, save, truth, affinity):
    record = evaluate("affinity", save(affinity), save(truth))
    for channel in (0, 1):
        expected = whole(affinity[..., channel], truth[..., channel], 0.5)
        assert of_channel(record, str(channel)) == pytest.approx(expected)
    first = [metric["name"] for metric in record.figures["metrics"][:2]]
    assert first == ["boundary_0_f1", "boundary_1_f1"]
    assert record.report.count("data:image/png") == 6


def test_names_thresholds_and_masks_are_those_of_the_channels(evaluate, save, truth, affinity):
    mask = (np.random.default_rng(3).random(truth.shape) < 0.5).astype(np.uint8)
    settings = ("task.channels=[y,x]", "task.thresholds=[0.4,0.7]", f"mask={save(mask)}")
    record = evaluate("affinity", save(affinity), save(truth), *settings)
    for channel, (name, threshold) in enumerate((("y", 0.4), ("x", 0.7))):
        layers = (affinity[..., channel], truth[..., channel], threshold)
        expected = whole(*layers, mask[..., channel] != 0)
        assert of_channel(record, name) == pytest.approx(expected)
        assert len(record.rows(f"reliability_{name}")) > 1


def test_one_channel_needs_no_axis_for_it(evaluate, save, truth, affinity):
    record = evaluate("affinity", save(affinity[..., 0]), save(truth[..., 0]))
    expected = whole(affinity[..., 0], truth[..., 0], 0.5)
    assert of_channel(record, "0") == pytest.approx(expected)


def test_bytes_mean_shares_of_255(evaluate, save, truth):
    """All of them exact in 8 bits."""
    bytes_ = np.where(truth, 204, 51).astype(np.uint8)
    record = evaluate("affinity", save(bytes_), save(truth))
    assert of_channel(record, "1")["f1"] == 1
    assert of_channel(record, "1")["brier_score"] == pytest.approx(0.04)
