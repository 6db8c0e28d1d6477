"""The main job, from top to bottom: an image stack becomes segments and a connectome."""

import dataclasses
import json
import logging
import math
import resource
from collections.abc import Mapping
from pathlib import Path

from configs.reconstruction import ReconstructRun
from data.checks import check_image_volume
from data.volume import Volume
from experiments.reconstruction.engine import open_engine, run_blocks
from experiments.reconstruction.estimate import describe
from experiments.reconstruction.lost import describe_lost
from experiments.reconstruction.mending_summary import summarise_mending
from experiments.reconstruction.planning import Plan, plan
from experiments.reconstruction.report import write_report
from experiments.reconstruction.scoring import score
from experiments.reconstruction.source import Origin, origin_of, with_split
from experiments.reconstruction.stages.labelling import SEGMENTATION, read_sizes
from experiments.reconstruction.stages.listing import read_synapses
from experiments.reconstruction.stages.tracking import read_lost
from experiments.reconstruction.synapse_scoring import score_synapses, true_sites
from experiments.reconstruction.synapse_summary import summarise
from experiments.reconstruction.weights import (
    choose_weights,
    compare_sizes,
    trained_size,
    with_calibration,
)
from experiments.reconstruction.wiring import GRAPH
from experiments.run_record import environment, timed, write_json
from ops.metrics.metric import Metric
from ops.synapses.table import Synapses

log = logging.getLogger(__name__)
TIMES = "stage_seconds.json"
MAIN_SCORES = {
    "one_to_one/synapse_f1": "synapse F1",
    "cremi2016/partner_f1": "partner F1",
    "neuropil_polarity_v1/partner_polarity_accuracy": "polarity accuracy",
    "neuropil_graph_v1/edge_min1_f1": "directed-edge F1",
}


def run(config: ReconstructRun, folder: Path) -> None:
    """Reconstructs what a config asks for into a run directory; what is done there is not redone.

    Raises:
        ValueError, FileNotFoundError: data or weights that do not fit, before any work.
        BlockError, OSError: as `experiments.reconstruction.engine.run_blocks`.
    """
    config = with_split(config)
    origin = origin_of(config.data, config.seed)
    image = check_image_volume(origin.image())
    weights = choose_weights(config.weights)
    if config.resample:
        origin = dataclasses.replace(origin, voxel_size_nm=trained_size(weights))
        image = origin.image()
    compare_sizes(weights, image)
    config = with_calibration(config, weights)
    todo = plan(config, folder, origin, weights)
    check_contrast(todo, image)
    log.info(describe(todo, image, folder))
    if config.dry_run:
        return
    surroundings = environment()
    write_json(folder / "environment.json", surroundings)
    seconds, whole = read_times(folder), True
    with open_engine(config.engine, folder) as engine:
        for stage in todo.stages:
            spent: dict[str, float] = {}
            with timed(spent, stage.name):
                done = run_blocks(stage, folder, engine)
            if done == len(stage.blocks):
                seconds[stage.name] = spent[stage.name]
                write_json(folder / TIMES, seconds)
            elif done:  # the rest was done by a run that was stopped, with its clock
                seconds.pop(stage.name, None)
                write_json(folder / TIMES, seconds)
            whole &= stage.name in seconds
        scores = ()
        if "neurites" in origin.layers():
            log.info("comparing with the truth")
            scores = score(folder / SEGMENTATION, origin.layers()["neurites"], config.seed)
        metrics = measure(todo, image, seconds, whole, scores, folder)
        for stage in todo.stages:
            if stage.name == "merge_errors":
                truth = origin.layers().get("neurites")
                metrics["merge_errors"] = summarise_mending(folder, stage.blocks[0], truth)
        if config.segmenter == "3c":
            metrics["lost_sections"] = read_lost(folder, todo.blocks.blocks)
            for words in describe_lost(metrics["lost_sections"], image.shape[0]):
                log.warning("%s: %s", image.name, words)
        synapses = None
        if any(stage.name == "synapses" for stage in todo.stages):
            synapses = read_synapses(folder, todo.blocks)
            metrics |= measure_synapses(synapses, config, origin, metrics, folder)
        write_json(folder / "metrics.json", metrics)
        write_report(folder, origin.layers(), metrics, config, surroundings, synapses, todo.scale)
    log.info(in_words(metrics))
    log.info("skeletons: %s", folder / "skeletons")
    if "synapses" in metrics:
        log.info("connectome: %s", folder / GRAPH)
    log.info("report: %s", folder / "report.html")
    log.info("in the browser: python -m experiments.view run=%s", folder)


