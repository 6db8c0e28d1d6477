"""Run lengths against the published examples, a plain loop over edges, and planted errors."""

import math
from collections import defaultdict

import jaxtyping
import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.metrics.positions import look_up
from ops.metrics.run_length import (
    RunLength,
    erl_of,
    expected_run_length,
    run_length_metrics,
)

QUICK = settings(deadline=None, max_examples=50)
COUNTS = ("correct_edges", "split_edges", "omitted_edges", "merged_edges")
SQRT2 = math.sqrt(2)


def run(skeleton_ids, segments, edges, lengths, **options):
    return expected_run_length(
        np.array(skeleton_ids, np.int64),
        np.array(segments, np.uint64),
        np.array(edges, np.int64).reshape(-1, 2),
        np.array(lengths, np.float64),
        **options,
    )


@st.composite
def forests(draw):
    """Skeleton ids, edges and their lengths: one to four trees, nodes in any order."""
    sizes = draw(st.lists(st.integers(1, 7), min_size=1, max_size=4))
    sizes[0] = max(sizes[0], 2)
    ids, edges = [], []
    for skeleton, size in enumerate(sizes):
        first = len(ids)
        ids += [10 * skeleton - 5] * size
        edges += [(first + draw(st.integers(0, n - 1)), first + n) for n in range(1, size)]
    lengths = draw(st.lists(st.integers(1, 9), min_size=len(edges), max_size=len(edges)))
    order = np.array(draw(st.permutations(range(len(ids)))))
    ids_in_order = np.empty(len(ids), np.int64)
    ids_in_order[order] = ids
    return ids_in_order, order[np.array(edges)], np.array(lengths, np.float64)


@st.composite
def segmented(draw):
    """A forest and the segment under each node."""
    ids, edges, lengths = draw(forests())
    segments = draw(st.lists(st.integers(0, 4), min_size=len(ids), max_size=len(ids)))
    return ids, np.array(segments, np.uint64), edges, lengths


@st.composite
def split_only(draw):
    """A forest in a segmentation that splits and omits, but merges nothing."""
    ids, segments, edges, lengths = draw(segmented())
    apart = np.unique(ids, return_inverse=True)[1].astype(np.uint64) * np.uint64(100)
    return ids, np.where(segments > 0, segments + apart, 0).astype(np.uint64), edges, lengths


def by_loop(ids, segments, edges, lengths, threshold, masked):
    """ERL and the kinds of all edges, edge by edge."""
    contacts = defaultdict(int)
    for skeleton, segment in zip(ids.tolist(), segments.tolist(), strict=True):
        contacts[skeleton, segment] += 1
    holds = defaultdict(set)
    for (skeleton, segment), nodes in contacts.items():
        if nodes >= threshold:
            holds[segment].add(skeleton)
    wrong = {segment for segment, held in holds.items() if len(held) > 1} | set(masked)
    whole, runs, kinds = defaultdict(float), defaultdict(float), defaultdict(int)
    for (u, v), length in zip(edges.tolist(), lengths.tolist(), strict=True):
        skeleton, s, t = int(ids[u]), int(segments[u]), int(segments[v])
        whole[skeleton] += length
        if s == 0 or t == 0:
            kinds["omitted_edges"] += 1
        elif s != t:
            kinds["split_edges"] += 1
        elif s in wrong:
            kinds["merged_edges"] += 1
        else:
            kinds["correct_edges"] += 1
            runs[skeleton, s] += length
    total = sum(whole.values())
    return sum(length**2 for length in runs.values()) / total, [kinds[kind] for kind in COUNTS]


def test_a_path_of_three_nodes_as_funlib_has_it():
    edges, lengths = [[0, 1], [1, 2]], [SQRT2, SQRT2]
    assert run([1, 1, 1], [10, 10, 10], edges, lengths).erl_nm == pytest.approx(2 * SQRT2)
    assert run([1, 1, 1], [10, 10, 20], edges, lengths).erl_nm == pytest.approx(0.5 * SQRT2)


