"""What scoring brings to light."""

import dataclasses
from collections.abc import Mapping, Sequence

from ops.metrics.metric import Metric

Rows = Sequence[Mapping[str, object]]


@dataclasses.dataclass(frozen=True)
class Outcome:
    """Results of one task.

    Attributes:
        metrics: every value, those that matter most first.
        tables: name to rows, each a mapping from column to value; written as NAME.csv.
        parts: of the report, in HTML, shown below the values.
        notes: what to know of all values, in sentences.
    """

    metrics: tuple[Metric, ...]
    tables: Mapping[str, Rows] = dataclasses.field(default_factory=dict)
    parts: tuple[str, ...] = ()
    notes: tuple[str, ...] = ()
