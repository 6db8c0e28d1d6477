"""The result type."""

import json
import math

import pytest

from ops.metrics.matches import Matches, match_metrics, with_wilson_intervals
from ops.metrics.metric import Interval, Metric, markdown

INTERVAL = Interval(0.3, 0.5, 0.95, "percentile bootstrap, 1000 draws of 64 blocks")
METRICS = (
    Metric("vi", 0.41234, "gala", "bits", "lower", {"voxels": 10}, interval=INTERVAL),
    Metric("vi", None, "cremi2016", note="the truth is all background"),
    Metric("cleft_score", math.inf, "cremi2016", "nm"),
)


def test_a_table_says_what_is_missing_and_why():
    words = markdown(METRICS)
    assert "| vi | gala | 0.4123 bits | 0.3 to 0.5 (95 %) | 10 voxels |" in words
    assert "| vi | cremi2016 | missing |" in words
    assert "- cremi2016/vi: the truth is all background" in words


def test_json_holds_everything_and_no_infinity():
    stored = json.loads(json.dumps([m.as_dict() for m in METRICS], allow_nan=False))
    assert stored[0]["interval"]["method"] == INTERVAL.method
    assert [m["value"] for m in stored] == [0.41234, None, "inf"]


def test_a_silent_nan_or_gap_is_refused():
    with pytest.raises(ValueError, match="vi: got NaN"):
        Metric("vi", math.nan, "gala")
    with pytest.raises(ValueError, match="needs a note"):
        Metric("vi", None, "gala")


def test_matches_by_hand():
    matches = Matches(6, 2, 4)
    assert (matches.precision, matches.recall) == (0.75, 0.6)
    assert matches.f1 == pytest.approx(12 / 18)
    assert matches.accuracy == 0.5
    names = [metric.name for metric in match_metrics(matches, "cremi2016", "partner_")]
    assert names == ["partner_precision", "partner_recall", "partner_f1"]


@pytest.mark.parametrize(
    ("matches", "precision", "recall", "f1"),
    [((0, 0, 0), 1, 1, 1), ((0, 0, 5), 1, 0, 0), ((0, 5, 0), 0, 1, 0)],
)
def test_nothing_claimed_is_nothing_false_and_nothing_there_is_nothing_missed(
    matches, precision, recall, f1
):
    found = Matches(*matches)
    assert (found.precision, found.recall, found.f1) == (precision, recall, f1)


def test_scores_of_objects_have_wilson_intervals_by_hand():
    # Wilson, 3 of 4 right: centre (3/4 + z^2/8) / (1 + z^2/4), z = 1.96.
    precision, recall, f1 = with_wilson_intervals(match_metrics(Matches(3, 1, 0), "a"))
    assert precision.interval is not None
    assert (precision.interval.low, precision.interval.high) == pytest.approx(
        (0.3006, 0.9544), abs=1e-4
    )
    assert recall.interval is not None
    assert (recall.interval.low, recall.interval.high) == pytest.approx((0.4385, 1), abs=1e-4)
    assert f1.interval is not None
    assert f1.interval.low == pytest.approx(2 * 0.3006 / 1.3006, abs=1e-4)
    assert precision.interval.method == "Wilson score interval over 4 objects"


def test_what_is_missing_or_no_share_of_objects_gets_no_interval():
    empty = match_metrics(Matches(0, 0, 0), "a")
    assert [metric.value for metric in empty] == [None] * 3
    assert with_wilson_intervals(empty) == empty
    assert with_wilson_intervals(METRICS) == METRICS
