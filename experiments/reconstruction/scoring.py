"""How good a segmentation is, where the truth is known."""

from pathlib import Path

from data.opening import open_volume
from data.volume import Volume
from experiments.evaluation.cells import cut
from experiments.evaluation.segmentation import count_by_cell
from ops.metrics.bootstrap import bootstrap_tables, with_intervals
from ops.metrics.contingency import merge
from ops.metrics.metric import Metric
from ops.metrics.segmentation import segmentation_metrics, values_by_convention

CONVENTION = "cremi2016"
CELLS, DRAWS = (1, 4, 4), 1000


def score(segmentation: Path, truth: Volume, seed: int) -> tuple[Metric, ...]:
    """VI and adapted Rand error under the CREMI convention, with intervals by a block bootstrap."""
    volumes = {"truth": truth, "prediction": open_volume(str(segmentation))}
    counted = count_by_cell(volumes, cut(truth.shape, CELLS), None)["prediction"]
    found = segmentation_metrics(merge(counted), CONVENTION)

    def values(table) -> dict[str, float | None]:
        named = values_by_convention(table, [CONVENTION])[CONVENTION]
        return {f"{CONVENTION}/{name}": value for name, value in named.items()}

    drawn = bootstrap_tables([cell for cell in counted if cell.total], values, DRAWS, seed)
    return with_intervals({"prediction": found}, {"prediction": drawn})
