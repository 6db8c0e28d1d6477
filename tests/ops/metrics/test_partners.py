"""Partner matching against the dense, padded assignment of CREMI's rule, and by hand."""

import itertools
import math

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from scipy.optimize import linear_sum_assignment

from ops.metrics.matches import Matches
from ops.metrics.partners import (
    Partners,
    compare_polarity,
    match_partners,
    partner_metrics,
)
from ops.metrics.polarity import Polarity

QUICK = settings(deadline=None, max_examples=50)


@st.composite
def partner_sets(draw):
    """Few ids, and sites so close that most of them could match several."""
    n = draw(st.integers(0, 8))
    rng = np.random.default_rng(draw(st.integers(0, 2**32)))
    grid = draw(st.sampled_from([100.0, 1.0]))  # on the coarse grid costs tie, some at the limit
    sites = np.round(rng.uniform(0, 900, (2, n, 3)) / grid) * grid
    return Partners(sites[0], sites[1], rng.integers(0, 2, (n, 2)))


def partners(*rows):
    """Rows of (pre x, post x, pre id, post id)."""
    table = np.array(rows, np.float64).reshape(-1, 4)
    pre, post = np.zeros((2, len(table), 3))
    pre[:, 2], post[:, 2] = table[:, 0], table[:, 1]
    return Partners(pre, post, table[:, 2:].astype(np.int64))


def none():
    return partners()


def cremi_costs(prediction, truth, limit):
    """The square cost matrix, written as the rule says."""
    size = max(len(prediction), len(truth))
    costs = np.full((size, size), 2 * limit)
    for i, j in itertools.product(range(len(prediction)), range(len(truth))):
        pre = np.linalg.norm(prediction.pre[i] - truth.pre[j])
        post = np.linalg.norm(prediction.post[i] - truth.post[j])
        if (prediction.ids[i] == truth.ids[j]).all() and max(pre, post) <= limit:
            costs[i, j] = (pre + post) / 2
    return costs


@QUICK
@given(partner_sets(), partner_sets(), st.sampled_from([100, 300.0, 400.0, 2000.0]))
def test_the_matching_is_as_good_as_the_dense_one(prediction, truth, limit):
    costs = cremi_costs(prediction, truth, limit)
    rows, columns = linear_sum_assignment(costs - costs.max(initial=0) - 1)
    found = match_partners(prediction, truth, limit)
    i, j = found.pairs.T
    assert len(set(i)) == len(set(j)) == len(i)
    assert (costs[i, j] <= limit).all()
    total = costs[i, j].sum() + 2 * limit * (len(costs) - len(i))
    assert total == pytest.approx(costs[rows, columns].sum())
    # On the coarse grid, optima with different numbers of matches may cost the same.
    if (prediction.pre % 100).any():
        assert len(i) == np.count_nonzero(costs[rows, columns] <= limit)
    assert found.matches == Matches(len(i), len(prediction) - len(i), len(truth) - len(i))


def test_two_farther_matches_beat_one_near_match():
    truth = partners((0, 0, 1, 2), (300, 300, 1, 2))
    prediction = partners((0, 0, 1, 2), (-300, -300, 1, 2))
    # Near: 0 and 0, and the other stays alone (2 T = 800). Or both at 300: 600 < 800.
    match = match_partners(prediction, truth)
    assert match.matches == Matches(2, 0, 0)
    np.testing.assert_array_equal(match.pairs, [[0, 1], [1, 0]])


def test_sites_at_the_limit_match_and_beyond_do_not():
    truth = partners((0, 50, 1, 2))
    assert match_partners(partners((400, 50, 1, 2)), truth).matches == Matches(1, 0, 0)
    assert match_partners(partners((401, 50, 1, 2)), truth).matches == Matches(0, 1, 1)
    assert match_partners(partners((0, 451, 1, 2)), truth).matches == Matches(0, 1, 1)


def test_ids_must_agree_in_order():
    truth = partners((0, 0, 1, 2))
    assert match_partners(partners((0, 0, 2, 1)), truth).matches == Matches(0, 1, 1)
    assert match_partners(partners((0, 0, 1, 3)), truth).matches == Matches(0, 1, 1)
    background = partners((0, 0, 0, 2))
    assert match_partners(background, background).matches == Matches(1, 0, 0)


