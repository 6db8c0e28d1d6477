"""The one result type: a value that says what it is, by which convention, and over how much."""

import collections
import dataclasses
import math
from collections.abc import Mapping, Sequence
from typing import Literal

Setting = str | int | float | bool | None


@dataclasses.dataclass(frozen=True)
class Interval:
    """A confidence interval.

    Attributes:
        low: lower end.
        high: upper end.
        level: share of such intervals that are meant to hold the true value, as 0.95.
        method: how it was found, with what was resampled and how often.
    """

    low: float
    high: float
    level: float
    method: str


@dataclasses.dataclass(frozen=True)
class Metric:
    """A value and all that is needed to compare it with another.

    Attributes:
        name: of the metric, such as "vi_split".
        value: None where it is missing; `note` then says why. It may be infinite, never NaN.
        convention: whose rules were followed, such as "cremi2016".
        unit: such as "bits" or "nm"; empty for a pure number.
        better: which way is good; empty where neither is.
        counts: what it was taken over, such as {"voxels": 10, "truth_objects": 3}.
        settings: the rules in force, such as {"ignore_truth": "0", "log_base": 2}.
        interval: confidence interval of the value.
        note: why the value is missing, or how to read it.

    Raises:
        ValueError: a NaN, or a missing value without a reason.
    """

    name: str
    value: float | None
    convention: str
    unit: str = ""
    better: Literal["higher", "lower", ""] = ""
    counts: Mapping[str, int] = dataclasses.field(default_factory=dict)
    settings: Mapping[str, Setting] = dataclasses.field(default_factory=dict)
    interval: Interval | None = None
    note: str = ""

    def __post_init__(self):
        if self.value is None and not self.note:
            raise ValueError(f"{self.name}: got no value; needs a note that says why it is missing")
        if self.value is not None and math.isnan(self.value):
            raise ValueError(f"{self.name}: got NaN; needs a number, or None and a note on why")

    @property
    def key(self) -> str:
        """Convention and name in one, such as "cremi2016/vi_split"."""
        return f"{self.convention}/{self.name}"

    def as_dict(self) -> dict:
        """The metric for JSON, which has no infinity: that is written as the string "inf"."""
        fields = dataclasses.asdict(self)
        if self.value is not None and math.isinf(self.value):
            fields["value"] = str(self.value)
        return fields


def markdown(metrics: Sequence[Metric]) -> str:
    """The metrics as a table, with their intervals and what they were taken over."""
    lines = [
        "| metric | convention | value | interval | taken over |",
        "| --- | --- | ---: | --- | --- |",
    ]
    lines += [
        f"| {metric.name} | {metric.convention} | {value_text(metric)} | {interval_text(metric)} | "
        f"{counts_text(metric)} |"
        for metric in metrics
    ]
    said = "".join(f"\n- {note}" for note in notes(metrics))
    return "\n".join(lines) + "\n" + (said + "\n" if said else "")


def value_text(metric: Metric) -> str:
    """The value with its unit, or "missing"."""
    if metric.value is None:
        return "missing"
    whole = float(metric.value).is_integer()
    digits = f"{metric.value:.0f}" if whole else f"{metric.value:.4g}"
    return f"{digits} {metric.unit}".rstrip()


def interval_text(metric: Metric) -> str:
    """Such as "0.31 to 0.44 (95 %)"; empty where there is none."""
    if metric.interval is None:
        return ""
    low, high, level = metric.interval.low, metric.interval.high, metric.interval.level
    return f"{low:.4g} to {high:.4g} ({100 * level:.0f} %)"


def counts_text(metric: Metric) -> str:
    """Such as "10625000 voxels, 397 truth objects"."""
    return ", ".join(f"{n} {what.replace('_', ' ')}" for what, n in metric.counts.items())


def notes(metrics: Sequence[Metric]) -> list[str]:
    """Every note once, after the names that it holds for."""
    names: dict[str, dict[str, None]] = {}
    names_of = collections.Counter(metric.name for metric in metrics)
    for metric in metrics:
        if metric.note:
            label = metric.key if names_of[metric.name] > 1 else metric.name
            names.setdefault(metric.note, {})[label] = None
    return [f"{', '.join(found)}: {note}" for note, found in names.items()]
