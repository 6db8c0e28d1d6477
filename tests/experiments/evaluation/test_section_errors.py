"""The best and the worst sections: their order, and what their pictures show."""

import numpy as np
import pytest

from data.volume import from_array
from experiments.evaluation.section_errors import (
    COLOURS,
    SectionErrors,
    count_errors,
    draw_section,
    section_errors,
)

SIZE = (30, 6, 6)


def volume(array):
    return from_array(array.astype(np.uint8), SIZE, (5, 0, 0))


@pytest.fixture
def truth() -> np.ndarray:
    """A square of 4 x 4 in each of eight sections, none in the last two."""
    masks = np.zeros((10, 40, 40), np.uint8)
    masks[:8, 20:24, 30:34] = 1
    return masks


@pytest.fixture
def claimed(truth) -> np.ndarray:
    """Section z lacks z voxels; the last but one has four claimed for nothing."""
    masks = truth.copy()
    for z in range(8):
        masks[z, 20:24, 30:34].flat[:z] = 0
    masks[8, :2, :2] = 1
    return masks


def test_errors_are_counted_by_section(truth, claimed):
    errors = count_errors({"truth": volume(truth), "claimed": volume(claimed)})
    assert errors.missed.tolist() == [*range(8), 0, 0]
    assert errors.right.tolist() == [*range(16, 8, -1), 0, 0]
    assert errors.wrong.tolist() == [0] * 8 + [4, 0]
    assert errors.f1[3] == pytest.approx(2 * 13 / (2 * 13 + 3))
    assert errors.f1[8] == 0
    assert np.isnan(errors.f1[9])


def test_a_mask_leaves_out_what_is_0_in_it(truth, claimed):
    mask = np.ones_like(truth)
    mask[:, 20] = 0
    layers = {"truth": truth, "claimed": claimed, "mask": mask}
    errors = count_errors({name: volume(layer) for name, layer in layers.items()})
    assert errors.missed.tolist() == [0] * 5 + [1, 2, 3, 0, 0]
    assert errors.right.tolist() == [12] * 5 + [11, 10, 9, 0, 0]


def test_sections_are_ranked_by_f1_then_by_how_much_they_show():
    right, wrong, missed = np.array(
        [[5, 0, 0], [0, 3, 0], [0, 9, 0], [5, 5, 0], [9, 0, 0], [0, 0, 0]]
    ).T
    assert SectionErrors(right, wrong, missed).ranked() == [2, 1, 3, 0, 4]


def test_the_report_shows_three_worst_and_three_best(truth, claimed):
    worst, best = section_errors({"truth": volume(truth)}, volume(claimed))
    assert [worst.count("<img "), best.count("<img ")] == [3, 3]
    first, second = (worst.index(f"<figcaption>z = {z}: F1") for z in (5 + 8, 5 + 7))
    assert first < second
    assert "z = 13: F1 0.000, 0 voxels found, 4 claimed falsely, 0 missed" in worst
    assert best.index("z = 5: F1 1.000") < best.index("z = 6: F1 0.968")
    assert "Prediction, truth, errors" in worst


def test_few_sections_are_shown_once(truth, claimed):
    one = volume(truth[:1]), volume(claimed[:1])
    (best,) = section_errors({"truth": one[0]}, one[1])
    assert "Best sections" in best
    three = section_errors({"truth": volume(truth[:3])}, volume(claimed[:3]))
    assert [part.count("<img ") for part in three] == [1, 2]


def test_nothing_to_find_and_nothing_claimed_has_no_section_to_show(truth):
    assert section_errors({"truth": volume(0 * truth)}, volume(0 * truth)) == ()


def test_errors_have_their_colours(truth, claimed):
    claimed[3, 10:14, 30:34] = 1
    mask = np.ones_like(truth)
    mask[:, :, 39] = 0
    layers = {"truth": truth, "claimed": claimed, "mask": mask, "image": 9 * truth}
    picture = draw_section({name: volume(layer) for name, layer in layers.items()}, 3)
    assert picture.size == (2 * 480 + 6, 2 * 480 + 6)
    errors = np.asarray(picture)[486:, 486:]
    scale = 480 // 40

    def colour_at(y, x):
        return tuple(errors[y * scale + scale // 2, x * scale + scale // 2].tolist())

    assert colour_at(23, 33) == COLOURS["found"]
    assert colour_at(11, 31) == COLOURS["claimed falsely"]
    assert colour_at(20, 30) == COLOURS["missed"]
    assert colour_at(5, 39) == COLOURS["not scored"]
    assert colour_at(5, 5) == (0, 0, 0)


def test_of_a_large_section_the_fullest_part_is_shown():
    truth = np.zeros((1, 600, 900), np.uint8)
    truth[0, 100, 850] = truth[0, 590, 10:40] = 1
    picture = draw_section({"truth": volume(truth), "claimed": volume(truth)}, 0)
    errors = np.asarray(picture)[486:, :480]  # 500 of the voxels
    rows, columns = np.nonzero((errors > 60).all(axis=-1))
    assert rows.min() > 400
    assert columns.max() - columns.min() == pytest.approx(29 * 480 / 500, abs=3)


def test_probabilities_are_shown_from_black_to_white(truth):
    layers = {"truth": truth, "claimed": truth, "prediction": np.full_like(truth, 51)}
    picture = draw_section({name: volume(layer) for name, layer in layers.items()}, 0)
    assert np.asarray(picture)[100, 300].tolist() == [51, 51, 51]


def test_an_image_in_16_bits_is_stretched(truth):
    image = from_array(np.full(truth.shape, 1000, np.uint16) + truth, SIZE)
    layers = {"truth": volume(truth), "claimed": volume(truth), "image": image}
    panel = np.asarray(draw_section(layers, 0))[:400, :480]
    assert set(np.unique(panel)) == {0, 255}
