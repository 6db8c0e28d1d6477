"""V_Rand and V_Info against the published vector, plain loops, and sections drawn by hand."""

import math
from collections import Counter

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as hnp
from scipy import ndimage

from ops.metrics.contingency import count_pairs
from ops.metrics.isbi import (
    THRESHOLDS,
    VScore,
    grow_labels,
    isbi_metrics,
    join,
    label_section,
    label_sections,
    score_section,
    score_sections,
    thin,
    v_info,
    v_rand,
)

QUICK = settings(deadline=None, max_examples=50)
# V2 of docs/metrics.md.
TRUTH = np.array([1, 1, 1, 1, 2, 2, 2, 2, 0, 0])
PREDICTION = np.array([5, 5, 5, 0, 6, 6, 5, 0, 6, 0])


@st.composite
def labelled_pairs(draw):
    n = draw(st.integers(1, 30))
    labels = hnp.arrays(np.uint8, n, elements=st.integers(0, 4))
    truth = draw(labels)
    truth[0] = 1
    return truth, draw(labels)


SECTIONS = hnp.arrays(
    np.uint8,
    hnp.array_shapes(min_dims=2, max_dims=2, min_side=1, max_side=12),
    elements=st.integers(0, 3),
)


def groups(truth, prediction):
    """Pixels inside cells; border pixels of the prediction are groups of their own."""
    pairs = [
        (t, p if p else ("border", i))
        for i, (t, p) in enumerate(zip(truth.tolist(), prediction.tolist(), strict=True))
        if t
    ]
    return Counter(pairs), Counter(t for t, _ in pairs), Counter(p for _, p in pairs)


def entropy(counts):
    n = sum(counts.values())
    return -sum(c / n * math.log(c / n) for c in counts.values())


def squares(counts):
    return sum(c * c for c in counts.values())


def score(truth, prediction):
    table = count_pairs(truth, prediction)
    return v_rand(table), v_info(table)


def neighbours(labels):
    """The four neighbours of each pixel; 0 beyond the edge."""
    padded = np.pad(labels, 1)
    return np.stack(
        [padded[:-2, 1:-1], padded[2:, 1:-1], padded[1:-1, :-2], padded[1:-1, 2:]], axis=-1
    )


def two_cells():
    """Two cells of 4 by 4 pixels, and a border two pixels wide between them."""
    membrane = np.zeros((4, 10), np.float32)
    membrane[:, 4:6] = 1
    return membrane


def test_the_published_vector():
    rand, info = score(TRUTH, PREDICTION)
    assert rand.f == pytest.approx(0.592593, abs=5e-7)
    assert rand.precision == pytest.approx(0.727273, abs=5e-7)
    assert rand.recall == pytest.approx(0.5, abs=5e-7)
    assert info.f == pytest.approx(0.432263, abs=5e-7)
    assert info.precision == pytest.approx(0.594361, abs=5e-7)
    assert info.recall == pytest.approx(0.339635, abs=5e-7)


def test_v_rand_is_one_less_the_singleton_corrected_error():
    table = np.zeros((3, 7))
    np.add.at(table, (TRUTH, PREDICTION), 1)
    c = table[1:, 0].sum()
    sum_a = np.square(table[1:].sum(axis=1)).sum()
    sum_b = np.square(table[1:, 1:].sum(axis=0)).sum() + c
    sum_ab = np.square(table[1:, 1:]).sum() + c
    precision, recall = sum_ab / sum_b, sum_ab / sum_a
    error = 1 - 2 * precision * recall / (precision + recall)
    assert error == pytest.approx(0.407407, abs=5e-7)
    assert 1 - score(TRUTH, PREDICTION)[0].f == pytest.approx(error)


@QUICK
@given(labelled_pairs())
def test_scores_equal_those_of_explicit_singletons(pair):
    both, truth, prediction = groups(*pair)
    rand, info = score(*pair)
    assert rand.precision == pytest.approx(squares(both) / squares(prediction))
    assert rand.recall == pytest.approx(squares(both) / squares(truth))
    assert rand.f == pytest.approx(2 * squares(both) / (squares(truth) + squares(prediction)))
    shared = entropy(truth) + entropy(prediction) - entropy(both)
    if len(truth) > 1 and len(prediction) > 1:
        assert info.precision == pytest.approx(shared / entropy(truth), abs=1e-9)
        assert info.recall == pytest.approx(shared / entropy(prediction), abs=1e-9)
        total = entropy(truth) + entropy(prediction)
        assert info.f == pytest.approx(2 * shared / total, abs=1e-9)
    for value in (rand.f, rand.precision, rand.recall, info.f, info.precision, info.recall):
        assert 0 <= value <= 1


