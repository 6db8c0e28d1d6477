"""The XPRESS score against the published figures, a plain loop, and planted errors."""

import math
from collections import Counter, defaultdict

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.metrics.xpress import XpressScore, xpress_metrics, xpress_score

QUICK = settings(deadline=None, max_examples=50)


@st.composite
def paths(draw, lowest=0):
    """Skeleton ids, segments, edges and their lengths: one to four paths."""
    sizes = draw(st.lists(st.integers(1, 6), min_size=1, max_size=4))
    sizes[0] = max(sizes[0], 2)
    ids = np.repeat(np.arange(len(sizes)), sizes)
    edges = np.array([(n, n + 1) for n in range(len(ids) - 1) if ids[n] == ids[n + 1]])
    lengths = draw(st.lists(st.integers(1, 9), min_size=len(edges), max_size=len(edges)))
    segments = draw(st.lists(st.integers(lowest, 4), min_size=len(ids), max_size=len(ids)))
    return ids, np.array(segments, np.uint64), edges, np.array(lengths, np.float64)


def with_fresh_ids(segments):
    return [s or f"background {n}" for n, s in enumerate(segments.tolist())]


def entropy(labels):
    return -sum(n / len(labels) * math.log2(n / len(labels)) for n in Counter(labels).values())


def runs_by_loop(ids, segments, edges, lengths, whole_skeletons):
    """ERL and mean length, with an id of its own for each node over background."""
    labels = with_fresh_ids(segments)
    holds = defaultdict(set)
    for skeleton, label in zip(ids.tolist(), labels, strict=True):
        holds[label].add(skeleton)
    merging = {label for label, held in holds.items() if len(held) > 1}
    merged = set().union(*(holds[label] for label in merging))
    whole, runs = defaultdict(float), defaultdict(float)
    for (u, v), length in zip(edges.tolist(), lengths.tolist(), strict=True):
        skeleton = int(ids[u])
        whole[skeleton] += length
        wrong = skeleton in merged if whole_skeletons else labels[u] in merging
        if labels[u] == labels[v] and not wrong:
            runs[skeleton, labels[u]] += length
    erl = sum(length**2 for length in runs.values()) / sum(whole.values())
    return erl, sum(whole.values()) / len(whole)


def test_the_published_figures_make_the_published_score():
    # eval/README.md of trivoldus28/xray-challenge-eval: the baseline on the validation set.
    normalized = 0.6666742989110856
    result = XpressScore(
        rand_split=0.7121796364338487,
        rand_merge=0.9542967590725423,
        nvi_split=0.09069016147388803,
        nvi_merge=0.009372640868915904,
        erl_nm=12196.277300102622,
        erl_whole_skeletons_nm=0.0,
        mean_length_nm=12196.277300102622 / normalized,
        nodes=0,
        skeletons=238,
    )
    assert result.rand == pytest.approx(0.8332381977531955, abs=1e-15)
    assert result.vi == pytest.approx(0.9499685988285981, abs=1e-15)
    assert result.score == pytest.approx(0.7499562483321406, abs=1e-15)
    assert result.score_vi == pytest.approx(0.8083214488698418, abs=1e-15)


def test_two_paths_by_hand():
    # Skeleton 1 is split in two with a node over background, 2 is whole: lengths 3 and 1.
    ids, segments = np.array([1, 1, 1, 1, 2, 2]), np.array([5, 5, 0, 6, 7, 7])
    edges = np.array([[0, 1], [1, 2], [2, 3], [4, 5]])
    result = xpress_score(ids, segments, edges, np.ones(4))
    assert result.rand_split == pytest.approx((4 + 1 + 1 + 4) / (16 + 4))
    assert result.rand_merge == 1
    assert result.erl_nm == pytest.approx((1 + 1) / 4)
    assert result.mean_length_nm == 2
    assert result.score == pytest.approx((0.75 + 0.25) / 2)
    joint = 2 / 3 * math.log2(3) + 1 / 3 * math.log2(6)
    truth = 2 / 3 * math.log2(3 / 2) + 1 / 3 * math.log2(3)
    assert result.nvi_split == pytest.approx((joint - truth) / joint)
    assert result.nvi_merge == 0


def test_a_merge_can_cost_one_segment_or_the_whole_skeleton():
    ids, segments = np.array([1, 1, 1, 2, 2]), np.array([5, 5, 6, 6, 6])
    edges = np.array([[0, 1], [1, 2], [3, 4]])
    result = xpress_score(ids, segments, edges, np.array([2.0, 1.0, 4.0]))
    assert result.erl_nm == pytest.approx(4 / 7)
    assert result.erl_whole_skeletons_nm == 0
    assert result.score_whole_skeletons == result.rand / 2


def test_background_is_no_segment_that_merges():
    ids, segments = np.array([1, 1, 1, 2, 2, 2]), np.array([5, 5, 0, 0, 7, 7])
    edges = np.array([[0, 1], [1, 2], [3, 4], [4, 5]])
    result = xpress_score(ids, segments, edges, np.ones(4))
    assert (result.rand_merge, result.nvi_merge) == (1, 0)
    assert result.erl_whole_skeletons_nm == result.erl_nm == pytest.approx(2 / 4)