def read_times(folder: Path) -> dict[str, float]:
    """Seconds of each stage that was done here in one go; others have none."""
    path = folder / TIMES
    return json.loads(path.read_text()) if path.exists() else {}


def check_contrast(todo: Plan, image: Volume) -> None:
    """Raises ValueError for an image that shows nothing."""
    if todo.scale.deviation <= 1.5 / 255:
        raise ValueError(
            f"{image.name}: got an image whose grey values are all about {todo.scale.mean:.3f} "
            "(of 1); needs one that shows tissue: is it the right file?"
        )


def measure(
    todo: Plan,
    image: Volume,
    seconds: Mapping[str, float],
    whole: bool,
    scores: tuple[Metric, ...],
    folder: Path,
) -> dict:
    """The figures of a run; without a rate where it is not `whole`: some stage has no time."""
    voxels, total = math.prod(image.shape[:3]), sum(seconds.values())
    ids, sizes = read_sizes(folder, todo.blocks)
    processes = (resource.RUSAGE_SELF, resource.RUSAGE_CHILDREN)
    peak = max(resource.getrusage(which).ru_maxrss for which in processes)
    return {
        "voxels": voxels,
        "volume_um3": voxels * math.prod(image.voxel_size_nm) / 1e9,
        "segments": len(ids),
        "segments_above_1000_voxels": int((sizes > 1000).sum()),
        "skeletons": sum(1 for _ in (folder / "skeletons").glob("*.swc")),
        "seconds": dict(seconds),
        "mb_per_s": voxels / 1e6 / total if whole else None,
        "peak_memory_gb": peak * 1024 / 1e9,
        "scores": {m.name: scored(m) for m in scores},
    }


def measure_synapses(
    table: Synapses, config: ReconstructRun, origin: Origin, metrics: Mapping, folder: Path
) -> dict:
    """Figures of the synapses, and their scores where the data have a truth."""
    neurites = metrics["segments_above_1000_voxels"]
    sites, on_truth = true_sites(config.data, config.seed), config.synapses.true_neurites
    scores = score_synapses(folder, table, origin.layers(), sites, on_truth)
    return {
        "synapses": summarise(table, metrics["volume_um3"], neurites),
        "synapse_scores": {m.key: scored(m) for m in scores},
    }


def scored(metric: Metric) -> dict:
    """A score with its interval, as plain values."""
    between = [metric.interval.low, metric.interval.high] if metric.interval else None
    return {
        "value": metric.value,
        "interval": between,
        "convention": metric.convention,
        "counts": dict(metric.counts),
        "settings": dict(metric.settings),
    }


def rate_in_words(metrics: Mapping) -> str:
    """MB/s, or why there is none."""
    rate = metrics["mb_per_s"]
    return "an unknown rate (it was stopped on the way)" if rate is None else f"{rate:.2f} MB/s"


def in_words(metrics: Mapping) -> str:
    """The main figures in a line."""
    words = [
        f"{metrics['volume_um3']:.1f} µm³ at {rate_in_words(metrics)}: "
        f"{metrics['segments_above_1000_voxels']} segments of more than 1000 voxels, "
        f"{metrics['skeletons']} skeletons"
    ]
    for name in ("vi", "vi_split", "vi_merge", "adapted_rand_error"):
        if name in metrics["scores"]:
            words.append(f"{name} {metrics['scores'][name]['value']:.3f}")
    if "synapses" in metrics:
        words += synapses_in_words(metrics)
    return "; ".join(words)


def synapses_in_words(metrics: Mapping) -> list[str]:
    """How many there are, and the main scores that have a value."""
    found = metrics["synapses"]
    words = [
        f"{found['synapses']} synapses, {found['edges']} directed edges between "
        f"{found['neurites_connected']} neurites"
    ]
    for key, name in MAIN_SCORES.items():
        value = metrics["synapse_scores"].get(key, {}).get("value")
        words += [] if value is None else [f"{name} {value:.3f}"]
    return words
