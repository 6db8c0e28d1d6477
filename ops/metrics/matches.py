"""Precision, recall and F1 of things found."""

import dataclasses
import math
from collections.abc import Sequence

from ops.metrics.metric import Interval, Metric, Setting

NOTHING = "nothing to find, and nothing claimed"
NORMAL_95 = 1.959963984540054  # 95 % of a normal distribution lies within so many deviations


@dataclasses.dataclass(frozen=True)
class Matches:
    """How many things were found, claimed falsely, and missed; all >= 0.

    With no claim at all there is no false one: precision is then 1; with nothing to find, recall
    is 1; F1 is 1 where both hold, and 0 where nothing was found but something claimed or missed.
    """

    true_positives: int
    false_positives: int
    false_negatives: int

    @property
    def precision(self) -> float:
        """Share of the claims that are true, in [0, 1]."""
        return _share(self.true_positives, self.false_positives)

    @property
    def recall(self) -> float:
        """Share of the truth that was found, in [0, 1]."""
        return _share(self.true_positives, self.false_negatives)

    @property
    def f1(self) -> float:
        """2 TP / (2 TP + FP + FN), in [0, 1]."""
        return _share(2 * self.true_positives, self.false_positives + self.false_negatives)

    @property
    def accuracy(self) -> float:
        """TP / (TP + FP + FN), in [0, 1]: the segmentation accuracy SA of instance matching."""
        return _share(self.true_positives, self.false_positives + self.false_negatives)


COUNTS = {field.name for field in dataclasses.fields(Matches)}
WRONG = {  # what each score counts against
    "precision": ("false_positives",),
    "recall": ("false_negatives",),
    "accuracy": ("false_positives", "false_negatives"),
    "f1": ("false_positives", "false_negatives"),
}


def match_metrics(
    matches: Matches, convention: str, prefix: str = "", settings: dict[str, Setting] | None = None
) -> tuple[Metric, ...]:
    """Precision, recall and F1; their names begin with the prefix, as in "cleft_f1".

    They are missing where there was nothing to find and nothing was claimed: a 1 would flatter.
    """
    counts = dataclasses.asdict(matches)
    empty = not any(counts.values())
    values = {"precision": matches.precision, "recall": matches.recall, "f1": matches.f1}
    return tuple(
        Metric(
            name=prefix + name,
            value=None if empty else value,
            convention=convention,
            better="higher",
            counts=counts,
            settings=settings or {},
            note=NOTHING if empty else "",
        )
        for name, value in values.items()
    )


def with_wilson_intervals(metrics: Sequence[Metric]) -> tuple[Metric, ...]:
    """Scores of `Matches` with 95 % intervals, as of objects found independently of each other.

    Each is a share of objects (Wilson, J. Am. Stat. Assoc. 22 (1927)), and F1 = 2 q / (1 + q) is
    a function of the share q = TP / (TP + FP + FN); unlike a bootstrap, this does not claim that
    three objects found of three prove a score of 1.

    Args:
        metrics: those with the counts of `Matches`, and a name that ends in one of its scores,
            get an interval; others are returned as they are.
    """
    return tuple(_with_interval(metric) for metric in metrics)


def _with_interval(metric: Metric) -> Metric:
    score = metric.name.rsplit("_", 1)[-1]
    if metric.value is None or set(metric.counts) != COUNTS or score not in WRONG:
        return metric
    right = metric.counts["true_positives"]
    objects = right + sum(metric.counts[kind] for kind in WRONG[score])
    if not objects:
        return metric
    low, high = _wilson(right, objects)
    if score == "f1":
        low, high = 2 * low / (1 + low), 2 * high / (1 + high)
    method = f"Wilson score interval over {objects} objects"
    return dataclasses.replace(metric, interval=Interval(low, high, 0.95, method))


def _wilson(right: int, objects: int) -> tuple[float, float]:
    share, spread = right / objects, NORMAL_95**2 / objects
    middle = share + spread / 2
    half = math.sqrt(share * (1 - share) * spread + spread**2 / 4)
    low, high = (middle - half) / (1 + spread), (middle + half) / (1 + spread)
    return max(0.0, low), min(1.0, high)


def _share(right: int, wrong: int) -> float:
    return right / (right + wrong) if right + wrong else 1.0
