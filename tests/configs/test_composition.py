"""Every YAML composes with every entry point that can use it, and the schemas mirror the data."""

import dataclasses
from importlib import resources

import pytest
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema, sources
from data.datasets import DATASETS
from data.synthetic import Imaging, PhantomParameters, Tissue

FOLDER = resources.files("configs")


def names(group: str) -> list[str]:
    files = (FOLDER / group).iterdir() if group else FOLDER.iterdir()
    return sorted(f.name.removesuffix(".yaml") for f in files if f.name.endswith(".yaml"))


DATA = names("data")
PHANTOMS = [name for name in DATA if name.startswith("phantom")]
TASKS = names("task")
ENTRY_POINTS = [name for name in names("") if name != "record"]
RECORDED = [name for name in ENTRY_POINTS if name != "view"]  # which writes nothing


@pytest.fixture(autouse=True)
def hydra():
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        yield


def composed(entry_point: str, *overrides: str):
    return OmegaConf.to_object(compose(entry_point, overrides=list(overrides)))


def test_every_primary_has_a_schema():
    assert set(ENTRY_POINTS) == set(schema.ENTRY_POINTS)


@pytest.mark.parametrize("entry_point", ENTRY_POINTS)
def test_an_entry_point_composes_to_its_schema_and_has_a_seed(entry_point):
    config = composed(entry_point, "seed=3")
    assert type(config) is schema.ENTRY_POINTS[entry_point]
    assert config.seed == 3


@pytest.mark.parametrize("entry_point", RECORDED)
def test_runs_lie_in_folders_named_for_their_entry_point(entry_point):
    config = compose(
        entry_point, overrides=[f"hydra.job.name={entry_point}"], return_hydra_config=True
    )
    assert config.hydra.run.dir.startswith(f"outputs/{entry_point}/")
    assert config.hydra.sweep.dir.startswith(f"multirun/{entry_point}/")


@pytest.mark.parametrize("name", PHANTOMS)
@pytest.mark.parametrize(
    ("entry_point", "key"), [("phantom", "data"), ("benchmark", "data@phantom")]
)
def test_every_phantom_composes(entry_point, key, name):
    config = composed(entry_point, f"{key}={name}")
    found = config.data if entry_point == "phantom" else config.phantom
    assert type(found) is sources.PhantomData
    assert found.name == "phantom"


@pytest.mark.parametrize("name", PHANTOMS)
@pytest.mark.parametrize("group", ["tissue", "imaging"])
def test_every_tissue_and_imaging_composes(name, group):
    for option in names(f"data/{group}"):
        composed("phantom", f"data={name}", f"data/{group}={option}")


def test_every_task_has_a_schema():
    assert set(TASKS) == set(schema.TASKS)


@pytest.mark.parametrize("name", TASKS)
def test_every_task_composes_to_its_schema_under_its_name(name):
    config = composed("evaluate", f"task={name}")
    assert type(config.task) is schema.TASKS[name]
    assert config.task.name == name


@pytest.mark.parametrize("name", DATA)
def test_a_checkpoint_can_be_scored_on_all_data(name):
    files = ("data.image=a.tif",) if name == "files" else ()
    config = composed("evaluate", "checkpoint=a", f"data={name}", *files)
    assert isinstance(config.data, sources.Data)
    assert (config.prediction, config.truth, config.split) == (None, None, "validation")


@pytest.mark.parametrize("name", [name for name in DATA if name in DATASETS and name != "phantom"])
def test_every_named_set_composes_under_its_name(name):
    config = composed("contact_sheet", f"data@pairs.vnc.real={name}")
    assert type(config.pairs["vnc"].real) is sources.NamedData
    assert config.pairs["vnc"].real.name == name


def test_files_compose():
    config = compose("data/files", overrides=["data.image=a.tif", "data.voxel_size_nm=[30,6,6]"])
    data = OmegaConf.to_object(config.data)
    assert isinstance(data, sources.FilesData)
    assert (data.image, data.labels, data.voxel_size_nm) == ("a.tif", None, [30.0, 6.0, 6.0])


def test_the_data_root_is_that_of_the_environment(monkeypatch):
    monkeypatch.setenv("NEUROPIL_DATA", "somewhere")
    assert composed("benchmark").root == "somewhere"
    assert composed("contact_sheet").pairs["vnc"].real.root == "somewhere"
    monkeypatch.delenv("NEUROPIL_DATA")
    assert composed("benchmark").root is None


@pytest.mark.parametrize(
    ("mirror", "mirrored"),
    [
        (sources.Tissue, Tissue),
        (sources.Imaging, Imaging),
        (sources.PhantomData, PhantomParameters),
    ],
)
def test_the_schema_mirrors_the_parameters_of_the_phantom(mirror, mirrored):
    """Same fields, same defaults, in the same order; the seed is a key of the run."""
    wanted = dataclasses.asdict(mirrored())
    wanted.pop("seed", None)
    found = dataclasses.asdict(mirror())
    if mirror is sources.PhantomData:
        found = {name: value for name, value in found.items() if name not in ("name", "split")}
    assert list(found) == list(wanted)
    assert found == {
        name: list(value) if isinstance(value, tuple) else value for name, value in wanted.items()
    }


def test_the_phantom_of_the_yaml_is_the_phantom_of_the_dataclass():
    data = composed("phantom").data
    assert dataclasses.replace(data, name="???") == sources.PhantomData(name="???")
