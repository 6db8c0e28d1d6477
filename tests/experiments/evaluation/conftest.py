"""Tiny volumes and tables on disk, and their evaluation as the command line asks for it."""

import csv
import dataclasses
import functools
import json
from pathlib import Path
from typing import Any

import numpy as np
import pytest
from hydra import compose, initialize_config_module
from omegaconf import DictConfig, OmegaConf

from configs import schema
from data.opening import create_volume
from data.synthetic import Phantom, PhantomParameters, Tissue, write_phantom
from experiments.evaluation.run import run

LAYERS = ("neurites", "membrane", "cleft_ids")


@dataclasses.dataclass(frozen=True)
class Record:
    """What an evaluation wrote."""

    folder: Path

    @property
    def figures(self) -> dict:
        """metrics.json; NaN and Infinity, which are not JSON, are no known name."""
        return json.loads((self.folder / "metrics.json").read_text(), parse_constant={}.__getitem__)

    def metric(self, key: str) -> dict:
        """The one metric of a convention and name, as "cremi2016/vi"."""
        (found,) = [m for m in self.figures["metrics"] if f"{m['convention']}/{m['name']}" == key]
        return found

    def value(self, key: str) -> float:
        return self.metric(key)["value"]

    def values(self, convention: str) -> dict[str, float]:
        found = [m for m in self.figures["metrics"] if m["convention"] == convention]
        return {metric["name"]: metric["value"] for metric in found}

    def rows(self, name: str) -> list[dict[str, str]]:
        with (self.folder / f"{name}.csv").open(newline="") as stream:
            return list(csv.DictReader(stream))

    @property
    def report(self) -> str:
        return (self.folder / "report.html").read_text()


@pytest.fixture
def save(tmp_path):
    """Writes an array as a volume of a new name; gives its path."""
    number = iter(range(100))

    def write(voxels, suffix=".zarr", voxel_size_nm=(30.0, 6.0, 6.0), **settings) -> str:
        path = f"{tmp_path}/volume{next(number)}{suffix}"
        settings = {"shape": voxels.shape, "dtype": voxels.dtype, **settings}
        volume = create_volume(path, voxel_size_nm=voxel_size_nm, **settings)
        volume.write(voxels.astype(volume.dtype))
        return path

    return write


@pytest.fixture
def table(tmp_path):
    """Writes lines of a CSV file of a new name; gives its path."""
    number = iter(range(100))

    def write(*lines: str) -> str:
        path = tmp_path / f"table{next(number)}.csv"
        path.write_text("".join(f"{line}\n" for line in lines))
        return str(path)

    return write


@pytest.fixture
def swc(tmp_path):
    """Writes paths of nodes (z, y, x) in nm as a folder of SWC files, 0.swc, 1.swc ..."""

    def write(*paths, name: str = "skeletons") -> str:
        folder = tmp_path / name
        folder.mkdir()
        for number, nodes in enumerate(paths):
            rows = (
                f"{n + 1} 0 {x} {y} {z} 1 {n if n else -1}" for n, (z, y, x) in enumerate(nodes)
            )
            (folder / f"{number}.swc").write_text("\n".join(rows) + "\n")
        return str(folder)

    return write


@functools.cache
def composed(task: str) -> DictConfig:
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return compose("evaluate", overrides=[f"task={task}"])


@pytest.fixture
def started(tmp_path):
    """Runs an evaluation with few draws in a new folder, which is given even if it fails."""
    number = iter(range(100))

    def start(task: str, prediction, truth, *overrides: str):
        folder = tmp_path / f"run{next(number)}"
        folder.mkdir()
        paths = (f"prediction={prediction}", f"truth={truth}")
        changes = OmegaConf.from_dotlist([*paths, "resampling.draws=10", *overrides])
        config: Any = OmegaConf.to_object(OmegaConf.merge(composed(task), changes))
        return folder, lambda: run(config, folder)

    return start


@pytest.fixture
def record_of() -> type[Record]:
    """What is in a folder."""
    return Record


@pytest.fixture
def evaluate(started):
    """Evaluates; gives the record."""

    def start(*arguments) -> Record:
        folder, work = started(*arguments)
        work()
        return Record(folder)

    return start


@pytest.fixture
def refused(started):
    """Evaluates what cannot be; gives the words of the error. Nothing may be left behind."""

    def start(*arguments) -> str:
        folder, work = started(*arguments)
        with pytest.raises((ValueError, OSError)) as error:
            work()
        assert not list(folder.iterdir())
        return str(error.value)

    return start


@pytest.fixture(scope="session")
def phantom(tmp_path_factory) -> Path:
    """The folder of a phantom with few, but all kinds of things."""
    folder = tmp_path_factory.mktemp("phantom") / "written"
    tissue = Tissue(synapses_per_um3=20.0)
    parameters = PhantomParameters(shape=(16, 160, 160), seed=3, tissue=tissue)
    write_phantom(Phantom(parameters), folder, layers=LAYERS)
    return folder


@pytest.fixture
def cubes() -> np.ndarray:
    """Eight objects, 1 to 8, of 3 x 12 x 12 voxels each, that fill the volume."""
    return np.kron(np.arange(1, 9).reshape(2, 2, 2), np.ones((3, 12, 12))).astype(np.uint32)
