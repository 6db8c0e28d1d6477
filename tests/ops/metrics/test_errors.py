"""Which objects lose the bits."""

import numpy as np
import pytest
from hypothesis import assume, given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ops.metrics.contingency import count_pairs
from ops.metrics.errors import merge_errors, split_errors
from ops.metrics.information import variation_of_information
from ops.metrics.overlap import overlap_of

labels = npst.arrays(np.uint8, (3, 4, 5), elements=st.integers(0, 4))


def test_an_object_cut_in_three_by_hand():
    # Object 7 of 8 voxels falls into 4 + 2 + 2: 1.5 bits a voxel; object 9 of 2 stays whole.
    truth = np.array([7] * 8 + [9] * 2 + [0] * 3)
    prediction = np.array([5] * 4 + [6] * 2 + [4] * 2 + [8] * 2 + [5] * 3)
    found = split_errors(count_pairs(truth, prediction))
    assert found.ids.tolist() == [7, 9]
    assert found.voxels.tolist() == [8, 2]
    assert found.bits.tolist() == pytest.approx([8 * 1.5 / 10, 0])
    assert found.parts.tolist() == [3, 1]
    assert (found.largest.tolist(), found.largest_voxels.tolist()) == ([5, 8], [4, 2])
    # Of two pieces of one size, the lower label comes first; an object of one piece has no second.
    assert (found.second.tolist(), found.second_voxels.tolist()) == ([4, 0], [2, 0])
    assert found.worst(5).ids.tolist() == [7]


def test_a_merge_is_a_split_seen_from_the_other_side():
    truth = np.array([1, 1, 1, 2, 3, 3])
    prediction = np.array([4, 4, 4, 4, 5, 5])
    found = merge_errors(count_pairs(truth, prediction)).worst(10)
    assert (found.ids.tolist(), found.largest.tolist(), found.second.tolist()) == ([4], [1], [2])
    assert found.second_voxels.tolist() == [1]


@settings(deadline=None, max_examples=60)
@given(labels, labels, st.sampled_from(["nothing", "truth 0", "prediction 0", "either 0"]))
def test_the_bits_of_all_objects_are_those_of_vi(truth, prediction, ignore):
    table = count_pairs(truth, prediction)
    try:
        whole = variation_of_information(overlap_of(table, ignore))
    except ValueError:
        assume(False)
        return
    assert split_errors(table, ignore).bits.sum() == pytest.approx(whole.split)
    assert merge_errors(table, ignore).bits.sum() == pytest.approx(whole.merge)


def test_an_empty_truth_has_no_errors_to_find():
    with pytest.raises(ValueError, match="all background"):
        split_errors(count_pairs(np.zeros(4, int), np.ones(4, int)))
