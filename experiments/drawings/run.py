"""The figures of the project, from stored results alone."""

import logging
import shutil
from collections.abc import Callable, Sequence
from pathlib import Path

from matplotlib import rc_context

from configs.schema import FiguresRun
from experiments.drawings import (
    convolution,
    exactness,
    membranes,
    merge_errors,
    roofline,
    segmentation,
    synapses,
    throughput,
    tracking,
)
from experiments.drawings.style import STYLE, Drawn, keep
from experiments.stored_results import RESULTS, Row, read_result

log = logging.getLogger(__name__)
Draw = Callable[[Sequence[Row]], Drawn]

FIGURES: dict[str, tuple[str, Draw]] = {  # name: the result behind it, and what draws its rows
    "winograd_speed": ("conv_speed", convolution.draw_speed),
    "winograd_roofline": ("conv_speed", roofline.draw_roofline),
    "winograd_training": ("conv_accuracy", exactness.draw_training),
    "winograd_errors": ("conv_accuracy", exactness.draw_errors),
    "membranes": ("membranes", membranes.draw_membranes),
    "pipeline_throughput": ("pipeline", throughput.draw_throughput),
    "reconstruction_scaling": ("reconstruct_scaling", throughput.draw_scaling),
    "segmentation": ("segmentation", segmentation.draw_segmentation),
    "synapses_rivals": ("synapses", synapses.draw_rivals),
    "synapses_ablation": ("synapses", synapses.draw_ablation),
    "tracking_scaling": ("tracking", tracking.draw_scaling),
    "tracking_ablation": ("tracking", tracking.draw_ablation),
    "merge_errors_matrix": ("merge_errors", merge_errors.draw_matrix),
    "merge_errors_roc": ("merge_errors", merge_errors.draw_roc),
}


def run(config: FiguresRun, folder: Path) -> None:
    """Draws one figure, or all, into a folder.

    Raises:
        ValueError: an unknown figure, or a result that cannot be drawn.
        FileNotFoundError: a result that is not there.
    """
    if config.figure not in (*FIGURES, "all"):
        raise ValueError(f"got figure={config.figure}; needs all, or one of {', '.join(FIGURES)}")
    results = Path(config.results) if config.results else RESULTS
    for name in FIGURES if config.figure == "all" else [config.figure]:
        keep(draw(name, results), folder, name)
        log.info("%s", folder / f"{name}.png")
        if config.pictures:
            shutil.copyfile(folder / f"{name}.png", Path(config.pictures) / f"{name}.png")


def draw(name: str, results: Path) -> Drawn:
    """A figure by its name, from a folder of results.

    Raises:
        ValueError: a result that is none, or lacks rows or columns.
        FileNotFoundError: a result that is not there.
    """
    stem, drawing = FIGURES[name]
    path = results / f"{stem}.json"
    rows = read_result(path).rows
    remedy = f"python -m experiments.reproduce experiment={stem} makes such a result"
    try:
        with rc_context(STYLE):
            return drawing(rows)
    except KeyError as error:
        raise ValueError(f"{path}: got a row without {error}; {remedy}") from error
    except (ValueError, TypeError) as error:
        raise ValueError(f"{path}: {error}; {remedy}") from error
