"""How the cost of the main job grows: with the volume, and with the number of workers."""

import dataclasses
import json
import logging
import math
import shutil
import subprocess
import sys
from collections.abc import Sequence
from pathlib import Path

from configs.schema import BenchmarkRun
from experiments.benchmarks.pipeline.suite import write_image
from experiments.drawings.style import keep
from experiments.drawings.throughput import draw_scaling
from experiments.run_record import write_json
from experiments.source import open_source

log = logging.getLogger(__name__)


@dataclasses.dataclass(frozen=True)
class Cost:
    """What a reconstruction took.

    Attributes:
        megabytes: of the image, 8 bits a voxel.
        workers: processes, with a thread each.
        seconds: of all stages.
        peak_memory_gb: of the largest process.
    """

    megabytes: float
    workers: int
    seconds: float
    peak_memory_gb: float


def measure_scaling(config: BenchmarkRun, folder: Path) -> None:
    """Writes scaling.json, scaling.md and scaling (.png, .pdf, .csv) into the folder.

    Each run is a process of its own, whose memory is counted from nothing.
    """
    costs = [
        measure_cost(config, shape, config.scaling.workers, folder)
        for shape in config.scaling.shapes
    ]
    first = config.scaling.shapes[0]
    costs += [measure_cost(config, first, n, folder) for n in range(1, config.scaling.workers)]
    rows = list(map(dataclasses.asdict, costs))
    write_json(folder / "scaling.json", {"rows": rows})
    text = in_words(costs)
    (folder / "scaling.md").write_text(text)
    keep(draw_scaling(rows), folder, "scaling")
    log.info("\n%s\nfigures: %s", text, folder / "scaling.csv")


def measure_cost(config: BenchmarkRun, shape: Sequence[int], workers: int, folder: Path) -> Cost:
    """Reconstructs a phantom of a shape, raw zarr in, skeletons out."""
    image, run = folder / f"image_{'x'.join(map(str, shape))}.zarr", folder / "run"
    if not image.exists():
        source = dataclasses.replace(config.phantom, shape=list(shape))
        write_image(open_source(source, config.seed).volumes[0]["image"], image)
    shutil.rmtree(run, ignore_errors=True)
    words = [f"data.image={image}", f"weights={config.scaling.weights}", f"hydra.run.dir={run}"]
    engine = ["engine=processes", f"engine.workers={workers}", "engine.threads=1"]
    log.info("%s with %d workers", "x".join(map(str, shape)), workers)
    command = [sys.executable, "-m", "experiments.reconstruct", "data=files", *words, *engine]
    subprocess.run(command, check=True)
    found = json.loads((run / "metrics.json").read_text())
    seconds = sum(found["seconds"].values())
    return Cost(math.prod(shape) / 1e6, workers, seconds, found["peak_memory_gb"])


def in_words(costs: Sequence[Cost]) -> str:
    """A table, how time grows with size, and how much faster the workers are together."""
    lines = [
        "| image | workers | time | MB/s | largest process |",
        "| ---: | ---: | ---: | ---: | ---: |",
    ]
    lines += [
        f"| {c.megabytes:.0f} MB | {c.workers} | {c.seconds:.0f} s | "
        f"{c.megabytes / c.seconds:.2f} | {c.peak_memory_gb:.2f} GB |"
        for c in costs
    ]
    alone = {c.workers: c for c in costs if c.megabytes == costs[0].megabytes}
    whole = [c for c in costs if c.workers == costs[0].workers]
    if len(whole) > 1:
        smallest, largest = whole[0], whole[-1]
        power = math.log(largest.seconds / smallest.seconds) / math.log(
            largest.megabytes / smallest.megabytes
        )
        more = (largest.peak_memory_gb - smallest.peak_memory_gb) / (
            largest.megabytes - smallest.megabytes
        )
        lines.append(
            f"\nTime grows as size to the power of {power:.2f}; the largest process by "
            f"{1000 * more:.2f} MB for every MB of image."
        )
    lines += [
        f"\n{n} workers are {alone[1].seconds / c.seconds:.2f} times as fast as one."
        for n, c in sorted(alone.items())
        if n > 1 and 1 in alone
    ]
    return "\n".join(lines) + "\n"
