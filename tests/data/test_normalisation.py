"""Grey scales: by hand, and of odd images."""

import numpy as np
import pytest

from data.normalisation import LEAST_DEVIATION, as_grey, measure_grey_scale
from data.volume import from_array


def volume(array):
    return from_array(np.asarray(array, np.uint8), (30, 6, 6))


def test_grey_values_are_shares_of_the_greatest_of_their_type():
    assert as_grey(np.array([0, 255], np.uint8)).tolist() == [0.0, 1.0]
    assert as_grey(np.array([0, 65535], np.uint16)).tolist() == [0.0, 1.0]
    assert as_grey(np.array([0.25], np.float64)).dtype == np.float32


def test_mean_and_deviation_are_those_of_numpy():
    images = [
        np.random.default_rng(0).integers(1, 256, (5, 7, 8)),
        np.random.default_rng(0).integers(1, 100, (3, 4, 4)),
    ]
    scale = measure_grey_scale([volume(image) for image in images])
    every = np.concatenate([image.ravel() for image in images]) / 255
    assert scale.mean == pytest.approx(every.mean())
    assert scale.deviation == pytest.approx(every.std())
    normal = scale.normalise(every.astype(np.float32))
    assert float(normal.mean()) == pytest.approx(0, abs=1e-5)
    assert float(normal.std()) == pytest.approx(1, abs=1e-5)


def test_missing_sections_do_not_count():
    image = np.random.default_rng(0).integers(1, 256, (4, 6, 6))
    with_missing = np.concatenate([image, np.zeros((2, 6, 6))])
    whole, damaged = (measure_grey_scale([volume(i)]) for i in (image, with_missing))
    assert damaged.mean == pytest.approx(whole.mean)
    assert damaged.deviation == pytest.approx(whole.deviation)


@pytest.mark.parametrize("value", [0, 7])
def test_a_constant_image_stays_finite(value):
    scale = measure_grey_scale([volume(np.full((2, 3, 3), value))])
    assert scale.deviation == LEAST_DEVIATION
    assert np.isfinite(scale.normalise(np.zeros(2, np.float32))).all()
