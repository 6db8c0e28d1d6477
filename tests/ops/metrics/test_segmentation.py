"""Partition scores: golden vectors, the libraries that they are named for, and what must hold."""

import warnings

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst
from skimage.metrics import adapted_rand_error, variation_of_information

from ops.metrics.contingency import Contingency, count_pairs, merge
from ops.metrics.overlap import overlap_of
from ops.metrics.rand import rand_of_voxels
from ops.metrics.segmentation import CONVENTIONS, segmentation_metrics, segmentation_values

with warnings.catch_warnings():  # elf's own dependencies warn on import
    warnings.simplefilter("ignore")
    from elf.evaluation import rand_index
    from elf.evaluation import variation_of_information as elf_vi

V1 = [1, 1, 2, 2, 2, 3, 3, 3, 3, 4, 4], [3, 3, 3, 3, 4, 5, 6, 6, 5, 5, 5]
V2 = [1, 1, 1, 1, 2, 2, 2, 2, 0, 0], [5, 5, 5, 0, 6, 6, 5, 0, 6, 0]
V3 = [1, 2, 3, 1], [2, 1, 1, 2]
# Two objects of four voxels, one of them cut into 1 + 3: by hand, split = 4/8 (2 - 3/4 log2 3).
CUT = [1, 1, 1, 1, 2, 2, 2, 2], [1, 1, 1, 1, 2, 3, 3, 3]
CUT_SPLIT = 0.5 * (2 - 0.75 * np.log2(3))

many_labels = npst.arrays(np.uint16, (2, 4, 6), elements=st.integers(0, 5))


def known(table: Contingency, convention: str) -> dict[str, float]:
    """The values that are not missing."""
    values = segmentation_values(table, convention)
    return {name: value for name, value in values.items() if value is not None}


def table_of(vector) -> Contingency:
    return count_pairs(*map(np.array, vector))


@pytest.mark.parametrize(
    ("vector", "convention", "golden"),
    [
        (V1, "funlib", {"rand_recall": 0.636364, "rand_precision": 0.567568}),
        (V1, "funlib", {"vi_split": 0.614081, "vi_merge": 0.727273}),
        (V1, "funlib", {"adapted_rand_error": 0.4}),
        (V1, "cremi2016", {"adapted_rand_error": 0.4}),
        (V1, "snemi3d_shipped", {"adapted_rand_error": 0.4}),
        (V1, "snemi3d_fixed", {"adapted_rand_error": 0.4}),
        (V1, "elf", {"adapted_rand_error": 0.4}),
        (V1, "skimage", {"adapted_rand_error": 0.583333}),
        (V1, "gala", {"adapted_rand_error": 0.583333}),
        (V2, "cremi2016", {"adapted_rand_error": 0.455939, "cremi_score": 0.908753}),
        (V2, "cremi2016", {"rand_precision": 0.702970, "rand_recall": 0.443750}),
        (V2, "cremi2016", {"vi_split": 1.155639, "vi_merge": 0.655639}),
        (V2, "snemi3d_shipped", {"adapted_rand_error": 0.455939}),
        (V2, "snemi3d_fixed", {"adapted_rand_error": 0.407407}),
        (V2, "skimage", {"adapted_rand_error": 0.6, "vi_split": 1.124511, "vi_merge": 1.075489}),
        (V2, "gala", {"adapted_rand_error": 0.68, "vi_split": 0.459148, "vi_merge": 0.540852}),
        (V2, "elf", {"adapted_rand_error": 0.485714, "vi_split": 1.124511, "vi_merge": 1.075489}),
        (V2, "funlib", {"adapted_rand_error": 0.428571, "rand_recall": 0.5}),
        (V2, "funlib", {"rand_precision": 0.666667, "vi_split": 1.155639, "vi_merge": 0.655639}),
        (V3, "gala", {"adapted_rand_error": 0.333333, "vi_split": 0.0, "vi_merge": 0.5}),
        (V3, "snemi3d_shipped", {"adapted_rand_error": 0.142857}),
        (CUT, "cremi2016", {"vi_split": CUT_SPLIT, "vi_merge": 0.0}),
        # By hand: p^2 = 16 + 1 + 9 = 26 = b^2, a^2 = 32.
        (CUT, "funlib", {"rand_recall": 26 / 32, "rand_precision": 1.0}),
        # Pairs: (26 - 8) / (32 - 8).
        (CUT, "skimage", {"rand_recall": 0.75, "rand_precision": 1.0}),
    ],
)
def test_golden_vectors(vector, convention, golden):
    values = known(table_of(vector), convention)
    assert {name: values[name] for name in golden} == pytest.approx(golden, abs=5e-7)