def test_a_perfect_segmentation_scores_one_where_lengths_are_equal():
    ids, edges = np.array([1, 1, 2, 2, 3]), np.array([[0, 1], [2, 3]])
    equal = xpress_score(ids, ids + 10, edges, np.array([3.0, 3.0]))
    assert (equal.score, equal.score_vi, equal.score_whole_skeletons) == (1, 1, 1)
    assert (equal.nodes, equal.skeletons, equal.mean_length_nm) == (5, 3, 3)
    # Weighted by length, the mean run of 1 and 3 is 10 / 4, and their mean length 2.
    unequal = xpress_score(ids, ids + 10, edges, np.array([1.0, 3.0]))
    assert unequal.normalized_erl == 1.25
    assert unequal.score == 1.125


def test_one_skeleton_in_one_segment_has_no_information_to_lose():
    result = xpress_score(np.array([4, 4]), np.array([9, 9]), np.array([[0, 1]]), np.array([2.0]))
    assert (result.nvi_split, result.nvi_merge, result.score_vi) == (0, 0, 1)


@QUICK
@given(paths())
def test_it_is_what_a_plain_loop_finds(data):
    result = xpress_score(*data)
    ids, segments, *_ = data
    labels, skeletons = with_fresh_ids(segments), ids.tolist()
    pairs = list(zip(skeletons, labels, strict=True))
    p, a, b = (sum(n**2 for n in Counter(side).values()) for side in (pairs, skeletons, labels))
    joint = entropy(pairs)
    assert result.rand_split == pytest.approx(p / a)
    assert result.rand_merge == pytest.approx(p / b)
    assert result.nvi_split * joint == pytest.approx(joint - entropy(skeletons), abs=1e-9)
    assert result.nvi_merge * joint == pytest.approx(joint - entropy(labels), abs=1e-9)
    erl, mean = runs_by_loop(*data, whole_skeletons=False)
    assert (result.erl_nm, result.mean_length_nm) == (pytest.approx(erl), pytest.approx(mean))
    erl_of_whole, _ = runs_by_loop(*data, whole_skeletons=True)
    assert result.erl_whole_skeletons_nm == pytest.approx(erl_of_whole)
    assert result.score_whole_skeletons <= result.score


@QUICK
@given(paths(), st.data())
def test_a_planted_split_never_raises_the_score(data, source):
    ids, segments, edges, lengths = data
    apart = np.where(segments > 0, segments + np.uint64(100) * ids.astype(np.uint64), segments)
    cut = np.array(source.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids))))
    chosen = source.draw(st.sampled_from(apart.tolist()))
    further = np.where(cut & (apart == chosen), np.uint64(9999 if chosen else 0), apart)
    before, after = (xpress_score(ids, labels, edges, lengths) for labels in (apart, further))
    assert after.score <= before.score * (1 + 1e-12)
    assert after.rand_merge == before.rand_merge == 1


@QUICK
@given(paths(lowest=1), st.data())
def test_a_planted_merge_lowers_the_score(data, source):
    ids, segments, edges, lengths = data
    apart = segments + np.uint64(100) * ids.astype(np.uint64)
    label = st.sampled_from(apart.tolist())
    kept, lost = source.draw(label), source.draw(label)
    if kept // 100 == lost // 100:
        return
    merged = np.where(apart == lost, np.uint64(kept), apart)
    before, after = (xpress_score(ids, labels, edges, lengths) for labels in (apart, merged))
    assert after.score < before.score
    assert after.rand_split == before.rand_split


def test_metrics_say_how_to_read_them():
    ids, edges = np.array([1, 1, 2, 2]), np.array([[0, 1], [2, 3]])
    found = {m.name: m for m in xpress_metrics(xpress_score(ids, ids, edges, np.array([1.0, 3.0])))}
    assert {name: metric.value for name, metric in found.items()} == {
        "score": 1.125,
        "score_vi": 1.125,
        "score_whole_skeletons": 1.125,
        "rand_split": 1,
        "rand_merge": 1,
        "nvi_split": 0,
        "nvi_merge": 0,
        "erl": 2.5,
        "normalized_erl": 1.25,
    }
    assert found["score"].key == "xpress2023/score"
    assert "may exceed 1" in found["score"].note
    assert "whole" not in found["score"].note
    assert found["erl"].unit == "nm"
    assert found["nvi_split"].better == "lower"
    assert found["score"].counts == {"nodes": 4, "skeletons": 2}


def test_skeletons_without_length_are_refused():
    none = np.zeros((0, 2), np.int64)
    with pytest.raises(ValueError, match="got skeletons with a length of"):
        xpress_score(np.array([1]), np.array([1]), none, np.zeros(0))


def test_labels_below_zero_are_refused():
    with pytest.raises(ValueError, match="segments: got the label -1"):
        xpress_score(np.array([1, 1]), np.array([-1, 1]), np.array([[0, 1]]), np.ones(1))