def test_ids_beyond_the_floats_are_told_apart():
    big = 2**63
    ids = np.array([[big, big + 1]], np.uint64)
    site = np.zeros((1, 3))
    truth = Partners(site, site, ids)
    assert match_partners(Partners(site, site, ids + np.uint64(1)), truth).pairs.shape == (0, 2)
    assert match_partners(Partners(site, site, ids), truth).matches == Matches(1, 0, 0)


def test_a_perfect_prediction_scores_one():
    rng = np.random.default_rng(0)
    truth = Partners(
        rng.uniform(0, 3000, (200, 3)), rng.uniform(0, 3000, (200, 3)), rng.integers(1, 5, (200, 2))
    )
    match = match_partners(truth, truth)
    np.testing.assert_array_equal(match.pairs, np.stack([np.arange(200)] * 2, axis=1))
    between_two = int(np.count_nonzero(truth.ids[:, 0] != truth.ids[:, 1]))
    assert compare_polarity(truth, truth) == Polarity(between_two, between_two)


def test_empty_sets_are_defined():
    some = partners((0, 0, 1, 2))
    assert match_partners(none(), none()).matches == Matches(0, 0, 0)
    assert match_partners(none(), some).matches == Matches(0, 0, 1)
    assert match_partners(some, none()).matches == Matches(0, 1, 0)
    assert compare_polarity(none(), some) == Polarity(0, 0)


def test_polarity_by_hand():
    truth = partners((0, 100, 1, 2), (1000, 1100, 3, 4), (2000, 2100, 5, 6), (3000, 3100, 7, 7))
    prediction = partners(
        (0, 100, 1, 2),  # right
        (1100, 1000, 4, 3),  # the wrong way round
        (2000, 3500, 5, 6),  # its midpoint is too far away
        (3000, 3100, 7, 7),  # within one neuron: ids do not tell
    )
    polarity = compare_polarity(prediction, truth)
    assert polarity == Polarity(1, 2)
    assert polarity.accuracy == 0.5


@QUICK
@given(partner_sets())
def test_all_turned_round_has_no_direction_right(truth):
    turned = Partners(truth.post, truth.pre, truth.ids[:, ::-1].copy())
    both_ways = {tuple(i) for i in truth.ids} & {tuple(i) for i in turned.ids if i[0] != i[1]}
    polarity = compare_polarity(turned, truth)
    assert polarity.compared == np.count_nonzero(truth.ids[:, 0] != truth.ids[:, 1])
    assert polarity.right == 0 or both_ways


def test_metrics_say_what_they_are():
    truth = partners((0, 0, 1, 2), (1000, 1000, 1, 2), (2000, 2000, 1, 2))
    prediction = partners((10, 0, 1, 2), (1000, 1000, 2, 1))
    metrics = {metric.key: metric for metric in partner_metrics(prediction, truth)}
    assert metrics["cremi2016/partner_precision"].value == 1 / 2
    assert metrics["cremi2016/partner_recall"].value == 1 / 3
    assert metrics["cremi2016/partner_f1"].value == 2 / 5
    assert metrics["cremi2016/partner_f1"].settings == {"max_distance_nm": 400.0}
    assert metrics["neuropil_polarity_v1/partner_polarity_accuracy"].value == 1 / 2


def test_polarity_without_a_match_has_no_value():
    metric = partner_metrics(none(), partners((0, 0, 1, 2)))[-1]
    assert metric.value is None
    assert "no matched connection" in metric.note
    with pytest.raises(ValueError, match="no matched connection"):
        _ = Polarity(0, 0).accuracy


@pytest.mark.parametrize("limit", [0, -1.0, math.nan, math.inf])
def test_the_distance_is_a_length(limit):
    for compare in (match_partners, compare_polarity):
        with pytest.raises(ValueError, match="got max_distance_nm="):
            compare(none(), none(), limit)


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of tests, which would speak first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def test_partners_of_another_kind_are_refused(untyped):
    sites, ids = np.zeros((2, 3)), np.ones((2, 2), np.uint64)
    with pytest.raises(ValueError, match="got a site that is not finite"):
        Partners(sites, sites * math.nan, ids)
    with pytest.raises(ValueError, match="got pre, post and ids of shapes"):
        Partners(sites, sites[1:], ids)
    with pytest.raises(ValueError, match="dtype float64"):
        Partners(sites, sites, ids.astype(np.float64))
    with pytest.raises(ValueError, match="label -1"):
        Partners(sites, sites, -ids.astype(np.int64))