@pytest.mark.parametrize(
    ("ignore", "error"), [("nothing", 0.485714), ("truth 0", 0.428571), ("both 0", 0.451613)]
)
def test_golden_rand_errors_of_elf(ignore, error):
    found = rand_of_voxels(overlap_of(table_of(V2), ignore))
    assert found.error == pytest.approx(error, abs=5e-7)


@settings(deadline=None, max_examples=100)
@given(many_labels, many_labels)
def test_scikit_image_agrees(truth, prediction):
    assume(truth.any())
    values = known(count_pairs(truth, prediction), "skimage")
    split, merged = variation_of_information(truth, prediction)
    assert (values["vi_split"], values["vi_merge"]) == pytest.approx((split, merged), abs=1e-9)
    kept = count_pairs(truth[truth > 0], prediction[truth > 0])
    assume((kept.truth_sizes()[1] > 1).any())  # without a pair scikit-image divides by zero
    assume((kept.prediction_sizes()[1] > 1).any())
    with np.errstate(invalid="ignore"), warnings.catch_warnings():
        warnings.simplefilter("ignore", RuntimeWarning)
        error, recall, precision = adapted_rand_error(truth, prediction)  # their names, exchanged
    assume(not np.isnan(error))
    found = values["adapted_rand_error"], values["rand_precision"], values["rand_recall"]
    assert found == pytest.approx((error, precision, recall), abs=1e-9)


@settings(deadline=None, max_examples=100)
@given(many_labels, many_labels)
def test_elf_agrees(truth, prediction):
    values = known(count_pairs(truth, prediction), "elf")
    assert (values["vi_split"], values["vi_merge"]) == pytest.approx(
        elf_vi(prediction, truth), abs=1e-9
    )
    assert values["adapted_rand_error"] == pytest.approx(rand_index(prediction, truth)[0], abs=1e-9)


@pytest.mark.parametrize("convention", CONVENTIONS)
@settings(deadline=None, max_examples=30)
@given(many_labels, many_labels, st.randoms(use_true_random=False))
def test_renaming_labels_changes_nothing(convention, truth, prediction, random):
    names = np.array([0, *random.sample(range(1, 2**16), 5)], np.uint64)
    values = known(count_pairs(truth, prediction), convention)
    renamed = known(count_pairs(names[truth], names[prediction]), convention)
    assert values == pytest.approx(renamed, abs=1e-12)


@settings(deadline=None, max_examples=50)
@given(many_labels, many_labels)
def test_exchanging_both_sides_exchanges_splits_and_merges(truth, prediction):
    for convention in ("skimage", "gala", "elf"):  # those that treat both sides alike in VI
        there = known(count_pairs(truth, prediction), convention)
        back = known(count_pairs(prediction, truth), convention)
        exchanged = {"vi_split": "vi_merge", "vi_merge": "vi_split"}
        back = {exchanged.get(name, name): value for name, value in back.items()}
        for name in ("vi", "vi_split", "vi_merge"):
            assert there.get(name) == pytest.approx(back.get(name), abs=1e-12)


@pytest.mark.parametrize("convention", CONVENTIONS)
@settings(deadline=None, max_examples=30)
@given(many_labels)
def test_a_perfect_prediction_loses_nothing(convention, truth):
    assume(truth.any())
    values = known(count_pairs(truth, truth), convention)
    best = {"rand_precision": 1.0, "rand_recall": 1.0}
    assert values == {name: best.get(name, 0.0) for name in values}


@pytest.mark.parametrize("convention", CONVENTIONS)
@settings(deadline=None, max_examples=30)
@given(many_labels, many_labels)
def test_scores_stay_in_their_ranges(convention, truth, prediction):
    values = known(count_pairs(truth, prediction), convention)
    for name, value in values.items():
        assert value >= 0
        assert value <= 1 or name in ("vi", "vi_split", "vi_merge", "cremi_score")


