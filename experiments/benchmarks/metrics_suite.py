"""How fast a segmentation is scored: contingency table, VI and adapted Rand error."""

import dataclasses
import logging
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import numpy as np
from jaxtyping import UInt64
from skimage.metrics import adapted_rand_error, variation_of_information

from configs.schema import BenchmarkRun
from data.synthetic import Phantom
from experiments.benchmarks.result import OURS, Result, take_turns, voxel_rate
from experiments.run_record import usable_threads
from experiments.source import phantom_parameters
from ops.metrics.contingency import count_pairs
from ops.metrics.segmentation import segmentation_values

PEER = "scikit-image"
Labels = UInt64[np.ndarray, "z y x"]
log = logging.getLogger(__name__)


def measure_metrics(config: BenchmarkRun) -> list[Result]:
    """All measurements of the suite."""
    log.info("generating labels of %s voxels", config.labels_shape)
    truth, prediction = make_labels(config)
    shape = "x".join(map(str, truth.shape))

    def ours() -> None:
        segmentation_values(count_pairs(truth, prediction), "skimage")

    def scikit_images() -> None:
        variation_of_information(truth, prediction)
        adapted_rand_error(truth, prediction)

    work = {OURS: ours, PEER: scikit_images}
    rates = {name: voxel_rate(score, truth.size) for name, score in work.items()}
    results = [
        Result(
            f"table, VI and adapted Rand error of two uint64 volumes of {shape}",
            "Mvoxel/s",
            take_turns(rates, config.rounds),
        )
    ]
    if PEAK.exists():
        peaks = {name: [_peak_mb(score)] for name, score in work.items()}
        results.append(Result("the same: memory beyond the volumes", "MB (less is better)", peaks))
    return results


def make_labels(config: BenchmarkRun) -> tuple[Labels, Labels]:
    """Neurites of a phantom, and the same with the errors of a segmentation.

    Borders are a voxel or two off, sections 64 apart cut neurites, and every third one is merged
    with another.
    """
    phantom_config = dataclasses.replace(config.phantom, shape=config.labels_shape)
    phantom = Phantom(phantom_parameters(phantom_config, config.seed))
    volume = phantom.volume("neurites")
    truth = np.empty(volume.shape, np.uint64)

    def make(tile: tuple[slice, slice, slice]) -> None:
        truth[tile] = volume[tile].read()

    with ThreadPoolExecutor(usable_threads()) as pool:
        list(pool.map(make, phantom.tiles()))
    neurites = int(truth.max())
    merged = np.arange(neurites + 1, dtype=np.uint64)
    merged[3::3] = merged[1 : len(merged[3::3]) + 1]
    prediction = np.roll(merged[truth], (1, 2), axis=(1, 2))
    prediction += (np.arange(len(truth), dtype=np.uint64) // 64 * (neurites + 1))[:, None, None]
    return truth, prediction


PEAK = Path("/proc/self/clear_refs")  # Linux alone can reset a process's peak of memory


def _peak_mb(work: Callable[[], None]) -> float:
    PEAK.write_text("5")
    before = _status_mb("VmRSS")
    work()
    return max(0.0, _status_mb("VmHWM") - before)


def _status_mb(field: str) -> float:
    lines = Path("/proc/self/status").read_text().splitlines()
    return next(int(line.split()[1]) for line in lines if line.startswith(field)) * 1024 / 1e6
