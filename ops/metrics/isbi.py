"""V_Rand and V_Info of the ISBI 2012 challenge: foreground-restricted, after border thinning.

Arganda-Carreras et al., Crowdsourcing the creation of image segmentation algorithms for
connectomics, Front. Neuroanat. 9:142, 2015, doi:10.3389/fnana.2015.00142. Both score one section
at a time, over the pixels inside cells of the truth; a stack scores the mean of its sections.
Precision falls with merges, recall with splits; all values lie in [0, 1], higher is better.
"""

import dataclasses
from collections.abc import Callable, Iterable, Sequence
from functools import partial

import numpy as np
from jaxtyping import Bool, Float, Float64, Int64, Shaped, UInt
from skimage import measure, segmentation

from ops.metrics.contingency import Contingency, check_labels, count_pairs
from ops.metrics.metric import Metric, Setting
from ops.metrics.pixels import check_probability

# The challenge takes as cells the pixels with P(cell) > 0, 0.1, ... 1; that is P(membrane) < 1,
# 0.9, ... 0. The last of them leaves no cell, so it is not tried.
THRESHOLDS = (0.1, 0.2, 0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9, 1.0)


@dataclasses.dataclass(frozen=True)
class VScore:
    """The score f of one section, and the precision and recall of which it is the harmonic mean."""

    f: float
    precision: float
    recall: float


@dataclasses.dataclass(frozen=True)
class VScores:
    """`VScore` of every section at every threshold."""

    f: Float64[np.ndarray, "thresholds sections"]
    precision: Float64[np.ndarray, "thresholds sections"]
    recall: Float64[np.ndarray, "thresholds sections"]


@dataclasses.dataclass(frozen=True)
class IsbiScores:
    """Scores of sections; kept apart, so that means, maxima and bootstraps can be taken of them.

    Attributes:
        thresholds: cells are where P(membrane) is lower; None for labels, which have none (and
            one row of scores).
        v_rand: by threshold and section.
        v_info: by threshold and section.
        pixels: inside cells of the truth, by section.
        regions: cells of the truth, by section.
    """

    thresholds: tuple[float, ...] | None
    v_rand: VScores
    v_info: VScores
    pixels: Int64[np.ndarray, " sections"]
    regions: Int64[np.ndarray, " sections"]


def v_rand(table: Contingency) -> VScore:
    """Rand score of one section, from its table of labels, 0 = border.

    Over the pixels inside cells of the truth alone; each of them that the prediction calls border
    is a region of its own. With the sums of squares of all overlaps, predicted regions and true
    regions: precision = overlaps / predicted, recall = overlaps / true,
    f = 2 overlaps / (predicted + true).

    Raises:
        ValueError: a truth that is all border.
    """
    cells, labelled, border_pixels = _parts(table)
    truth = _squares(cells.truth_sizes()[1])
    prediction = _squares(labelled.prediction_sizes()[1]) + border_pixels
    overlap = _squares(labelled.counts) + border_pixels
    return VScore(2 * overlap / (truth + prediction), overlap / prediction, overlap / truth)


def v_info(table: Contingency) -> VScore:
    """Information-theoretic score of one section, from its table of labels, 0 = border.

    Over the pixels and regions of `v_rand`, with the mutual information I and entropies H:
    precision = I / H(truth), recall = I / H(prediction), f = 2 I / (H(truth) + H(prediction)).
    A truth of one region has no entropy; precision is then 0 and recall 1, and the reverse for a
    prediction of one region, as in the challenge's code: f is 0. Where both are one region they
    are equal, and all three are 1.

    Raises:
        ValueError: a truth that is all border.
    """
    cells, labelled, border_pixels = _parts(table)
    n = cells.total
    border = border_pixels / n * float(np.log(n))
    truth = _entropy(cells.truth_sizes()[1], n)
    prediction = _entropy(labelled.prediction_sizes()[1], n) + border
    if truth == prediction == 0:
        return VScore(1.0, 1.0, 1.0)
    if truth == 0 or prediction == 0:
        return VScore(0.0, float(truth > 0), float(prediction > 0))
    shared = truth + prediction - _entropy(labelled.counts, n) - border
    shared = min(max(shared, 0.0), truth, prediction)  # rounding can carry it beyond
    return VScore(2 * shared / (truth + prediction), shared / truth, shared / prediction)