@pytest.mark.parametrize("convention", CONVENTIONS)
@settings(deadline=None, max_examples=30)
@given(many_labels, st.integers(1, 5), st.integers(1, 46))
def test_planting_splits_raises_only_what_splits_cost(convention, truth, victim, cut):
    """Each further cut of one object adds to split VI and lowers recall, and merges nothing."""
    assume((truth == victim).sum() > 1)
    flat, prediction = truth.ravel(), truth.ravel().copy()
    before = known(count_pairs(flat, prediction), convention)
    for label in (100, 101):
        piece = np.flatnonzero(prediction == victim)[: max(1, cut % 5)]
        if len(piece) == (prediction == victim).sum():
            break
        prediction[piece] = label
        after = known(count_pairs(flat, prediction), convention)
        assert after["vi_split"] > before["vi_split"]
        assert after["vi_merge"] == pytest.approx(0, abs=1e-12)
        assert after["rand_recall"] <= before["rand_recall"]
        assert after["rand_precision"] == 1
        before = after


@pytest.mark.parametrize("convention", CONVENTIONS)
@settings(deadline=None, max_examples=30)
@given(many_labels)
def test_planting_merges_raises_only_what_merges_cost(convention, truth):
    labels = np.unique(truth[truth > 0])
    assume(len(labels) > 2)
    prediction = truth.copy()
    before = known(count_pairs(truth, prediction), convention)
    for label in labels[1:]:
        prediction[truth == label] = labels[0]
        after = known(count_pairs(truth, prediction), convention)
        assert after["vi_merge"] > before["vi_merge"]
        assert after["vi_split"] == pytest.approx(0, abs=1e-12)
        assert after["rand_precision"] <= before["rand_precision"]
        assert after["adapted_rand_error"] > 0
        assert after["rand_recall"] == 1
        before = after


@pytest.mark.parametrize("convention", CONVENTIONS)
def test_blocks_score_as_the_whole(convention, rng):
    truth, prediction = rng.integers(0, 6, (2, 8, 9, 10))
    parts = [count_pairs(truth[z : z + 3], prediction[z : z + 3]) for z in range(0, 8, 3)]
    whole = known(count_pairs(truth, prediction), convention)
    assert known(merge(parts), convention) == whole


def test_huge_ids_score_as_small_ones():
    truth, prediction = map(np.array, V2)
    huge = prediction.astype(np.uint64) * np.uint64(2**59)
    assert known(count_pairs(truth, huge), "cremi2016") == pytest.approx(
        known(count_pairs(truth, prediction), "cremi2016")
    )


@pytest.mark.parametrize("convention", ["cremi2016", "snemi3d_fixed", "gala", "funlib"])
def test_a_truth_of_background_leaves_values_missing_with_the_reason(convention):
    metrics = segmentation_metrics(table_of(([0, 0], [1, 2])), convention)
    vi = next(metric for metric in metrics if metric.name == "vi")
    assert vi.value is None
    assert "all background" in vi.note


def test_a_prediction_of_background_is_one_object():
    values = known(table_of(([1, 1, 2, 2], [0, 0, 0, 0])), "cremi2016")
    assert (values["vi_split"], values["vi_merge"]) == (0, 1)
    assert "vi" not in known(table_of(([1, 2], [0, 0])), "gala")


def test_every_value_says_what_it_was_taken_over():
    vi = segmentation_metrics(table_of(V2), "gala")[0]
    assert (vi.name, vi.unit, vi.convention) == ("vi", "bits", "gala")
    assert vi.counts == {"voxels": 6, "truth_labels": 2, "prediction_labels": 2}
    assert vi.settings == {"ignored": "either 0", "log_base": 2}


def test_an_unknown_convention_is_refused_with_those_there_are():
    with pytest.raises(ValueError, match="'cremi'; needs one of cremi2016, "):
        known(table_of(V1), "cremi")


def test_the_fib25_layers_score_as_published_for_them(data_root):
    from data.datasets import load

    (layers,) = load("fib25", data_root, split="all").volumes
    truth, *others = (
        layers[name].read() for name in ("neurites", "supervoxels", "ffn_segmentation")
    )
    watershed, ffn = (count_pairs(truth, other) for other in others)
    values = known(watershed, "cremi2016")
    assert (values["vi_split"], values["vi_merge"]) == pytest.approx((2.35, 0.32), abs=0.005)
    own_voxels = known(ffn, "gala")
    assert (own_voxels["vi_split"], own_voxels["vi_merge"]) == pytest.approx(
        (0.51, 0.25), abs=0.005
    )