@QUICK
@given(labelled_pairs())
def test_a_perfect_prediction_scores_one(pair):
    truth, _ = pair
    for value in score(truth, (truth * 7) * (truth > 0)):
        assert value.f == value.precision == value.recall == pytest.approx(1)


def test_what_has_no_entropy_is_defined():
    one, two = np.array([1, 1, 1, 1]), np.array([1, 1, 2, 2])
    assert score(one, one * 9)[1] == VScore(1.0, 1.0, 1.0)
    assert score(one, two)[1] == VScore(f=0.0, precision=0.0, recall=1.0)
    assert score(two, one)[1] == VScore(f=0.0, precision=1.0, recall=0.0)
    # A single pixel that is border is a region of one pixel: the truth's.
    assert score(np.array([1]), np.array([0])) == (VScore(1.0, 1.0, 1.0), VScore(1.0, 1.0, 1.0))


def test_precision_falls_with_merges_and_recall_with_splits():
    truth = np.array([1, 1, 2, 2])
    for merged in score(truth, np.array([3, 3, 3, 3])):
        assert merged.f < 1
    assert score(truth, np.array([3, 3, 3, 3]))[0] == VScore(2 / 3, 0.5, 1.0)
    for split in score(truth, np.array([1, 2, 3, 4])):
        assert split.precision == pytest.approx(1) and split.recall < 1


def test_squares_of_large_sections_do_not_overflow():
    table = count_pairs(np.array([1, 2]), np.array([1, 2]))
    large = type(table)(table.truth, table.prediction, np.array([2**40, 2**40]))
    assert v_rand(large) == VScore(1.0, 1.0, 1.0)


def test_borders_become_one_pixel_wide():
    np.testing.assert_array_equal(thin(two_cells() < 0.5)[0], [1] * 5 + [0] + [2] * 4)
    three = np.array([[1, 0, 0, 0, 1, 0, 1]] * 2, bool)
    np.testing.assert_array_equal(thin(three)[1], [1, 1, 0, 2, 2, 0, 3])


@QUICK
@given(SECTIONS.map(lambda section: section > 0))
def test_thin_grows_the_cells_and_joins_none(cells):
    thinned = thin(cells)
    assert thinned.dtype == np.int64 and thinned.shape == cells.shape
    assert (thinned[cells] > 0).all()
    seeds, count = ndimage.label(cells)
    pieces = [np.unique(thinned[seeds == k]) for k in range(1, count + 1)]
    assert all(len(piece) == 1 for piece in pieces)
    assert len({int(piece[0]) for piece in pieces}) == count
    assert ndimage.label(thinned > 0)[1] == thinned.max()
    around = neighbours(thinned)
    assert not ((around > 0) & (around != thinned[..., None]))[thinned > 0].any()


def test_thinned_borders_are_lines():
    rng = np.random.default_rng(0)
    cells = ndimage.gaussian_filter(rng.random((128, 128)), 3) < 0.49
    thinned = thin(cells)
    border = thinned == 0
    around = np.sort(neighbours(thinned), axis=-1)
    regions = ((np.diff(around, axis=-1, prepend=0) > 0) & (around > 0)).sum(axis=-1)
    assert border.sum() < 0.5 * (~cells).sum()
    assert (regions[border] >= 2).mean() > 0.98


def test_without_a_cell_all_is_border():
    np.testing.assert_array_equal(thin(np.zeros((3, 4), bool)), np.zeros((3, 4)))
    np.testing.assert_array_equal(grow_labels(np.zeros((3, 4), np.uint64)), np.zeros((3, 4)))


def test_labels_are_grown_and_their_pieces_parted():
    labels = np.array([[7, 0, 0, 7, 9, 0, 0]] * 3, np.uint64)
    grown = grow_labels(labels)
    np.testing.assert_array_equal(grown[1], [1, 1, 0, 2, 3, 3, 3])


@QUICK
@given(SECTIONS)
def test_grown_labels_keep_what_was_labelled(labels):
    grown = grow_labels(labels)
    assert (grown[labels > 0] > 0).all()
    for k in range(1, grown.max() + 1):
        inside = labels[(grown == k) & (labels > 0)]
        assert len(np.unique(inside)) <= 1
        assert ndimage.label(grown == k)[1] == 1


def test_large_ids_are_labels_too():
    labels = np.array([[2**64 - 1, 0, 2**63 + 5]] * 2, np.uint64)
    np.testing.assert_array_equal(grow_labels(labels), [[1, 0, 2]] * 2)
    assert label_section(labels, labels).regions.tolist() == [2]


