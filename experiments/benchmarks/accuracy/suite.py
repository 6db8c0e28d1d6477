"""How exact the convolution is, and that networks learn with it as they do with XLA's."""

import logging
from pathlib import Path
from typing import Any

from configs.schema import Accuracy, BenchmarkRun
from data.synthetic import Phantom
from experiments.benchmarks.accuracy.curves import XLA, Curves, difference, pass_length, spread
from experiments.benchmarks.accuracy.errors import LARGEST, QUANTITIES, Row, error_rows
from experiments.benchmarks.accuracy.training import loss_curves
from experiments.drawings.exactness import draw_training
from experiments.drawings.style import keep
from experiments.evaluation.report import write_csv
from experiments.run_record import write_json, write_text
from experiments.source import phantom_parameters

TISSUE = (32, 320, 320)  # voxels at most, of the phantom that is learned from
log = logging.getLogger(__name__)


def measure_accuracy(config: BenchmarkRun, folder: Path) -> None:
    """Writes errors.csv, loss_curves (.csv, .png, .pdf), accuracy.json and accuracy.md.

    Raises:
        ValueError: too few seeds or steps.
    """
    settings = config.accuracy
    _check(settings)
    log.info("measuring rounding errors")
    rows = error_rows(settings.channels, config.seed)
    write_csv(folder / "errors.csv", rows)
    curves = _learn(config)
    losses = loss_rows(curves, config.seed)
    keep(draw_training(losses), folder, "loss_curves")
    shares: dict[str, float] = {name: share_of_bound(rows, name) for name in LARGEST}
    apart = {name: float(difference(curves, name).max()) for name in curves if name != XLA}
    between = float(spread(curves).mean())
    figures: dict[str, Any] = {
        "share_of_bound": shares,
        "difference_to_xla": apart,
        "spread_of_seeds": between,
    }
    figures["rows"] = [*({"experiment": "errors", **row} for row in rows), *losses]
    write_json(folder / "accuracy.json", figures)
    words = [*bound_words(shares), *curve_words(apart, between, settings)]
    text = "\n".join(words)
    write_text(folder / "accuracy.md", f"{text}\n\n{error_table(rows)}")
    log.info("%s\nfigures: %s", text, folder / "accuracy.md")


def _learn(config: BenchmarkRun) -> Curves:
    """Loss curves of networks that learn membranes from a part of the phantom."""
    phantom = Phantom(phantom_parameters(config.phantom, config.seed))
    part = tuple(map(slice, TISSUE))
    tissue = {layer: phantom.volume(layer)[part] for layer in ("image", "neurites")}
    return loss_curves(tissue, config.phantom.tissue.membrane_nm, config.accuracy, config.seed)


def loss_rows(curves: Curves, seed: int) -> list[dict[str, Any]]:
    """One row for each contender and seed, with the losses of all its steps."""
    return [
        {
            "experiment": "losses",
            "contender": name,
            "seed": seed + number,
            "losses": curve.tolist(),
        }
        for name, losses in curves.items()
        for number, curve in enumerate(losses)
    ]


def share_of_bound(rows: list[Row], convolution: str) -> float:
    """The largest rms error of y or dx over its bound: above 1, the bound does not hold."""
    return max(
        float(row[f"{quantity}_rms"]) / float(row["bound"])
        for row in rows
        if row["convolution"] == convolution
        for quantity in ("y", "dx")
    )


def bound_words(shares: dict[str, float]) -> list[str]:
    """How much of each published bound is used."""
    return [
        f"- precision {name}: rms errors of the result and of the images' gradient are at most "
        f"{share:.0%} of the published bound"
        for name, share in shares.items()
    ]


def curve_words(apart: dict[str, float], between: float, settings: Accuracy) -> list[str]:
    """How far the curves part, beside what another seed changes."""
    return [
        f"- {name}: its mean loss over {settings.seeds} seeds differs from {XLA}'s by at most "
        f"{largest:.2g} nat (mean of a pass of {pass_length(settings.steps)} crops), which is "
        f"{largest / between:.2%} of the {between:.2g} nat by which seeds differ (standard "
        f"deviation, mean over {settings.steps} steps)"
        for name, largest in apart.items()
    ]


def error_table(rows: list[Row]) -> str:
    """All errors in Markdown: relative rms, and in brackets the largest over the largest value."""
    lines = [
        "| layer | images | convolution | bound of rms | y | dx | dw |",
        "| --- | --- | --- | ---: | ---: | ---: | ---: |",
    ]
    for row in rows:
        layer = f"{row['rank']}-D, {row['channels']} channels"
        limit = f"{row['bound']:.1e}" if row["bound"] else ""
        errors = [f"{row[f'{q}_rms']:.1e} ({row[f'{q}_max']:.1e})" for q in QUANTITIES]
        cells = (layer, row["images"], row["convolution"], limit, *errors)
        lines.append(f"| {' | '.join(map(str, cells))} |")
    note = (
        "Relative rms error, and in brackets the largest error over the largest value, against "
        "float64. Each class takes its largest tile, so that no choice of tiles is less exact. "
        "The bounds are for y and dx, sums over taps and channels; dw sums over voxels."
    )
    return "\n".join([*lines, "", note]) + "\n"


def _check(settings: Accuracy) -> None:
    if settings.seeds < 2 or settings.steps < 1:
        raise ValueError(
            f"got accuracy.seeds={settings.seeds}, accuracy.steps={settings.steps}; needs at "
            "least 2 seeds, to be compared with one another, and 1 step"
        )