@pytest.mark.parametrize(
    ("segments", "erl"),
    [([10, 10, 30, 20, 40], 2 / 3 * 0.5 * SQRT2), ([10] * 5, 0), ([1, 1, 1, 2, 2], 5 / 3 * SQRT2)],
)
def test_two_skeletons_as_funlib_has_them(segments, erl):
    result = run([1, 1, 1, 2, 2], segments, [[0, 1], [1, 2], [3, 4]], [SQRT2] * 3)
    assert result.erl_nm == pytest.approx(erl)
    assert result.truth_erl_nm == pytest.approx(5 / 3 * SQRT2)


@pytest.mark.parametrize(("segments", "erl"), [([1, 1, 1, 2, 2], 1.25), ([1, 1, 1, 1, 2], 2.25)])
def test_a_straight_path_as_funlib_has_it(segments, erl):
    edges = [[0, 1], [1, 2], [2, 3], [3, 4]]
    assert run([1] * 5, segments, edges, [1] * 4).erl_nm == pytest.approx(erl)


def test_a_merged_skeleton_keeps_its_other_segments_as_em_erl_has_it():
    result = run(
        [10, 10, 10, 10, 20, 20, 30, 30],
        [7, 7, 100, 100, 100, 100, 3, 3],
        [[0, 1], [1, 2], [2, 3], [4, 5], [6, 7]],
        [10, 15, 25, 20, 30],
    )
    np.testing.assert_array_equal(result.skeleton_ids, [10, 20, 30])
    np.testing.assert_allclose(result.lengths_nm, [50, 20, 30])
    np.testing.assert_allclose(result.erls_nm, [10**2 / 50, 0, 30])
    assert result.erl_nm == pytest.approx((50 * 2 + 30 * 30) / 100)
    np.testing.assert_array_equal(result.correct_edges, [1, 0, 1])
    np.testing.assert_array_equal(result.split_edges, [1, 0, 0])
    np.testing.assert_array_equal(result.merged_edges, [1, 1, 0])
    np.testing.assert_array_equal(result.segments, [2, 1, 1])
    np.testing.assert_array_equal(result.merging, [1, 1, 0])
    np.testing.assert_array_equal(result.split_errors, [1, 0, 0])
    np.testing.assert_array_equal(result.merged_ids, [100])
    np.testing.assert_array_equal(result.merge_errors, [1])


def test_nerl_is_not_the_quotient_of_the_sums():
    result = run([1, 1, 2, 2, 2], [5, 5, 6, 6, 7], [[0, 1], [2, 3], [3, 4]], [1, 2, 2])
    np.testing.assert_allclose(result.erls_nm, [1, 1])
    assert result.nerl == pytest.approx((1 * 1 + 4 * 1) / (1 + 16))
    assert result.nerl == pytest.approx(result.erl_nm / result.truth_erl_nm)
    assert result.erls_nm.sum() / result.lengths_nm.sum() == pytest.approx(2 / 5)


def test_background_omits_and_never_merges():
    result = run([1, 1, 1, 2, 2, 2], [5, 5, 0, 6, 0, 0], [[0, 1], [1, 2], [3, 4], [4, 5]], [1] * 4)
    np.testing.assert_array_equal(result.omitted_edges, [1, 2])
    np.testing.assert_array_equal(result.correct_edges, [1, 0])
    assert len(result.merged_ids) == 0


def test_small_contacts_are_no_merge_but_go_with_one():
    # Segment 9 holds three nodes of skeleton 1, three of 2, and two of 3.
    ids, edges = [1] * 3 + [2] * 3 + [3] * 2, [[0, 1], [1, 2], [3, 4], [4, 5], [6, 7]]
    every = run(ids, [9] * 8, edges, [1] * 5, merge_threshold=3)
    np.testing.assert_array_equal(every.merged_skeletons, [2])
    np.testing.assert_array_equal(every.merged_edges, [2, 2, 1])
    without = run(ids, [9] * 3 + [8] * 3 + [9] * 2, edges, [1] * 5, merge_threshold=3)
    assert len(without.merged_ids) == 0
    assert without.nerl == 1
    assert run(ids, [9] * 3 + [8] * 3 + [9] * 2, edges, [1] * 5, merge_threshold=2).nerl < 1


