"""How fast tissue is generated, crops are augmented, and a trainer is fed."""

import dataclasses
import itertools
import logging
import os
import tempfile
import time
from collections.abc import Callable, Iterator, Mapping
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import jax
import numpy as np

from configs.schema import BenchmarkRun
from data.augment import NO_AUGMENTATION, augment_batch
from data.creating import create_volume
from data.datasets import load, snemi3d
from data.datasets.root import find_root
from data.sampling import crops
from data.synthetic import LAYERS, Phantom
from data.volume import Volume
from experiments.benchmarks.peers import augment_with_scipy, load_with_tifffile
from experiments.benchmarks.result import OURS, Result, take_turns, voxel_rate
from experiments.report.census import blocks
from experiments.source import phantom_parameters

# What both sides do to every crop of the augmentation benchmark.
AUGMENTATION = dataclasses.replace(
    NO_AUGMENTATION,
    symmetry="anisotropic",
    elastic_probability=1.0,
    gamma_probability=1.0,
    contrast_probability=1.0,
    brightness_probability=1.0,
    noise_probability=1.0,
)
STORED_SHAPE = (64, 512, 512)  # at most, of the phantom that crops are drawn from
SECTIONS_OF_A_FILE = 50  # of AC4, whose image is in two: no loader needs to open both
BATCHES = 10
log = logging.getLogger(__name__)


def measure_data(config: BenchmarkRun, folder: Path) -> list[Result]:
    """All measurements of the suite; the volumes that they need lie in the folder meanwhile."""
    log.info("generating a phantom of %s voxels", config.phantom.shape)
    phantom = Phantom(phantom_parameters(config.phantom, config.seed))
    results = [*measure_generation(phantom), measure_augmentation(phantom, config)]
    with tempfile.TemporaryDirectory(dir=folder) as scratch:
        stored = store_part(phantom, Path(scratch))
        results += measure_feeding("the phantom as zarr", stored, {}, config)
    real = open_ac4(config.root)
    if real is not None:
        results += measure_feeding("AC4 as TIFF", real, tifffile_loader(config), config)
    return results


def measure_generation(phantom: Phantom) -> list[Result]:
    """Time to the first voxel, with compilation, and then the rate for all layers."""
    start = time.perf_counter()
    phantom.volume("image")[:1, :1, :1].read()
    compiled = time.perf_counter()
    volumes = phantom.volumes()

    def make(tile: tuple[slice, slice, slice]) -> None:
        for volume in volumes.values():
            volume[tile].read()

    with ThreadPoolExecutor(os.cpu_count()) as pool:
        list(pool.map(make, phantom.tiles()))
    rate = _mvoxel(volumes["image"]) / (time.perf_counter() - compiled)
    return [
        Result("first tile of a phantom, with compilation", "s", {OURS: [compiled - start]}),
        Result(f"phantom, all {len(LAYERS)} layers", "Mvoxel/s", {OURS: [rate]}),
    ]


def measure_augmentation(phantom: Phantom, config: BenchmarkRun) -> Result:
    """Image and labels of a batch: deformed, mirrored, changed in grey values, and noisy."""
    box = tuple(slice(n) for n in config.crop_shape)
    image = phantom.volume("image")[box].read().astype(np.float32) / 255
    labels = phantom.volume("neurites")[box].read()
    images, ids = (np.stack([a] * config.batch_size) for a in (image, labels))
    keys = map(jax.random.key, itertools.count(config.seed))
    rng = np.random.default_rng(config.seed)

    def ours() -> None:
        jax.block_until_ready(augment_batch(next(keys), images, ids, AUGMENTATION))

    def scipys() -> None:
        for crop, crop_ids in zip(images, ids, strict=True):
            augment_with_scipy(rng, crop, crop_ids, AUGMENTATION)

    ours()  # compiles
    contenders = {
        OURS: voxel_rate(ours, images.size),
        "NumPy and SciPy": voxel_rate(scipys, images.size),
    }
    return Result("augmentation", "Mvoxel/s", take_turns(contenders, config.rounds))


def store_part(phantom: Phantom, folder: Path) -> dict[str, Volume]:
    """Image and neurites of a phantom's first part, on disk as zarr."""
    stored = {}
    for layer in ("image", "neurites"):
        part = phantom.volume(layer)[tuple(map(slice, STORED_SHAPE))]
        stored[layer] = create_volume(
            str(folder / f"{layer}.zarr"),
            shape=part.shape,
            dtype=part.dtype,
            voxel_size_nm=part.voxel_size_nm,
        )
        for source, target in zip(blocks(part), blocks(stored[layer]), strict=True):
            target.write(source.read())
    return stored


def open_ac4(root: str | None) -> dict[str, Volume] | None:
    """Image and neurites of AC4; None, with a word on it, where its files are not here."""
    try:
        (layers,) = load("snemi3d", root, split="all").volumes
    except (FileNotFoundError, ValueError) as error:
        log.warning("left out: %s", error)
        return None
    return {name: layers[name][:SECTIONS_OF_A_FILE] for name in ("image", "neurites")}


def tifffile_loader(config: BenchmarkRun) -> dict[str, Callable[[], Iterator]]:
    """The loader that one would write for AC4."""
    root = find_root(config.root)
    paths = root / snemi3d.IMAGES[0].path, root / snemi3d.LABELS.path

    def batches() -> Iterator:
        rng = np.random.default_rng(config.seed)
        while True:
            yield [
                load_with_tifffile(rng, *paths, SECTIONS_OF_A_FILE, config.crop_shape)
                for _ in range(config.batch_size)
            ]

    return {"tifffile and a crop": batches}


def measure_feeding(
    where: str,
    layers: Mapping[str, Volume],
    peers: Mapping[str, Callable[[], Iterator]],
    config: BenchmarkRun,
) -> list[Result]:
    """Crops a second, and the share of its time that a trainer waits for them."""

    def batches(prefetch: int) -> Callable[[], Iterator]:
        shape, size = config.crop_shape, config.batch_size
        return lambda: crops([layers], shape, size, config.seed, prefetch=prefetch)

    loaders = {OURS: batches(2), "without reading ahead": batches(0), **peers}
    rates = {name: _crop_rate(make, config.batch_size) for name, make in loaders.items()}
    waits = {name: _waiting(make, config.step_ms / 1000) for name, make in loaders.items()}
    step = f"a trainer with steps of {config.step_ms:g} ms waits for {where}"
    return [
        Result(f"crops from {where}", "crops/s", take_turns(rates, config.rounds)),
        Result(step, "% of its time (less is better)", take_turns(waits, config.rounds)),
    ]


def _crop_rate(make: Callable[[], Iterator], batch_size: int) -> Callable[[], float]:
    def measure() -> float:
        batches = make()
        start = time.perf_counter()
        for _ in itertools.islice(batches, BATCHES):
            pass
        return BATCHES * batch_size / (time.perf_counter() - start)

    return measure


def _waiting(make: Callable[[], Iterator], step_s: float) -> Callable[[], float]:
    def measure() -> float:
        batches, waited = make(), 0.0
        next(batches)
        for _ in range(BATCHES):
            time.sleep(step_s)  # the trainer's step, on a device of its own
            start = time.perf_counter()
            next(batches)
            waited += time.perf_counter() - start
        return 100 * waited / (waited + BATCHES * step_s)

    return measure


def _mvoxel(volume: Volume) -> float:
    return float(np.prod(volume.shape)) / 1e6
