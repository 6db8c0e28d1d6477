"""Confidence intervals by the bootstrap: over blocks of a volume, or over objects.

The units (blocks, sections, objects) are drawn again and again with replacement, and the spread of
the score over the draws is taken for its uncertainty (Efron & Tibshirani, An introduction to the
bootstrap, 1993, chapter 13). A draw holds only about 63 % of the units, some of them repeatedly, so
that entropies come out lower than for as much fresh tissue; the percentiles are therefore shifted
by the mean of the draws to lie about the score itself. Blocks next to each other are not quite
independent, and few of them say little: the number of units stands in every interval's method.
"""

import dataclasses
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64, Int64, Num
from scipy import sparse

from ops.metrics.contingency import Contingency, merge
from ops.metrics.metric import Interval, Metric

LEVEL = 0.95
ROUNDING = 1e-9
UNDEFINED_AT_MOST = 0.05  # of the draws: an interval from fewer would flatter

MISSING = "one of both scores is missing"
Values = Mapping[str, float | None]
Samples = dict[str, Float64[np.ndarray, " draws"]]


@dataclasses.dataclass(frozen=True)
class Bootstrap:
    """Scores of every draw.

    Attributes:
        samples: key of a metric to its value in each draw; NaN where it is undefined there.
        units: how many blocks or objects were drawn from.
        unit: what they are, in the plural.
    """

    samples: Samples
    units: int
    unit: str

    def interval(self, key: str, value: float) -> Interval | None:
        """The interval of a score whose value over all units is given.

        None for fewer than two units, where more than one draw in twenty leaves the score
        undefined, and where the shift is wider than the interval: the draws then say little
        about the score, as of a segmentation whose every block has labels of its own.
        """
        draws = self.samples.get(key)
        return None if draws is None else self._about(draws, value)

    def attach(self, metrics: Sequence[Metric]) -> tuple[Metric, ...]:
        """The metrics with their intervals; those of shares keep to [0, 1] as their draws do."""
        return tuple(self._with_interval(metric) for metric in metrics)

    def _with_interval(self, metric: Metric) -> Metric:
        if metric.value is None or metric.interval:
            return metric
        found = self.interval(metric.key, metric.value)
        draws = self.samples.get(metric.key)
        if found is None or draws is None:
            return metric
        is_share = not metric.unit and max(metric.value, np.nanmax(draws)) <= 1
        low = max(found.low, 0.0) if np.nanmin(draws) >= 0 else found.low
        high = min(found.high, 1.0) if is_share else found.high
        return dataclasses.replace(metric, interval=dataclasses.replace(found, low=low, high=high))

    def difference(self, baseline: "Bootstrap", metric: Metric, theirs: Metric) -> Metric:
        """This method's score less a baseline's, whose draws are of the same units.

        Args:
            baseline: the draws of the other method, with the same units and seed.
            metric: the score of this method.
            theirs: the same score of the baseline.

        Returns:
            `NAME_difference`; its note gives the share of draws in which this score is greater.

        Raises:
            ValueError: where the units or draws differ.
        """
        name = f"{metric.name}_difference"
        if metric.value is None or theirs.value is None:
            return dataclasses.replace(metric, name=name, value=None, interval=None, note=MISSING)
        ours, others = self.samples[metric.key], baseline.samples[metric.key]
        if self.units != baseline.units or len(ours) != len(others):
            raise ValueError(
                f"got {len(ours)} draws of {self.units} {self.unit} and {len(others)} of "
                f"{baseline.units}; needs the same on both sides"
            )
        value, differences = metric.value - theirs.value, ours - others
        centred = differences[~np.isnan(differences)]
        centred = centred - centred.mean() + value
        greater = 100 * float(np.mean(centred > 0))
        return dataclasses.replace(
            metric,
            name=name,
            value=value,
            interval=self._about(differences, value),
            note=f"greater than the baseline's in {greater:.1f} % of the draws",
        )

    def _about(self, draws: Float64[np.ndarray, " draws"], value: float) -> Interval | None:
        defined = draws[~np.isnan(draws)]
        if self.units < 2 or len(defined) < (1 - UNDEFINED_AT_MOST) * len(draws):
            return None
        tail = 50 * (1 - LEVEL)
        low, high = np.percentile(defined, [tail, 100 - tail])
        shift = value - float(defined.mean())
        if abs(shift) > high - low + ROUNDING:
            return None
        low, high = low + shift, high + shift
        method = f"centred percentile bootstrap, {len(draws)} draws of {self.units} {self.unit}"
        return Interval(float(low), float(high), LEVEL, method)