def test_masked_segments_are_wrong():
    data = [1, 1, 2, 2], [5, 5, 6, 6], [[0, 1], [2, 3]], [3, 4]
    result = run(*data, mask_segments=np.array([6, 77, 0, 6]))
    np.testing.assert_array_equal(result.erls_nm, [3, 0])
    np.testing.assert_array_equal(result.merged_edges, [0, 1])
    np.testing.assert_array_equal(result.merging, [0, 1])
    assert (len(result.merged_ids), result.masked_segments) == (0, 1)


def test_a_skeleton_of_one_node_has_no_run_but_can_merge():
    result = run([1, 1, 2], [5, 5, 5], [[0, 1]], [7])
    np.testing.assert_array_equal(result.lengths_nm, [7, 0])
    np.testing.assert_array_equal(result.erls_nm, [0, 0])
    assert run([1, 1, 2], [5, 5, 6], [[0, 1]], [7]).nerl == 1


@QUICK
@given(segmented(), st.integers(0, 4), st.sets(st.integers(0, 5)))
def test_it_is_what_a_loop_over_edges_finds(data, threshold, masked):
    result = expected_run_length(
        *data, merge_threshold=threshold, mask_segments=np.array(sorted(masked), np.int64)
    )
    erl, kinds = by_loop(*data, threshold, masked)
    assert result.erl_nm == pytest.approx(erl)
    assert [int(getattr(result, kind).sum()) for kind in COUNTS] == kinds
    assert 0 <= result.nerl <= 1
    assert (result.erls_nm <= result.lengths_nm * (1 + 1e-12)).all()


@QUICK
@given(segmented())
def test_errors_are_counted_as_sets_would(data):
    ids, segments, _, _ = data
    result = expected_run_length(*data)
    under = [set(segments[ids == i].tolist()) - {0} for i in result.skeleton_ids]
    held = [sum(s in found for found in under) for s in set().union(*under)]
    np.testing.assert_array_equal(result.split_errors, [max(0, len(s) - 1) for s in under])
    assert result.merge_errors.sum() == sum(number - 1 for number in held)


@QUICK
@given(segmented())
def test_thresholds_of_0_and_1_are_the_same(data):
    zero, one = (expected_run_length(*data, merge_threshold=t) for t in (0, 1))
    np.testing.assert_array_equal(zero.erls_nm, one.erls_nm)
    np.testing.assert_array_equal(zero.merge_errors, one.merge_errors)


@QUICK
@given(forests())
def test_a_perfect_segmentation_scores_one(data):
    ids, edges, lengths = data
    segments = (np.unique(ids, return_inverse=True)[1] + 1).astype(np.uint64)
    result = expected_run_length(ids, segments, edges, lengths)
    assert result.nerl == pytest.approx(1)
    np.testing.assert_allclose(result.erls_nm, result.lengths_nm)


@QUICK
@given(split_only(), st.data())
def test_a_planted_split_never_raises_erl(data, source):
    ids, segments, edges, lengths = data
    cut = np.array(source.draw(st.lists(st.booleans(), min_size=len(ids), max_size=len(ids))))
    chosen = source.draw(st.sampled_from(segments.tolist()))
    further = np.where(cut & (segments == chosen) & (segments > 0), np.uint64(9999), segments)
    before = expected_run_length(*data)
    after = expected_run_length(ids, further, edges, lengths)
    assert after.erl_nm <= before.erl_nm * (1 + 1e-12)
    assert after.split_errors.sum() >= before.split_errors.sum()


