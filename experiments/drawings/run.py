"""The figures of the project, from stored results alone."""

import logging
from collections.abc import Callable
from pathlib import Path

from matplotlib import rc_context

from configs.schema import FiguresRun
from experiments.drawings import tracking
from experiments.drawings.style import STYLE, Drawn, keep

log = logging.getLogger(__name__)
RESULTS = Path(__file__).parents[1] / "results"

FIGURES: dict[str, Callable[[Path], Drawn]] = {
    "tracking_scaling": tracking.draw_scaling,
    "tracking_ablation": tracking.draw_ablation,
}


def run(config: FiguresRun, folder: Path) -> None:
    """Draws one figure, or all, into a folder.

    Raises:
        ValueError: an unknown figure.
        FileNotFoundError: results that are not there.
    """
    if config.figure not in (*FIGURES, "all"):
        raise ValueError(f"got figure={config.figure}; needs all, or one of {', '.join(FIGURES)}")
    results = Path(config.results) if config.results else RESULTS
    for name, draw in FIGURES.items():
        if config.figure in (name, "all"):
            with rc_context(STYLE):
                drawn = draw(results)
            keep(drawn, folder, name)
            log.info("%s", folder / f"{name}.png")