def test_a_section_by_hand():
    truth = two_cells() == 1
    scores = score_section(truth, two_cells(), thresholds=(0.5, 1.0))
    assert scores.thresholds == (0.5, 1.0)
    assert (scores.pixels.tolist(), scores.regions.tolist()) == ([32], [2])
    for values in (scores.v_rand, scores.v_info):
        np.testing.assert_allclose(values.f, [[1], [1]])
    # A gap in the membrane merges the two: S = 1, X = T = 1/2 and so F = 2/3.
    leaky = two_cells()
    leaky[1, 4:6] = 0.3
    scores = score_section(truth, leaky, thresholds=(0.2, 0.3, 0.4))
    np.testing.assert_allclose(scores.v_rand.f[:, 0], [1, 1, 2 / 3])
    np.testing.assert_allclose(scores.v_rand.precision[:, 0], [1, 1, 0.5])
    np.testing.assert_allclose(scores.v_rand.recall[:, 0], [1, 1, 1])
    np.testing.assert_allclose(scores.v_info.f[:, 0], [1, 1, 0], atol=1e-12)


def test_truth_as_membrane_and_as_labels_are_one():
    rng = np.random.default_rng(1)
    membrane = ndimage.gaussian_filter(rng.random((40, 40)), 2)
    membrane = (membrane - membrane.min()) / np.ptp(membrane)
    mask = membrane > 0.55
    noisy = np.clip(membrane + 0.1 * rng.standard_normal(mask.shape), 0, 1)
    as_mask = score_section(mask, noisy)
    as_labels = score_section((~mask).astype(np.uint8), noisy)
    np.testing.assert_array_equal(as_mask.v_rand.f, as_labels.v_rand.f)
    np.testing.assert_array_equal(as_mask.v_info.f, as_labels.v_info.f)
    assert as_mask.regions.tolist() == [ndimage.label(~mask)[1]]


def test_thresholds_are_those_of_cell_probability():
    # The challenge keeps P(cell) > t; of uint8 that is 255 - v > 255 t.
    values = np.arange(256, dtype=np.uint8)[None]
    truth = np.ones(values.shape, np.uint8)
    scores = score_section(truth, values)
    for row, tenths in enumerate(range(1, 11)):
        cells = 10 * (255 - values[0].astype(int)) > 255 * (10 - tenths)
        expected = v_rand(count_pairs(truth, thin(cells[None])))
        assert cells.sum() == int(np.ceil(25.5 * tenths))
        assert scores.v_rand.f[row, 0] == expected.f
    exact = score_section(truth, values / 255)
    np.testing.assert_array_equal(exact.v_rand.f, scores.v_rand.f)


def test_a_probability_at_the_threshold_is_membrane():
    membrane = np.full((1, 5), 0.2, np.float32)
    membrane[0, [0, 4]] = 0
    truth = np.array([[1, 1, 0, 2, 2]])
    scores = score_section(truth, membrane, (0.2, 0.3))
    np.testing.assert_allclose(scores.v_rand.f[:, 0], [1, 2 / 3])
    scores = score_section(truth, np.array([[0, 51, 51, 51, 0]], np.uint8), (0.2, 0.3))
    np.testing.assert_allclose(scores.v_rand.f[:, 0], [1, 2 / 3])


def test_sections_are_scored_one_by_one_and_averaged():
    truth = np.stack([two_cells() == 1] * 3)
    membrane = np.stack([two_cells()] * 3)
    membrane[1, 1, 4:6] = 0.3
    membrane[2, :, 4:6] = 0.6
    scores = score_sections(truth, membrane)
    assert scores.thresholds == THRESHOLDS
    assert scores.v_rand.f.shape == scores.v_info.recall.shape == (10, 3)
    for z in range(3):
        alone = score_section(truth[z], membrane[z])
        np.testing.assert_array_equal(scores.v_rand.f[:, z], alone.v_rand.f[:, 0])
        np.testing.assert_array_equal(scores.v_info.precision[:, z], alone.v_info.precision[:, 0])
    halves = join(
        [score_sections(truth[:2], membrane[:2]), score_sections(truth[2:], membrane[2:])]
    )
    np.testing.assert_array_equal(halves.v_rand.f, scores.v_rand.f)
    np.testing.assert_array_equal(halves.pixels, [32, 32, 32])