@QUICK
@given(split_only(), st.data())
def test_a_planted_merge_never_raises_erl(data, source):
    ids, segments, edges, lengths = data
    labels = st.sampled_from(segments.tolist())
    kept, lost = source.draw(labels), source.draw(labels)
    if 0 in (kept, lost) or kept // 100 == lost // 100:
        return  # background, or both of one skeleton
    merged = np.where(segments == lost, np.uint64(kept), segments)
    before = expected_run_length(*data)
    after = expected_run_length(ids, merged, edges, lengths)
    assert after.erl_nm <= before.erl_nm
    assert after.merge_errors.sum() == 1


@QUICK
@given(segmented(), st.randoms(use_true_random=False))
def test_names_and_order_do_not_matter(data, random):
    ids, segments, edges, lengths = data
    order = np.array(random.sample(range(len(ids)), len(ids)))
    place = np.argsort(order)
    renamed = np.where(segments > 0, np.uint64(2**64 - 1) - segments, segments)
    before = expected_run_length(*data)
    after = expected_run_length((1000 - ids)[order], renamed[order], place[edges], lengths)
    assert after.erl_nm == pytest.approx(before.erl_nm)
    np.testing.assert_array_equal(after.split_edges[::-1], before.split_edges)


@QUICK
@given(segmented(), st.randoms(use_true_random=False))
def test_weights_repeat_skeletons(data, random):
    result = expected_run_length(*data)
    count = len(result.lengths_nm)
    weights = np.array([[1] + [random.randrange(3) for _ in range(count - 1)] for _ in range(4)])
    weights[:, int(np.argmax(result.lengths_nm))] += 1
    found = erl_of(result.lengths_nm, result.erls_nm, weights)
    for draw, *values in zip(weights, *found, strict=True):
        repeated = np.repeat(result.lengths_nm, draw), np.repeat(result.erls_nm, draw)
        once = erl_of(*repeated, np.ones((1, len(repeated[0]))))
        np.testing.assert_allclose(values, [float(value[0]) for value in once])
    np.testing.assert_allclose(found[0] / found[1], found[2])


def test_metrics_name_their_units_and_rules():
    result = run([1, 1, 1, 2, 2], [5, 5, 6, 6, 0], [[0, 1], [1, 2], [3, 4]], [30, 10, 40])
    found = {m.name: m for m in run_length_metrics(result, (20, 9, 9.5), 0)}
    assert {name: metric.value for name, metric in found.items()} == {
        "erl": pytest.approx(900 / 80),
        "truth_erl": pytest.approx(40),
        "nerl": pytest.approx(900 / 3200),
        "split_errors": 1,
        "merge_errors": 1,
        "split_edges": 1,
        "omitted_edges": 1,
        "merged_edges": 0,
        "split_errors_per_skeleton": 0.5,
        "merge_errors_per_skeleton": 0.5,
        "split_edges_per_skeleton": 0.5,
        "omitted_edges_per_skeleton": 0.5,
        "merged_edges_per_skeleton": 0,
    }
    erl = found["erl"]
    assert (erl.key, erl.unit, erl.better) == ("funlib_erl/erl", "nm", "higher")
    assert erl.counts == {"skeletons": 2, "edges": 3}
    assert erl.settings == {
        "voxel_size_nm": "20x9x9.5",
        "merge_threshold": 0,
        "masked_segments": 0,
    }


def test_labels_are_looked_up_where_a_voxel_begins():
    labels = np.arange(1, 25, dtype=np.uint16).reshape(2, 3, 4)
    positions = np.array([[0, 0, 0], [39.9, 4, 11.9], [40, 11.9, 12], [0, 12, 0], [-0.1, 0, 0]])
    np.testing.assert_array_equal(look_up(labels, positions, (40, 4, 4)), [1, 7, 24, 0, 0])