def with_intervals(
    found: Mapping[str, Sequence[Metric]], drawn: Mapping[str, Bootstrap]
) -> tuple[Metric, ...]:
    """Scores of "prediction" with their intervals, then its differences from "baseline", if any.

    Args:
        found: of each method, its scores; the same ones in the same order.
        drawn: of each method, its draws.
    """
    metrics = drawn["prediction"].attach(found["prediction"])
    if "baseline" not in found:
        return metrics
    pairs = zip(found["prediction"], found["baseline"], strict=True)
    ours, theirs = drawn["prediction"], drawn["baseline"]
    return metrics + tuple(ours.difference(theirs, *pair) for pair in pairs)


def draw_weights(units: int, draws: int, seed: int) -> Int64[np.ndarray, "draws units"]:
    """How often each unit is in each draw; the same for all that share units, draws and seed.

    Raises:
        ValueError: no unit or no draw.
    """
    if units < 1 or draws < 1:
        raise ValueError(f"got {units} units and {draws} draws; needs at least one of each")
    rng = np.random.default_rng(seed)
    return rng.multinomial(units, np.full(units, 1 / units), size=draws)


def bootstrap_tables(
    tables: Sequence[Contingency],
    score: Callable[[Contingency], Values],
    draws: int = 1000,
    seed: int = 0,
) -> Bootstrap:
    """Scores of a contingency table, by drawing the blocks that it is made of.

    Args:
        tables: one for each block of the volume.
        score: values of a table by the keys of their metrics; None where undefined.
        draws: how many.
        seed: of the draws.
    """
    drawn = _drawn_tables(tables, draws, seed) if tables else iter(())
    return Bootstrap(_score(score, drawn), len(tables), "blocks")


def bootstrap_sums(
    parts: Num[np.ndarray, "units *shape"],
    score: Callable[[np.ndarray], Values],
    unit: str,
    draws: int = 1000,
    seed: int = 0,
) -> Bootstrap:
    """Scores of a sum, such as that of histograms of blocks or of outcomes of objects.

    Args:
        parts: what every unit adds.
        score: values by the keys of their metrics, of the sum over the units drawn, an
            array of shape `*shape`; None where undefined.
        unit: what the units are, in the plural.
        draws: how many.
        seed: of the draws.
    """
    weights = draw_weights(len(parts), draws, seed) if len(parts) else []
    drawn = (np.tensordot(weight, parts, axes=1) for weight in weights)
    return Bootstrap(_score(score, drawn), len(parts), unit)


def _drawn_tables(tables: Sequence[Contingency], draws: int, seed: int) -> Iterator[Contingency]:
    """Every draw's table. Ids become consecutive, 0 staying 0, so that sizes are quickly summed."""
    whole = merge(tables)
    truth, prediction = (_consecutive(ids) for ids in (whole.truth, whole.prediction))
    by_block = _counts_by_block(whole, tables)
    for weights in draw_weights(len(tables), draws, seed):
        counts = by_block @ weights
        kept = counts > 0
        yield Contingency(truth[kept], prediction[kept], counts[kept])


def _consecutive(ids):
    present, codes = np.unique(np.append(ids, np.uint64(0)), return_inverse=True)
    assert present[0] == 0
    return codes[:-1].astype(np.uint64)


def _counts_by_block(whole: Contingency, tables: Sequence[Contingency]) -> sparse.csr_array:
    """Counts of each pair of the whole (rows) in each block (columns)."""
    labels = np.unique(whole.truth), np.unique(whole.prediction)
    codes = _pair_codes(whole, *labels)
    rows = [np.searchsorted(codes, _pair_codes(table, *labels)) for table in tables]
    blocks = np.repeat(np.arange(len(tables)), [len(table.counts) for table in tables])
    counts = np.concatenate([table.counts for table in tables])
    place = (np.concatenate(rows), blocks)
    return sparse.csr_array((counts, place), shape=(len(codes), len(tables)))


def _pair_codes(table, truth_labels, prediction_labels) -> Int64[np.ndarray, " pairs"]:
    """One number for each pair, in the order of pairs."""
    truth = np.searchsorted(truth_labels, table.truth)
    return truth * len(prediction_labels) + np.searchsorted(prediction_labels, table.prediction)


def _score(score: Callable[[Any], Values], draws: Iterable) -> Samples:
    rows = [score(draw) for draw in draws]
    keys = rows[0] if rows else []
    return {key: np.array([row[key] for row in rows], np.float64) for key in keys}