def test_metrics_take_the_best_threshold_of_the_mean():
    truth = np.stack([two_cells() == 1] * 2)
    membrane = np.stack([two_cells()] * 2)
    membrane[0, 1, 4:6] = 0.35  # leaks from 0.4 on
    membrane[1] *= 0.25
    membrane[1, 0, 0] = 0.2
    scores = score_sections(truth, membrane)
    metrics = {m.name: m for m in isbi_metrics(scores)}
    assert list(metrics) == [
        f"{name}{part}" for name in ("v_rand", "v_info") for part in ("", "_precision", "_recall")
    ]
    best = scores.v_rand.f.mean(axis=1).argmax()
    assert metrics["v_rand"].value == scores.v_rand.f.mean(axis=1).max()
    assert metrics["v_rand"].settings["threshold"] == THRESHOLDS[best] == 0.1
    assert metrics["v_rand_precision"].value == scores.v_rand.precision[best].mean()
    assert metrics["v_info_recall"].value == pytest.approx(1)
    for metric in metrics.values():
        assert metric.convention == "isbi2012" and metric.better == "higher"
        assert metric.counts == {"sections": 2, "pixels": 64, "truth_regions": 4}
        assert metric.settings["thinned"] is True and metric.settings["connectivity"] == 4
        assert "challenge's rule" in metric.note


def test_labels_are_scored_without_a_threshold():
    labels = np.array([[[5, 5, 0, 0, 5, 5]] * 2, [[5, 5, 5, 5, 5, 5]] * 2])
    truth = np.array([[[1, 1, 0, 0, 2, 2]] * 2] * 2)
    scores = label_sections(truth, labels)
    assert scores.thresholds is None
    np.testing.assert_allclose(scores.v_rand.f, [[1, 2 / 3]])
    rand, *_ = isbi_metrics(scores)
    assert rand.value == pytest.approx(5 / 6)
    assert "threshold" not in rand.settings and not rand.note


def test_touching_labels_score_as_they_are():
    truth = np.array([[1, 1, 0, 2, 2]] * 2)
    touching = np.array([[1, 1, 1, 2, 2]] * 2, np.uint32)
    np.testing.assert_allclose(label_section(truth, touching).v_rand.f, 1)


def test_a_section_without_a_cell_is_refused():
    truth = np.stack([two_cells() == 1, np.ones((4, 10), bool)])
    with pytest.raises(ValueError, match=r"section 1: .*all border .*leave this section out"):
        score_sections(truth, np.stack([two_cells()] * 2))
    for v in (v_rand, v_info):
        with pytest.raises(ValueError, match="all border"):
            v(count_pairs(np.zeros(3, int), np.ones(3, int)))
    with pytest.raises(ValueError, match="all border"):
        label_section(np.zeros((2, 2), np.uint8), np.ones((2, 2), np.uint8))


@pytest.mark.parametrize("thresholds", [(), (0.0,), (0.5, 1.1), (float("nan"),)])
def test_thresholds_lie_between_zero_and_one(thresholds):
    with pytest.raises(ValueError, match=r"needs at least one, all in \(0, 1\]"):
        score_section(two_cells() == 1, two_cells(), thresholds)


@pytest.mark.parametrize(("value", "message"), [(np.nan, "got NaN in 1"), (1.5, "to 1.5; needs")])
def test_what_is_no_probability_is_refused(value, message):
    membrane = two_cells()
    membrane[0, 0] = value
    with pytest.raises(ValueError, match=f"membrane: .*{message}"):
        score_section(two_cells() == 1, membrane)


def test_labels_must_be_whole():
    cells = np.ones((2, 2))
    for section in (grow_labels, lambda labels: label_section(np.ones((2, 2), int), labels)):
        with pytest.raises(ValueError, match="labels: got labels of dtype float64"):
            section(cells)
    with pytest.raises(ValueError, match="truth: got labels of dtype float64"):
        score_section(cells, cells)
    with pytest.raises(ValueError, match="label -1"):
        grow_labels(-np.ones((2, 2), int))


def test_shapes_must_fit(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    section, stack = np.ones((4, 4), int), np.ones((2, 4, 4), int)
    with pytest.raises(ValueError, match=r"needs one shape \(z, y, x\)"):
        score_sections(stack, np.zeros((3, 4, 4)))
    with pytest.raises(ValueError, match=r"needs one shape \(z, y, x\)"):
        label_sections(section, section)
    with pytest.raises(ValueError, match=r"needs one section \(y, x\)"):
        label_section(stack, stack)
    with pytest.raises(ValueError, match="needs one shape"):
        score_section(section, np.zeros((4, 5)))


def test_parts_must_share_their_thresholds():
    part = score_section(two_cells() == 1, two_cells())
    other = score_section(two_cells() == 1, two_cells(), (0.5,))
    with pytest.raises(ValueError, match="2 sets of thresholds"):
        join([part, other])
    with pytest.raises(ValueError, match="at least one section"):
        join([])
