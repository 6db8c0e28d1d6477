"""Scores section by section, as the ISBI 2012 challenge does."""

import logging
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor

import numpy as np
from jaxtyping import Float64
from tqdm import tqdm

from configs.schema import EvaluationRun
from data.volume import Volume
from experiments.evaluation.curves import section_part, section_rows
from experiments.evaluation.outcome import Rows
from ops.metrics.bootstrap import bootstrap_sums
from ops.metrics.isbi import IsbiScores, isbi_metrics, join, label_section, score_section
from ops.metrics.metric import Metric

AT_A_TIME = 8  # sections in memory
MISSING = tuple(
    Metric(name, None, "isbi2012", note="no section of the truth has a cell inside the mask")
    for family in ("v_rand", "v_info")
    for name in (family, f"{family}_precision", f"{family}_recall")
)
log = logging.getLogger(__name__)


def score_membranes(
    volumes: Mapping[str, Volume], config: EvaluationRun
) -> tuple[tuple[Metric, ...], dict[str, Rows], tuple[str, ...]]:
    """V_Rand and V_Info of membrane probabilities; over thresholds, as a table and a figure."""

    def score(layers: dict[str, np.ndarray]) -> IsbiScores | None:
        membrane = layers["truth"] != 0
        if "mask" in layers:
            membrane |= layers["mask"] == 0
        return None if membrane.all() else score_section(membrane, layers["prediction"])

    scores = _score_each(volumes, score)
    if scores is None:
        return MISSING, {}, ()
    tables = {"section_curve": section_rows(scores)}
    return _with_intervals(scores, config), tables, (section_part(scores),)


def score_labels(volumes: Mapping[str, Volume], config: EvaluationRun) -> tuple[Metric, ...]:
    """V_Rand and V_Info of labels, the truth's 0 being border."""

    def score(layers: dict[str, np.ndarray]) -> IsbiScores | None:
        truth = layers["truth"]
        if "mask" in layers:
            truth = np.where(layers["mask"] != 0, truth, 0)
        return label_section(truth, layers["prediction"]) if truth.any() else None

    scores = _score_each(volumes, score)
    if scores is None:
        return MISSING
    return _with_intervals(scores, config)


def _score_each(
    volumes: Mapping[str, Volume], score: Callable[[dict[str, np.ndarray]], IsbiScores | None]
) -> IsbiScores | None:
    """The scores of all sections that can be scored; None where there is none."""
    with ThreadPoolExecutor() as pool:
        scored = [part for batch in _batches(volumes) for part in pool.map(score, batch)]
    left_out = scored.count(None)
    if left_out:
        log.warning("%d sections left out of V_Rand and V_Info: no cell in the truth", left_out)
    parts = [part for part in scored if part is not None]
    return join(parts) if parts else None


def _batches(volumes: Mapping[str, Volume]) -> Iterator[list[dict[str, np.ndarray]]]:
    names = [name for name in ("truth", "prediction", "mask") if name in volumes]
    depth = volumes["truth"].shape[0]
    for start in tqdm(range(0, depth, AT_A_TIME), desc="sections"):
        slab = {name: volumes[name][start : start + AT_A_TIME].read() for name in names}
        yield [{name: layer[z] for name, layer in slab.items()} for z in range(len(slab["truth"]))]


def _with_intervals(scores: IsbiScores, config: EvaluationRun) -> tuple[Metric, ...]:
    """Sections are drawn, and the best threshold is chosen anew in every draw."""
    metrics = isbi_metrics(scores)
    parts = np.stack([_by_section(scores, metric.name) for metric in metrics], axis=1)

    def score_draw(sums: Float64[np.ndarray, "metrics 2 thresholds"]) -> dict[str, float]:
        best = sums[:, 0].argmax(axis=1)
        values = sums[np.arange(len(sums)), 1, best] / len(parts)
        return {metric.key: float(v) for metric, v in zip(metrics, values, strict=True)}

    draws, seed = config.resampling.draws, config.seed
    return bootstrap_sums(parts, score_draw, "sections", draws, seed).attach(metrics)


def _by_section(scores: IsbiScores, name: str) -> Float64[np.ndarray, "sections 2 thresholds"]:
    """The F-score by which the threshold is chosen, and the value itself."""
    family = scores.v_rand if name.startswith("v_rand") else scores.v_info
    part = {"precision": family.precision, "recall": family.recall}
    return np.stack([family.f, part.get(name.rsplit("_", 1)[-1], family.f)]).transpose(2, 0, 1)
