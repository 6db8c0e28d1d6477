"""Curves of a probability map: precision and recall, calibration, and scores over thresholds."""

from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.figure import Figure

from experiments.evaluation.outcome import Rows
from experiments.report.page import beside, plot, section, text
from ops.metrics.calibration import Reliability, reliability
from ops.metrics.isbi import IsbiScores
from ops.metrics.pixels import Curve, Histogram, threshold_curve

BLUE, GREY = "#4895ef", "#9aa5b1"
ROWS = 512  # of a curve's table, at most


def curve_rows(histogram: Histogram, bins: int, unit: str = "voxels") -> dict[str, Rows]:
    """Tables `threshold_curve` and `reliability` of some unit; empty if they cannot be had."""
    if not _has_both(histogram):
        return {}
    curve = _thinned(threshold_curve(histogram))
    columns = {
        "threshold": curve.thresholds,
        "precision": curve.precision,
        "recall": curve.recall,
        "false_positive_rate": curve.false_positive_rate,
    }
    found = reliability(histogram, bins)
    diagram = {
        "mean_probability": found.mean_probability,
        "true_share": found.true_share,
        unit: found.voxels,
    }
    return {"threshold_curve": _rows(columns), "reliability": _rows(diagram)}


def curve_parts(histogram: Histogram, bins: int, unit: str = "voxels") -> tuple[str, ...]:
    """The curves as parts of a report."""
    if not _has_both(histogram):
        return (text(f"No curves: the truth has {unit} of one kind only."),)
    curve, diagram = _thinned(threshold_curve(histogram)), reliability(histogram, bins)
    precision = _draw("recall", "precision", curve.recall, curve.precision)
    rates = curve.false_positive_rate, curve.recall
    roc = _draw("false positive rate", "true positive rate", *rates)
    figures = (
        plot(precision, "Precision over recall, at every threshold."),
        plot(roc, "Receiver operating characteristic (ROC)."),
        plot(_draw_reliability(diagram), f"Of the {unit} given a probability, how many are true."),
    )
    return (section(f"{unit.capitalize()}, one by one", beside("pair", figures)),)


def section_rows(scores: IsbiScores) -> Rows:
    """Table `section_curve`: means over sections at each threshold, and their quartiles."""
    columns: dict[str, np.ndarray] = {"threshold": np.array(scores.thresholds or (), np.float64)}
    for name, values in {"v_rand": scores.v_rand.f, "v_info": scores.v_info.f}.items():
        low, high = np.percentile(values, [25, 75], axis=1)
        columns |= {name: values.mean(axis=1), f"{name}_low": low, f"{name}_high": high}
    return _rows(columns)


def section_part(scores: IsbiScores) -> str:
    """V_Rand and V_Info over thresholds, with the spread of sections."""
    families = {"V_Rand": scores.v_rand.f, "V_Info": scores.v_info.f}
    figures = [
        plot(
            _draw_sections(scores.thresholds or (), name, values),
            f"{name}: mean over sections; the band holds the middle half of them.",
        )
        for name, values in families.items()
    ]
    return section("Section by section (ISBI 2012)", beside("pair", figures))


def _draw_sections(
    thresholds: Sequence[float], name: str, values: Float64[np.ndarray, "thresholds sections"]
) -> Figure:
    figure, axes = _axes("threshold of P(membrane)", name)
    low, high = np.percentile(values, [25, 75], axis=1)
    axes.plot(thresholds, values.mean(axis=1), color=BLUE)
    axes.fill_between(thresholds, low, high, color=BLUE, alpha=0.2, lw=0)
    return figure


def _draw(x: str, y: str, across: np.ndarray, up: np.ndarray) -> Figure:
    figure, axes = _axes(x, y)
    axes.plot(across, up, color=BLUE, clip_on=False)
    return figure


def _draw_reliability(diagram: Reliability) -> Figure:
    figure, axes = _axes("mean probability", "share that is true")
    axes.plot([0, 1], [0, 1], color=GREY, lw=1, ls="--", label="calibrated")
    axes.plot(diagram.mean_probability, diagram.true_share, "o-", color=BLUE, label="found")
    axes.legend(frameon=False)
    return figure


def _axes(x: str, y: str):
    figure = Figure(figsize=(4.6, 3.6), layout="constrained")
    axes = figure.add_subplot()
    axes.set(xlabel=x, ylabel=y, xlim=(0, 1), ylim=(0, 1.02))
    axes.spines[["top", "right"]].set_visible(False)
    return figure, axes


def _thinned(curve: Curve) -> Curve:
    """At most ROWS of the thresholds, evenly among those that occur."""
    points = len(curve.thresholds)
    kept = np.unique(np.linspace(0, points - 1, min(points, ROWS)).round().astype(int))
    return Curve(
        curve.thresholds[kept],
        curve.true_positives[kept],
        curve.false_positives[kept],
        curve.positive_voxels,
        curve.negative_voxels,
    )


def _rows(columns: dict[str, np.ndarray]) -> Rows:
    lists = [values.tolist() for values in columns.values()]
    return [dict(zip(columns, row, strict=True)) for row in zip(*lists, strict=True)]


def _has_both(histogram: Histogram) -> bool:
    return histogram.positive_voxels > 0 and histogram.negative_voxels > 0