def thin(cells: Bool[np.ndarray, "y x"]) -> Int64[np.ndarray, "y x"]:
    """The 4-connected cells of a section, grown until the borders (0) between them are thin.

    A 4-connected watershed floods the border from all cells at once and leaves a line of about
    one pixel where two meet (a few of its pixels are thicker, where three do). Without a cell all
    is 0. The challenge's own watershed breaks ties in another order: its lines may lie a pixel
    aside.
    """
    return _grow(cells)


def grow_labels(labels: Shaped[np.ndarray, "y x"]) -> Int64[np.ndarray, "y x"]:
    """The 4-connected regions of one label (0 = border) of a section, grown as in `thin`.

    Regions that touch still do: no border is drawn between them.

    Raises:
        ValueError: labels that are no integers, or a negative one.
    """
    check_labels(labels, "labels")
    return _grow(labels)


def score_section(
    truth: Shaped[np.ndarray, "y x"],
    membrane: Float[np.ndarray, "y x"] | UInt[np.ndarray, "y x"],
    thresholds: Sequence[int | float] = THRESHOLDS,
) -> IsbiScores:
    """Scores of one section of membrane probabilities; `join` puts sections together.

    Args:
        truth: membranes (bool, True = membrane), or labels (integers, 0 = border). Its cells are
            the 4-connected regions of no membrane, or of one label.
        membrane: probability of membrane, in [0, 1], or uint8, where 255 means 1.
        thresholds: each in (0, 1]. At each, cells are the pixels with a lower probability, and
            are thinned (`thin`).

    Raises:
        ValueError: shapes that differ, a truth that is all border, a probability that is NaN or
            outside [0, 1], thresholds that are none or outside (0, 1].
    """
    thresholds = tuple(float(t) for t in thresholds)
    if not thresholds or not all(0 < t <= 1 for t in thresholds):
        raise ValueError(f"got thresholds {thresholds}; needs at least one, all in (0, 1]")
    check_probability(membrane, "membrane")
    if membrane.dtype.kind == "u":
        membrane = membrane / np.iinfo(membrane.dtype).max
    regions = _cells(truth)
    tables = [count_pairs(regions, thin(membrane < t)) for t in thresholds]
    return _scores(tables, thresholds, regions)


def score_sections(
    truth: Shaped[np.ndarray, "z y x"],
    membrane: Float[np.ndarray, "z y x"] | UInt[np.ndarray, "z y x"],
    thresholds: Sequence[int | float] = THRESHOLDS,
) -> IsbiScores:
    """`score_section` of every section of a stack. Raises ValueError as it does."""
    return _each_section(partial(score_section, thresholds=thresholds), truth, membrane)


def label_section(
    truth: Shaped[np.ndarray, "y x"], labels: Shaped[np.ndarray, "y x"]
) -> IsbiScores:
    """Scores of one section of labels (0 = border), grown by `grow_labels`.

    Raises:
        ValueError: as `score_section`, or labels that are no integers >= 0.
    """
    regions = _cells(truth)
    return _scores([count_pairs(regions, grow_labels(labels))], None, regions)


def label_sections(
    truth: Shaped[np.ndarray, "z y x"], labels: Shaped[np.ndarray, "z y x"]
) -> IsbiScores:
    """`label_section` of every section of a stack. Raises ValueError as it does."""
    return _each_section(label_section, truth, labels)


def join(parts: Iterable[IsbiScores]) -> IsbiScores:
    """The scores of all sections of the parts, in order.

    Raises:
        ValueError: no part, or parts that were scored at different thresholds.
    """
    parts = list(parts)
    thresholds = {part.thresholds for part in parts}
    if len(thresholds) != 1:
        raise ValueError(
            f"got {len(parts)} parts with {len(thresholds)} sets of thresholds; "
            "needs at least one section, and the same thresholds for all"
        )
    return IsbiScores(
        thresholds.pop(),
        _joined([part.v_rand for part in parts]),
        _joined([part.v_info for part in parts]),
        np.concatenate([part.pixels for part in parts]),
        np.concatenate([part.regions for part in parts]),
    )


def isbi_metrics(scores: IsbiScores) -> tuple[Metric, ...]:
    """V_Rand and V_Info with their precision and recall: means over sections.

    Each of the two is taken at the threshold where its own mean is highest (the lowest of equally
    good ones), which is the challenge's rule.
    """
    return (
        *_best("v_rand", scores.v_rand, scores),
        *_best("v_info", scores.v_info, scores),
    )


