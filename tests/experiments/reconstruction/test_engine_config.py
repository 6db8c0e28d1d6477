"""`engine=` chooses a typed engine; a wrong key or type fails at composition."""

import dataclasses
from importlib import resources
from typing import Any

import pytest
from hydra import compose, initialize_config_module
from hydra.core.config_store import ConfigStore
from hydra.errors import ConfigCompositionException
from omegaconf import MISSING, OmegaConf

from configs import schema
from configs.reconstruction import (
    DaskEngine,
    EngineSettings,
    ProcessesEngine,
    SerialEngine,
    Slurm,
)

CHOICES = {
    "serial": SerialEngine("serial"),
    "processes": ProcessesEngine("processes", None, 1),
    "dask": DaskEngine("dask", None, 1),
    "slurm": DaskEngine("dask", 8, 1, None, Slurm(memory="8GB", walltime="24:00:00")),
}


@dataclasses.dataclass
class Run:
    """An entry point that has engines."""

    defaults: list[Any] = dataclasses.field(
        default_factory=lambda: ["_self_", {"engine": "serial"}]
    )
    engine: EngineSettings = MISSING


@pytest.fixture(autouse=True)
def hydra():
    schema.register()
    ConfigStore.instance().store(name="toy_run", node=Run)
    with initialize_config_module("configs", version_base="1.3"):
        yield


def engine(*overrides: str) -> EngineSettings:
    config = OmegaConf.to_object(compose("toy_run", overrides=list(overrides)))
    assert isinstance(config, Run)
    return config.engine


@pytest.mark.parametrize("name", CHOICES)
def test_every_engine_composes_to_its_schema(name):
    assert engine(f"engine={name}") == CHOICES[name]


def test_every_file_is_a_choice():
    files = (resources.files("configs") / "engine").iterdir()
    assert {file.name.removesuffix(".yaml") for file in files} == set(CHOICES)


def test_jobs_of_slurm_are_chosen_on_the_command_line():
    found = engine(
        "engine=slurm", "engine.slurm.queue=long", "engine.slurm.directives=[--exclusive]"
    )
    assert isinstance(found, DaskEngine) and found.slurm
    assert (found.slurm.queue, found.slurm.directives) == ("long", ["--exclusive"])


@pytest.mark.parametrize(
    "override",
    ["engine.worker=2", "engine.workers=two", "engine.threads=[1]", "engine.address=a"],
)
def test_a_wrong_key_or_type(override):
    with pytest.raises(ConfigCompositionException, match=override.split("=")[0]):
        engine("engine=processes", override)