@QUICK
@given(st.integers(0, 5), st.integers(0, 3), st.randoms(use_true_random=False))
def test_blocks_fill_in_what_lies_inside_them(z, x, random):
    labels = np.arange(1, 61, dtype=np.uint64).reshape(5, 4, 3)
    positions = np.array([[random.uniform(-9, 60) for _ in range(3)] for _ in range(30)])
    size, offset = (10.0, 11.0, 12.0), (1, 0, -1)
    out = np.zeros(30, np.uint64)
    for in_z in (slice(0, z), slice(z, 5)):
        for in_x in (slice(0, x), slice(x, 3)):
            place = (1 + in_z.start, 0, in_x.start - 1)
            assert look_up(labels[in_z, :, in_x], positions, size, place, out) is out
    np.testing.assert_array_equal(out, look_up(labels, positions, size, offset))
    for label, position in zip(out.tolist(), positions, strict=True):
        voxel = [math.floor(p / s) - o for p, s, o in zip(position, size, offset, strict=True)]
        inside = all(0 <= i < n for i, n in zip(voxel, labels.shape, strict=True))
        assert label == (labels[tuple(voxel)] if inside else 0)


def test_far_positions_are_outside():
    far = np.array([[1e300, -1e300, 0.0]])
    assert look_up(np.ones((1, 1, 1), int), far, (1, 1, 1)) == 0


@pytest.fixture
def untyped(monkeypatch):
    """As users run it: without the type checks of tests, which would speak first."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


@pytest.mark.parametrize(
    ("changed", "message"),
    [
        ({"segments": [5, 5]}, "needs one of each for every node"),
        ({"edges": [[0, 1], [1, 3]]}, "node rows from 0 to 2"),
        ({"edges": [[0, 1], [-1, 2]]}, "node rows from 0 to 2"),
        ({"edges": [[0, 1]]}, r"shape \(1, 2\) and 2 lengths"),
        ({"lengths": [1, -1]}, "negative or not finite"),
        ({"lengths": [1, math.nan]}, "negative or not finite"),
        ({"lengths": [0, 0]}, "got skeletons with a length of 0.0 nm in all"),
        ({"skeleton_ids": [1, 1, 2]}, "an edge between two skeletons"),
        ({"merge_threshold": -1}, "merge_threshold=-1"),
    ],
)
def test_data_that_do_not_fit_are_refused(untyped, changed, message):
    data = {
        "skeleton_ids": [1, 1, 1],
        "segments": [5, 5, 5],
        "edges": [[0, 1], [1, 2]],
        "lengths": [1, 1],
    }
    with pytest.raises(ValueError, match=message):
        run(**(data | changed))


def test_labels_that_are_none_are_refused(untyped):
    ids, edges, lengths = np.array([1, 1]), np.array([[0, 1]]), np.ones(1)
    for bad in (np.array([0.5, 1]), np.array([-1, 1])):
        with pytest.raises(ValueError, match="segments: got"):
            expected_run_length(ids, bad, edges, lengths)
        with pytest.raises(ValueError, match="mask_segments: got"):
            expected_run_length(ids, ids, edges, lengths, mask_segments=bad)
    with pytest.raises(ValueError, match="labels: got"):
        look_up(np.ones((1, 1, 1)), np.zeros((1, 3)), (1, 1, 1))
    with pytest.raises(ValueError, match="got a position that is not finite"):
        look_up(np.ones((1, 1, 1), int), np.full((1, 3), np.nan), (1, 1, 1))
    with pytest.raises(ValueError, match="three numbers > 0"):
        look_up(np.ones((1, 1, 1), int), np.zeros((1, 3)), (1, 0, 1))


def test_skeletons_without_edges_are_refused():
    with pytest.raises(ValueError, match="give edges, with lengths"):
        run([1, 2], [5, 6], [], [])
    with pytest.raises(ValueError, match="give edges, with lengths"):
        run([], [], [], [])
    with pytest.raises(ValueError, match="draw only from skeletons that have them"):
        erl_of(np.array([1.0, 0.0]), np.zeros(2), np.array([[1, 0], [0, 2]]))


def test_a_result_is_of_plain_numbers():
    result = run([1, 1], [5, 5], [[0, 1]], [2])
    assert isinstance(result, RunLength)
    assert all(type(v) is float for v in (result.erl_nm, result.truth_erl_nm, result.nerl))
