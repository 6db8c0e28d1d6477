"""Pairs of regions from a tracking: by hand, and added up over parts of a section."""

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from ops.segmentation.graph_sums import merge_graphs
from ops.tracking import tracked_pairs

SHAPE = (5, 7)
SOURCE = npst.arrays(np.uint64, SHAPE, elements=st.sampled_from([0, 1, 2, 3]))
TARGET = npst.arrays(np.uint64, SHAPE, elements=st.sampled_from([0, 11, 12]))
BYTES = npst.arrays(np.uint8, SHAPE)


def row(*ids: int) -> np.ndarray:
    return np.array([ids], np.uint64)


def test_pairs_by_hand():
    source, target = row(1, 1, 2, 2, 0), row(7, 7, 7, 8, 8)
    tracked, confidence = row(1, 1, 1, 0, 2), np.array([[255, 200, 239, 255, 15]], np.uint8)
    found = tracked_pairs(source, target, tracked, confidence)
    assert found.edges.tolist() == [[1, 7], [2, 7], [2, 8]]
    # 1-7: strengths 0, 55, 16 (tracked, the last from the side). 2-7: 239, as 1 was tracked there.
    # 2-8: 255, as nothing was tracked there, and 240, which is hardly sure.
    assert found.across_count.tolist() == [3, 1, 2]
    assert found.across_sum.tolist() == [71, 239, 495]
    assert found.faces.tolist() == [3, 1, 2]
    assert not found.within_count.any()


@settings(deadline=None, max_examples=30)
@given(SOURCE, TARGET, SOURCE, BYTES, st.integers(0, SHAPE[1]))
def test_parts_of_a_section_add_up(source, target, tracked, confidence, cut):
    whole = tracked_pairs(source, target, tracked, confidence)
    parts = [
        tracked_pairs(source, target, tracked, confidence, owned=(slice(None), columns))
        for columns in (slice(0, cut), slice(cut, None))
    ]
    found = merge_graphs(parts)
    assert all(
        np.array_equal(a, b)
        for a, b in zip(vars(found).values(), vars(whole).values(), strict=True)
    )


@settings(deadline=None, max_examples=30)
@given(SOURCE, TARGET, SOURCE, BYTES)
def test_every_pixel_counts_once_for_what_was_tracked_and_once_against_what_was_not(
    source, target, tracked, confidence
):
    found = tracked_pairs(source, target, tracked, confidence)
    told = (target > 0) & (tracked > 0)
    against = (target > 0) & (source > 0) & (source != tracked)
    assert found.across_count.sum() == told.sum() + against.sum()
    assert (
        found.across_sum.sum()
        == (255 - confidence.astype(int))[told].sum() + confidence.astype(int)[against].sum()
    )


def test_other_shapes_are_refused():
    with pytest.raises(ValueError, match="tracked of shape"):
        tracked_pairs(row(1, 2), row(3, 4), row(1), np.zeros((1, 2), np.uint8))
