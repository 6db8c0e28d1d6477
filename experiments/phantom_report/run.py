"""The stages of `python -m experiments.phantom`."""

import logging
from pathlib import Path

from configs.schema import PhantomRun
from data.opening import open_volume
from data.synthetic import Phantom
from data.synthetic.writing import write_phantom
from data.volume import Volume
from experiments.phantom_report.report import write_report
from experiments.phantom_report.statistics import count_voxels, measure, volumes_by_kind
from experiments.run_record import environment, timed, write_json
from experiments.source import phantom_parameters

LAYERS = ("image", "neurites", "membrane", "cleft_ids", "vesicles", "mitochondria")
log = logging.getLogger(__name__)


def run(config: PhantomRun, folder: Path) -> None:
    """Makes the phantom of a config and writes everything into the folder."""
    surroundings = environment()
    write_json(folder / "environment.json", surroundings)
    seconds: dict[str, float] = {}
    with timed(seconds, "grow"):
        phantom = Phantom(phantom_parameters(config.data, config.seed))
    with timed(seconds, "compile"):
        phantom.volume("image")[:1, :1, :1].read()
    with timed(seconds, "render_and_write"):
        write_into(folder, phantom)
    with timed(seconds, "measure"):
        volumes = open_written(folder)
        voxels = count_voxels(phantom, volumes)
        metrics = measure(phantom, volumes, voxels)
    with timed(seconds, "report"):
        metrics["seconds"] = seconds
        metrics["mvoxel_per_s"] = float(voxels.sum()) / 1e6 / seconds["render_and_write"]
        sizes = volumes_by_kind(phantom, voxels)
        write_report(folder / "report.html", phantom, volumes, sizes, metrics, surroundings)
    write_json(folder / "metrics.json", metrics)
    log.info(summary(metrics))
    log.info("report: %s", folder / "report.html")


def write_into(folder: Path, phantom: Phantom) -> None:
    """Writes volumes, tables and skeletons into a folder that is there already."""
    # write_phantom makes a new folder, whole or not at all; its content moves up from there.
    written = folder / "phantom"
    write_phantom(phantom, written, progress=True)
    for path in written.iterdir():
        path.rename(folder / path.name)
    written.rmdir()


def open_written(folder: Path) -> dict[str, Volume]:
    """The layers as they were written."""
    return {layer: open_volume(str(folder / f"{layer}.zarr")) for layer in LAYERS}


def summary(metrics: dict) -> str:
    """The main figures in one line."""
    return (
        f"{metrics['neurites']} neurites and {metrics['synapses']} synapses in "
        f"{metrics['volume_um3']:.1f} µm³ ({metrics['synapses_per_um3']:.2f} per µm³); membrane "
        f"{metrics['volume_fractions']['membrane']:.0%}, mitochondria "
        f"{metrics['volume_fractions']['mitochondria']:.1%}; {metrics['mvoxel_per_s']:.1f} "
        "Mvoxel/s with all layers written"
    )
