"""Confidence intervals."""

import numpy as np
import pytest

from ops.metrics.bootstrap import Bootstrap, bootstrap_sums, bootstrap_tables, draw_weights
from ops.metrics.contingency import count_pairs, merge
from ops.metrics.matches import Matches
from ops.metrics.metric import Metric
from ops.metrics.segmentation import segmentation_metrics, segmentation_values


def values(table):
    return {f"cremi2016/{n}": v for n, v in segmentation_values(table, "cremi2016").items()}


def blocks(rng, error, number=12):
    """Tables of blocks in which a share `error` of the voxels is labelled at random."""
    truth = np.repeat(rng.integers(1, 6, (number, 40)), 5, axis=1)
    random = rng.integers(1, 6, truth.shape)
    wrong = rng.random(truth.shape) < error
    return [count_pairs(*pair) for pair in zip(truth, np.where(wrong, random, truth), strict=True)]


def test_every_draw_scores_the_blocks_drawn(rng):
    tables = blocks(rng, 0.2, number=5)
    drawn = bootstrap_tables(tables, values, draws=20, seed=3)
    for weights, vi in zip(draw_weights(5, 20, 3), drawn.samples["cremi2016/vi"], strict=True):
        repeated = [t for t, times in zip(tables, weights, strict=True) for _ in range(times)]
        assert vi == pytest.approx(values(merge(repeated))["cremi2016/vi"], abs=1e-12)


def test_the_same_seed_draws_the_same(rng):
    tables = blocks(rng, 0.2)
    first, again, other = (bootstrap_tables(tables, values, 50, seed) for seed in (1, 1, 2))
    assert all(np.array_equal(first.samples[k], again.samples[k]) for k in first.samples)
    assert not np.array_equal(first.samples["cremi2016/vi"], other.samples["cremi2016/vi"])


def test_the_interval_lies_about_the_value_and_says_how_it_was_found(rng):
    tables = blocks(rng, 0.2)
    metrics = segmentation_metrics(merge(tables), "cremi2016")
    for metric in bootstrap_tables(tables, values, 200).attach(metrics):
        assert metric.interval is not None
        assert metric.value is not None
        assert metric.interval.low < metric.value < metric.interval.high
        assert metric.interval.method == "centred percentile bootstrap, 200 draws of 12 blocks"


def test_it_holds_a_known_share_as_often_as_it_says(rng):
    """95 % intervals of a share of 0.3 from 60 objects hold it in about 95 of 100 repetitions."""
    held = 0
    for repetition in range(200):
        outcomes = (rng.random((60, 1)) < 0.3).astype(np.int64)
        drawn = bootstrap_sums(
            outcomes, lambda s: {"a/b": float(s[0]) / 60}, "objects", 300, repetition
        )
        interval = drawn.interval("a/b", float(outcomes.mean()))
        assert interval is not None
        held += interval.low <= 0.3 <= interval.high
    assert 0.88 <= held / 200 <= 0.99


def test_objects_are_drawn_by_their_outcomes():
    outcomes = np.array([[1, 0, 0]] * 30 + [[0, 1, 0]] * 5 + [[0, 0, 1]] * 5)
    drawn = bootstrap_sums(outcomes, lambda s: {"a/f1": Matches(*s.tolist()).f1}, "objects")
    (metric,) = drawn.attach([Metric("f1", 60 / 70, "a")])
    assert metric.interval is not None
    assert 0.7 < metric.interval.low < 60 / 70 < metric.interval.high <= 1
    assert metric.interval.method.endswith("1000 draws of 40 objects")


def test_shares_keep_to_one_and_bits_do_not():
    draws = {"a/f1": np.linspace(0.9, 1, 101), "a/vi": np.linspace(0.9, 1, 101)}
    drawn = Bootstrap(draws, 8, "blocks")
    share, bits = drawn.attach([Metric("f1", 0.97, "a"), Metric("vi", 0.97, "a", "bits")])
    assert share.interval is not None and bits.interval is not None
    assert share.interval.high == 1
    assert bits.interval.high > 1


def test_draws_that_lie_far_from_the_score_give_no_interval():
    drawn = Bootstrap({"a/vi": np.linspace(0.9, 0.99, 100)}, 8, "blocks")
    assert drawn.interval("a/vi", 1.0) is not None
    assert drawn.interval("a/vi", 1.3) is None


def test_the_share_of_draws_is_that_of_the_centred_differences():
    ours = Bootstrap({"a/vi": np.linspace(0.4, 0.6, 101)}, 8, "blocks")
    theirs = Bootstrap({"a/vi": np.full(101, 0.6)}, 8, "blocks")
    metric, other = Metric("vi", 1.1, "a", "bits"), Metric("vi", 0.9, "a", "bits")
    assert "in 100.0 % of the draws" in ours.difference(theirs, metric, other).note


def test_no_unit_is_no_interval():
    assert bootstrap_tables([], values).samples == {}


def test_a_perfect_score_has_an_interval_of_no_width(rng):
    tables = blocks(rng, 0)
    interval = bootstrap_tables(tables, values, 50).interval("cremi2016/vi", 0.0)
    assert interval is not None
    assert (interval.low, interval.high) == (0, 0)


def test_one_block_has_no_interval(rng):
    assert bootstrap_tables(blocks(rng, 0.1, 1), values, 10).interval("cremi2016/vi", 0.1) is None


def test_draws_that_leave_a_score_undefined_are_not_hidden():
    empty, full = (count_pairs(np.full(9, t), np.arange(9)) for t in (0, 1))
    drawn = bootstrap_tables([empty, full], values, 200)  # a quarter of the draws hold no truth
    assert np.isnan(drawn.samples["cremi2016/vi"]).mean() > 0.1
    assert drawn.interval("cremi2016/vi", 1.0) is None


def test_two_methods_are_compared_on_the_same_draws(rng):
    seed = 5
    good, bad = (blocks(np.random.default_rng(1), error) for error in (0.1, 0.3))
    ours, theirs = (bootstrap_tables(tables, values, 200, seed) for tables in (good, bad))
    metric, other = (segmentation_metrics(merge(t), "cremi2016")[0] for t in (good, bad))
    found = ours.difference(theirs, metric, other)
    assert (found.name, found.convention, found.unit) == ("vi_difference", "cremi2016", "bits")
    assert found.value == values(merge(good))[metric.key] - values(merge(bad))[metric.key] < 0
    assert found.interval is not None
    assert found.interval.high < 0
    assert "greater than the baseline's in 0.0 % of the draws" in found.note
    same = ours.difference(ours, metric, metric)
    assert same.value == 0
    assert same.interval is not None
    assert (same.interval.low, same.interval.high) == (0, 0)


def test_methods_drawn_differently_are_not_compared(rng):
    metric = Metric("vi", 1.0, "cremi2016")
    twelve, five = (bootstrap_tables(blocks(rng, 0.1, n), values, 10) for n in (12, 5))
    with pytest.raises(ValueError, match="10 draws of 12 blocks and 10 of 5"):
        twelve.difference(five, metric, metric)


def test_no_draw_is_refused():
    with pytest.raises(ValueError, match="0 draws"):
        draw_weights(3, 0, 0)