def _grow(section: Shaped[np.ndarray, "y x"]) -> Int64[np.ndarray, "y x"]:
    seeds = measure.label(section, connectivity=1, background=0)
    flat = np.zeros(seeds.shape, np.uint8)
    grown = segmentation.watershed(flat, seeds, connectivity=1, watershed_line=True)
    # The flood passes a line here and there; what lies beyond it is no longer connected.
    return measure.label(grown, connectivity=1, background=0).astype(np.int64, copy=False)


def _cells(truth: Shaped[np.ndarray, "y x"]) -> Int64[np.ndarray, "y x"]:
    if truth.ndim != 2:
        raise ValueError(
            f"got a truth of shape {truth.shape}; needs one section (y, x): "
            "score a stack by score_sections or label_sections"
        )
    if truth.dtype != bool:
        check_labels(truth, "truth")
    section = ~truth if truth.dtype == bool else truth
    return measure.label(section, connectivity=1, background=0).astype(np.int64, copy=False)


def _parts(table: Contingency) -> tuple[Contingency, Contingency, int]:
    """The table inside cells of the truth, its part inside predicted ones, and border pixels."""
    cells = table.where(table.truth != 0)
    if not cells.total:
        raise ValueError(
            "got a truth that is all border (0); needs at least one cell: leave this section out"
        )
    labelled = cells.where(cells.prediction != 0)
    return cells, labelled, cells.total - labelled.total


def _squares(counts: Int64[np.ndarray, " regions"]) -> float:
    """Sum of squares; in floats, which do not overflow and are exact up to 2^53."""
    return float(np.square(counts, dtype=np.float64).sum())


def _entropy(counts: Int64[np.ndarray, " regions"], total: int) -> float:
    """Of regions that may make up but a part of the total, in nats."""
    share = counts / total
    return float(-np.sum(share * np.log(share)))


def _scores(tables: list[Contingency], thresholds, regions) -> IsbiScores:
    """Scores of one section from its table at each threshold."""
    return IsbiScores(
        thresholds,
        _column([v_rand(table) for table in tables]),
        _column([v_info(table) for table in tables]),
        np.array([np.count_nonzero(regions)]),
        np.array([regions.max()]),
    )


def _column(scores: list[VScore]) -> VScores:
    rows = np.array([dataclasses.astuple(score) for score in scores])
    return VScores(*rows.T[:, :, None])


def _joined(parts: list[VScores]) -> VScores:
    return VScores(
        np.concatenate([part.f for part in parts], axis=1),
        np.concatenate([part.precision for part in parts], axis=1),
        np.concatenate([part.recall for part in parts], axis=1),
    )


def _each_section(score: Callable, truth: np.ndarray, prediction: np.ndarray) -> IsbiScores:
    """The score of all sections; an error says in which it lies."""
    if truth.ndim != 3 or truth.shape != prediction.shape:
        raise ValueError(
            f"got truth of shape {truth.shape}, prediction of {prediction.shape}; "
            "needs one shape (z, y, x): crop one of them, or add the axis z, first"
        )
    parts = []
    for z, pair in enumerate(zip(truth, prediction, strict=True)):
        try:
            parts.append(score(*pair))
        except ValueError as reason:
            raise ValueError(f"section {z}: {reason}") from reason
    return join(parts)


def _best(name: str, values: VScores, scores: IsbiScores) -> list[Metric]:
    best = int(np.argmax(values.f.mean(axis=1)))
    settings: dict[str, Setting] = {"thinned": True, "connectivity": 4, "ignore_truth": "0"}
    note = ""
    if scores.thresholds is not None:
        settings["threshold"] = scores.thresholds[best]
        settings["thresholds"] = ", ".join(f"{t:g}" for t in scores.thresholds)
        note = (
            "at the threshold where the mean over sections is highest on this very data: "
            "the challenge's rule, and optimistic"
        )
    counts = {
        "sections": len(scores.pixels),
        "pixels": int(scores.pixels.sum()),
        "truth_regions": int(scores.regions.sum()),
    }
    means = {
        name: values.f,
        f"{name}_precision": values.precision,
        f"{name}_recall": values.recall,
    }
    return [
        Metric(
            name=key,
            value=float(value[best].mean()),
            convention="isbi2012",
            better="higher",
            counts=counts,
            settings=settings,
            note=note,
        )
        for key, value in means.items()
    ]
