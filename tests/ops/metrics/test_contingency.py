"""The contingency table against counting one by one, with and without the compiled kernel."""

import collections

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ops.metrics import contingency
from ops.metrics.contingency import count_pairs, merge
from ops.metrics.overlap import sum_of_products

DTYPES = ("uint8", "uint16", "uint32", "uint64", "int64")


@pytest.fixture(params=["compiled", "plain"], autouse=True)
def kernel(request, monkeypatch):
    """Every test runs with the compiled kernel and without it."""
    if request.param == "plain":
        monkeypatch.setattr(contingency, "extension", lambda: None)
    elif contingency.extension() is None:
        pytest.skip("the C++ extension is not built")


def labels(dtype: str) -> st.SearchStrategy[np.ndarray]:
    values = st.sampled_from([0, 1, 2, 3, np.iinfo(dtype).max])
    return npst.arrays(dtype, (3, 4, 5), elements=values)


def as_dict(table: contingency.Contingency) -> dict[tuple[int, int], int]:
    pairs = zip(table.truth.tolist(), table.prediction.tolist(), strict=True)
    return dict(zip(pairs, table.counts.tolist(), strict=True))


def same(first: contingency.Contingency, second: contingency.Contingency) -> bool:
    names = ("truth", "prediction", "counts")
    return all(np.array_equal(getattr(first, n), getattr(second, n)) for n in names)


@settings(deadline=None, max_examples=50)
@given(st.data())
def test_every_pair_is_counted_once_and_in_order(data):
    truth = data.draw(labels(data.draw(st.sampled_from(DTYPES))))
    prediction = data.draw(labels(data.draw(st.sampled_from(DTYPES))))
    table = count_pairs(truth, prediction)
    both = zip(truth.ravel().tolist(), prediction.ravel().tolist(), strict=True)
    assert as_dict(table) == collections.Counter(both)
    assert list(as_dict(table)) == sorted(as_dict(table))
    assert table.total == truth.size


@settings(deadline=None, max_examples=30)
@given(labels("uint16"), labels("uint32"), npst.arrays(bool, (3, 4, 5)))
def test_a_mask_leaves_voxels_out(truth, prediction, mask):
    assert same(count_pairs(truth, prediction, mask), count_pairs(truth[mask], prediction[mask]))


@settings(deadline=None, max_examples=30)
@given(labels("uint8"), labels("uint64"), st.integers(0, 3), st.integers(0, 4))
def test_blocks_add_up_to_the_whole(truth, prediction, z, y):
    parts = [
        count_pairs(truth[part], prediction[part])
        for part in (np.s_[:z], np.s_[z:, :y], np.s_[z:, y:])
    ]
    assert same(merge(parts), count_pairs(truth, prediction))


@pytest.mark.parametrize(
    "view", [np.s_[::-1], np.s_[:, ::2], np.s_[..., 1:3]], ids=["mirrored", "strided", "cropped"]
)
def test_arrays_that_are_views_are_counted_alike(view, rng):
    truth, prediction = rng.integers(0, 4, (2, 6, 7, 8), np.uint32)
    copies = truth[view].copy(), prediction[view].copy()
    assert same(count_pairs(truth[view], prediction[view]), count_pairs(*copies))


def test_labels_of_another_byte_order_keep_their_ids():
    big = np.array([0, 1, 256], ">u2")
    assert same(count_pairs(big, big.astype("u2")), count_pairs(big.astype("u2"), big))
    assert count_pairs(big, big).truth.tolist() == [0, 1, 256]


def test_slabs_and_threads_do_not_change_the_table(rng, monkeypatch):
    truth, prediction = (np.repeat(rng.integers(0, 9, 40000), 20) for _ in range(2))
    whole = count_pairs(truth, prediction)
    monkeypatch.setattr(contingency, "SLAB_VOXELS", 1000)
    assert same(count_pairs(truth, prediction), whole)
    assert same(
        count_pairs(truth.reshape(800, 1000)[:, ::-1], prediction.reshape(800, 1000)[:, ::-1]),
        whole,
    )


def test_many_labels_fill_the_hash_table(rng):
    truth, prediction = (
        rng.permutation(200_000).astype(np.uint64) * np.uint64(1 << 40),
        np.arange(200_000),
    )
    table = count_pairs(truth, prediction)
    assert len(table.counts) == 200_000
    assert (table.counts == 1).all()
    assert np.array_equal(table.truth, np.sort(truth))


def test_sizes_sum_over_the_other_label():
    table = count_pairs(np.array([1, 1, 2, 0]), np.array([7, 8, 7, 7]))
    assert [a.tolist() for a in table.truth_sizes()] == [[0, 1, 2], [1, 2, 1]]
    assert [a.tolist() for a in table.prediction_sizes()] == [[7, 8], [3, 1]]
    assert same(table.swapped(), count_pairs(np.array([7, 8, 7, 7]), np.array([1, 1, 2, 0])))


def test_no_voxel_makes_an_empty_table():
    empty = np.zeros((0, 4, 4), np.uint32)
    assert count_pairs(empty, empty).total == 0
    assert merge([]).total == 0
    assert [len(a) for a in merge([]).truth_sizes()] == [0, 0]


def test_counts_are_exact_at_ten_thousand_million_voxels():
    # Ten tables of 2 ** 30 voxels and one odd voxel: a float32 or a squared int64 would lose it.
    one = np.ones(1, np.uint64)
    part = contingency.Contingency(one, one, np.array([2**30]))
    odd = contingency.Contingency(one, one, np.array([1]))
    table = merge([*[part] * 10, odd])
    assert table.total == 10 * 2**30 + 1
    assert sum_of_products(table.counts, table.counts) == (10 * 2**30 + 1) ** 2


@pytest.mark.parametrize(
    ("truth", "prediction", "words"),
    [
        (np.zeros((2, 3), int), np.zeros((3, 2), int), r"\(2, 3\).*\(3, 2\)"),
        (np.zeros(3, int), np.zeros(3, np.float32), "prediction: got labels of dtype float32"),
        (np.array([0, -4]), np.zeros(2, int), "truth: got the label -4"),
        (np.zeros(3, bool), np.zeros(3, int), "truth: got labels of dtype bool"),
    ],
)
def test_bad_labels_are_refused(truth, prediction, words):
    with pytest.raises(ValueError, match=words):
        count_pairs(truth, prediction)


def test_a_mask_of_another_shape_is_refused():
    with pytest.raises(ValueError, match=r"mask of \(3,\)"):
        count_pairs(np.zeros(2, int), np.zeros(2, int), np.ones(3, bool))
