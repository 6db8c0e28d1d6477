"""How well a score puts what is true above what is not: any score, of a few thousand things.

`ops.metrics.pixels` does it for probabilities of voxels without number.
"""

import numpy as np
from jaxtyping import Bool, Float64, Int64, Num

from ops.metrics.bootstrap import Bootstrap, draw_weights
from ops.metrics.metric import Metric


def ranking_metrics(
    scores: Num[np.ndarray, " n"],
    truth: Bool[np.ndarray, " n"],
    method: str,
    unit: str,
    draws: int,
    seed: int,
) -> tuple[Metric, ...]:
    """ROC AUC and average precision with intervals, the method being their convention.

    Args:
        scores: finite, greater for what is likelier; ties count half, or as one threshold.
        truth: what is.
        method: whose scores they are.
        unit: what they are of, in the plural.
        draws: of the bootstrap, over the things themselves.
        seed: of the draws; the same for all methods makes them comparable.

    Raises:
        ValueError: scores that are not finite.
    """
    if not np.isfinite(scores).all():
        raise ValueError(f"{method}: got scores that are not finite; needs numbers")
    counts = {unit: len(truth), "true": int(truth.sum())}
    if truth.all() or not truth.any():
        note = f"got {unit} of one kind alone; needs both: score other data"
        names = ("roc_auc", "average_precision")
        return tuple(
            Metric(n, None, method, better="higher", counts=counts, note=note) for n in names
        )
    whole = rank(scores, truth, np.ones((1, len(truth)), np.int64))
    drawn = rank(scores, truth, draw_weights(len(truth), draws, seed))
    bootstrap = Bootstrap({f"{method}/{n}": v for n, v in drawn.items()}, len(truth), unit)
    return bootstrap.attach(
        [Metric(n, float(v[0]), method, better="higher", counts=counts) for n, v in whole.items()]
    )


def rank(
    scores: Num[np.ndarray, " n"], truth: Bool[np.ndarray, " n"], weights: Int64[np.ndarray, "k n"]
) -> dict[str, Float64[np.ndarray, " k"]]:
    """ROC AUC and average precision under several weightings; NaN where one kind is absent.

    As `ops.metrics.pixels.roc_auc` and `average_precision` define them.
    """
    order = np.argsort(-scores, kind="stable")
    starts = np.flatnonzero(np.r_[True, np.diff(scores[order]) != 0])
    weights = weights[:, order]
    true = np.add.reduceat(weights * truth[order], starts, axis=1).astype(np.float64)
    false = np.add.reduceat(weights * ~truth[order], starts, axis=1).astype(np.float64)
    found, wrong = np.cumsum(true, axis=1), np.cumsum(false, axis=1)
    with np.errstate(invalid="ignore", divide="ignore"):
        above = found - true / 2
        auc = (false * above).sum(axis=1) / (found[:, -1] * wrong[:, -1])
        precision = np.where(found > 0, found / np.maximum(found + wrong, 1), 0)
        ap = (true * precision).sum(axis=1) / found[:, -1]
    both = (found[:, -1] > 0) & (wrong[:, -1] > 0)
    return {"roc_auc": np.where(both, auc, np.nan), "average_precision": np.where(both, ap, np.nan)}


def median_metric(
    values: Num[np.ndarray, " n"], name: str, method: str, unit: str, draws: int, seed: int
) -> Metric:
    """The median of lengths in nm, with its interval; missing where there are none."""
    counts = {unit: len(values)}
    if not len(values):
        return Metric(name, None, method, "nm", "lower", counts, note=f"there are no {unit}")
    rng = np.random.default_rng(seed)
    drawn = np.median(values[rng.integers(len(values), size=(draws, len(values)))], axis=1)
    metric = Metric(name, float(np.median(values)), method, "nm", "lower", counts)
    samples = {metric.key: drawn.astype(np.float64)}
    return Bootstrap(samples, len(values), unit).attach([metric])[0]
