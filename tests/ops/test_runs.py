"""Runs of equal ids: by hand, and against NumPy on labels of any kind."""

import numpy as np
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra.numpy import arrays

from ops.runs import find_runs

LABELS = arrays(np.uint64, (3, 4, 5), elements=st.sampled_from([0, 1, 2**63, 2**64 - 1]))


def test_runs_end_with_their_row():
    runs = find_runs(np.array([[[7, 7, 0], [0, 0, 7]]], np.uint32))
    assert runs.ids.tolist() == [7, 0, 0, 7] and runs.lengths.tolist() == [2, 1, 2, 1]
    assert runs.first.tolist() == [0, 2, 3, 5]


@settings(deadline=None, max_examples=30)
@given(LABELS)
def test_runs_paint_the_labels_again_and_count_them(labels):
    runs = find_runs(labels)
    np.testing.assert_array_equal(runs.painted(runs.ids), labels)
    ids, voxels = runs.counted(runs.ids)
    wanted_ids, wanted_voxels = np.unique(labels, return_counts=True)
    np.testing.assert_array_equal(ids, wanted_ids)
    np.testing.assert_array_equal(voxels, wanted_voxels)


def test_an_empty_array_has_no_runs():
    ids, voxels = find_runs(np.zeros((0, 2, 2), np.uint32)).counted(np.zeros(0, np.uint32))
    assert not len(ids) and not len(voxels)
