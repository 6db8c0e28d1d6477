"""The main job from raw voxels to skeletons, beside what one would put together from libraries."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from hydra import compose, initialize_config_module
from hydra.core.hydra_config import HydraConfig
from omegaconf import OmegaConf

from configs.reconstruction import ReconstructRun
from configs.schema import BenchmarkRun
from data.creating import create_volume
from data.datasets import load
from data.opening import open_volume
from data.volume import Volume
from experiments.benchmarks.conv.torch_works import torch_module
from experiments.benchmarks.pipeline.peer import peer_segmentation, waterz_module
from experiments.benchmarks.result import OURS, Result, markdown, voxel_rate
from experiments.reconstruction.engine import open_engine, run_blocks
from experiments.reconstruction.planning import plan
from experiments.reconstruction.source import origin_of
from experiments.reconstruction.weights import choose_weights, with_calibration
from experiments.run_record import usable_threads
from experiments.source import open_source

log = logging.getLogger(__name__)
SLAB = 16  # sections that are written at once
FAST, ACCURATE = "fast", "accurate"
WEIGHTS = {
    "phantom": {FAST: "phantom_fast", ACCURATE: "phantom"},
    "snemi3d": {FAST: "ssem_mouse_fast", ACCURATE: "ssem_mouse"},
}
# The fast pass reads its blocks with half of the usual surroundings.
OVERRIDES = {FAST: ("context=[8,32,32]",), ACCURATE: ()}
WORDS = (
    "From uint8 zarr to global ids and skeletons, and to synapses where the weights know them; "
    "each contender once before it counts, which compiles. The peer: the same fast network in "
    "PyTorch, watershed of scikit-image in each section, agglomeration by waterz, no skeletons; "
    "the image is read once and all is held in memory."
)


def measure_pipeline(config: BenchmarkRun, folder: Path) -> tuple[list[Result], str]:
    """The rate of the whole job for each shipped network, stage by stage, and of the peer."""
    results = []
    for name, image in images(config).items():
        path = write_image(image, folder / f"{name}.zarr")
        for kind, weights in WEIGHTS[name].items():
            results += _measure(config, folder, path, weights, kind)
    missing = [name for name, module in peers().items() if module is None]
    if missing:
        log.warning("left out: %s, not installed (pip install torch waterz)", " and ".join(missing))
    words = f"{WORDS} {usable_threads()} threads."
    return results, f"{markdown(results)}\n{words}\n"


def images(config: BenchmarkRun) -> dict[str, Volume]:
    """The phantom's, and the validation part of AC4 where it is."""
    found = {"phantom": open_source(config.phantom, config.seed).volumes[0]["image"]}
    try:
        found["snemi3d"] = load("snemi3d", config.root, split="validation").volumes[0]["image"]
    except (FileNotFoundError, ValueError) as error:
        log.warning("left out: AC4 (%s)", error)
    return found


def peers() -> dict[str, object]:
    """The packages that the peer is made of, None where they are missing."""
    return {"PyTorch": torch_module(), "waterz": waterz_module()}


def write_image(image: Volume, path: Path) -> Path:
    """An image as a zarr volume, a few sections at a time."""
    volume = create_volume(
        str(path), shape=image.shape, dtype=np.uint8, voxel_size_nm=image.voxel_size_nm
    )
    for start in range(0, image.shape[0], SLAB):
        volume[start : start + SLAB].write(image[start : start + SLAB].read())
    return path


def _measure(
    config: BenchmarkRun, folder: Path, image: Path, weights: str, kind: str
) -> list[Result]:
    """Results of the whole and of each stage, in MB/s."""
    rates: dict[str, list[float]] = {}
    theirs: list[float] = []
    volume = open_volume(str(image))
    path, voxels = choose_weights(weights), int(np.prod(volume.shape))
    for turn in range(config.rounds + 1):
        log.info("%s, round %d of %d", weights, turn, config.rounds)
        found = _stage_rates(folder / "run", image, weights, OVERRIDES[kind])
        for name, rate in found.items():
            rates.setdefault(name, []).append(rate)
        if kind == FAST and all(module is not None for module in peers().values()):
            theirs.append(voxel_rate(lambda: peer_segmentation(image, path), voxels)())
    figures = {name: {OURS: seen[1:]} for name, seen in rates.items()}
    if theirs:
        figures["whole"]["PyTorch + scikit-image + waterz"] = theirs[1:]
    return [
        Result(f"{image.stem}, {weights}: {name}", "MB/s", seen) for name, seen in figures.items()
    ]


def _stage_rates(run: Path, image: Path, weights: str, words: Sequence[str]) -> dict[str, float]:
    """One reconstruction from scratch."""
    shutil.rmtree(run, ignore_errors=True)
    run.mkdir()
    config = _configured(image, weights, words)
    origin = origin_of(config.data, config.seed)
    found = choose_weights(weights)
    todo = plan(with_calibration(config, found), run, origin, found)
    voxels = int(np.prod(origin.image().shape))
    with open_engine(config.engine, run) as engine:
        rates = {
            stage.name: voxel_rate(lambda s=stage: run_blocks(s, run, engine), voxels)()
            for stage in todo.stages
        }
    return {"whole": 1 / sum(1 / rate for rate in rates.values()), **rates}


def _configured(image: Path, weights: str, words: Sequence[str]) -> ReconstructRun:
    overrides = ["data=files", f"data.image={image}", f"weights={weights}", *words]
    if HydraConfig.initialized():
        found = compose("reconstruct", overrides)
    else:
        with initialize_config_module("configs", version_base="1.3"):
            found = compose("reconstruct", overrides)
    config = OmegaConf.to_object(found)
    assert isinstance(config, ReconstructRun)
    return config
