"""Precision, recall and F1 of things found."""

import dataclasses

from ops.metrics.metric import Metric, Setting


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
            note="nothing to find, and nothing claimed" if empty else "",
        )
        for name, value in values.items()
    )


def _share(right: int, wrong: int) -> float:
    return right / (right + wrong) if right + wrong else 1.0
