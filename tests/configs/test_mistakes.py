"""A typo or a wrong type fails at composition, with the key named."""

import pytest
from hydra import compose, initialize_config_module
from hydra.errors import ConfigCompositionException, HydraException

from configs import schema


@pytest.fixture(autouse=True)
def hydra():
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        yield


@pytest.mark.parametrize("entry_point", list(schema.ENTRY_POINTS))
@pytest.mark.parametrize("override", ["sead=1", "seed=first", "seed=1.5"])
def test_a_wrong_key_or_type_on_the_command_line(entry_point, override):
    with pytest.raises(ConfigCompositionException, match=override.split("=")[0]):
        compose(entry_point, overrides=[override])


@pytest.mark.parametrize(
    "override",
    [
        "data.shap=[1,2,3]",
        "data.shape=[a,2,3]",
        "data.shape=3",
        "data.tissue.pitch=200",
        "data.tissue.pitch_nm=wide",
        "data.imaging.noise=[1]",
        "data.split=[train]",
    ],
)
def test_a_wrong_key_or_type_within_the_data(override):
    with pytest.raises(ConfigCompositionException, match=override.split("=")[0]):
        compose("phantom", overrides=[override])


@pytest.mark.parametrize(
    ("task", "override"),
    [
        ("segmentation", "task.convention=[gala]"),
        ("segmentation", "task.conventions=gala"),
        ("segmentation", "task.border_nm=wide"),
        ("segmentation", "task.worst=1.5"),
        ("membrane", "task.threshold=half"),
        ("membrane", "task.sections=some"),
        ("cleft", "task.ious=[0.5]"),
        ("instance", "task.ious=[half]"),
        ("skeleton", "task.merge_threshold=0.5"),
        ("partner", "task.min_synapses=[1]"),
        ("connectome", "task.min_synapses=1"),
    ],
)
def test_a_wrong_key_or_type_within_the_task(task, override):
    with pytest.raises(ConfigCompositionException, match=override.split("=")[0]):
        compose("evaluate", overrides=[f"task={task}", override])


@pytest.mark.parametrize(
    ("content", "key"),
    [
        ("shap: [8, 96, 96]", "shap"),
        ("shape: 8", "shape"),
        ("voxel_size_nm: [30, 6, wide]", "voxel_size_nm"),
        ("tissue: {pitch: 200}", "pitch"),
        ("imaging: {noise: loud}", "noise"),
    ],
)
def test_a_wrong_key_or_type_in_a_file(tmp_path, content, key):
    (tmp_path / "data").mkdir()
    text = f"defaults:\n  - phantom\n  - _self_\n\n{content}\n"
    (tmp_path / "data" / "broken.yaml").write_text(text)
    overrides = ["data=broken", f"hydra.searchpath=[file://{tmp_path}]"]
    with pytest.raises(ConfigCompositionException, match=key) as error:
        compose("phantom", overrides=overrides)
    assert "data/broken" in str(error.value)


def test_an_unknown_choice_lists_those_there_are():
    with pytest.raises(HydraException, match="phantom_fly"):
        compose("phantom", overrides=["data=fantom"])
    with pytest.raises(ConfigCompositionException, match="suite"):
        compose("benchmark", overrides=["suite=speed"])
    with pytest.raises(HydraException, match="connectome"):
        compose("evaluate", overrides=["task=connections"])


def test_data_that_an_entry_point_cannot_use_is_refused():
    with pytest.raises(ConfigCompositionException, match="NamedData is not a subclass"):
        compose("phantom", overrides=["data=snemi3d"])
