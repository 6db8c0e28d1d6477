"""`checkpoint=... data=...`: what is predicted, by which task and thresholds it is scored."""

import dataclasses
from pathlib import Path
from typing import Any

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf
from scipy import ndimage

from configs import schema
from configs.sources import Data
from configs.training import TrainingTargets
from data.normalisation import GreyScale, as_grey
from data.opening import open_volume
from data.volume import from_array
from experiments.evaluation.checkpoint import fitting_task, with_thresholds
from experiments.evaluation.provenance import provenance
from experiments.evaluation.run import run
from experiments.evaluation.stacks import gap_sections, join, predict_layers, write_layers
from experiments.source import Source, open_source
from experiments.training.layers import TrainingData, load_layers
from models.architecture import Architecture, build
from models.weights import save_weights
from ops.metrics.contingency import count_pairs
from ops.metrics.instances import instance_metrics

TINY = (
    "data=phantom",
    "data.shape=[6,128,128]",
    "data.tissue.synapses_per_um3=40",
)
GIVEN = ("checkpoint=CHECKPOINT", *TINY)
TARGETS = {"membrane_nm": 30.0, "cleft_dilation_nm": 0.0, "vesicle_gap_nm": 8.0}
GROWN: dict[tuple[str, int], Source] = {}
AFFINITIES = ("affinity(0,-1,0)", "affinity(-1,0,0)")


@pytest.fixture(autouse=True)
def phantoms_once(monkeypatch):
    """Each phantom is grown once for all tests."""
    monkeypatch.setattr("experiments.training.layers.open_source", open_once)


def open_once(data: Data, seed: int) -> Source:
    key = (repr(data), seed)
    if key not in GROWN:
        GROWN[key] = open_source(data, seed)
    return GROWN[key]


def configured(*overrides: str) -> Any:
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose("evaluate", overrides=list(overrides)))


def as_plain(data: Data, **changes) -> dict[str, Any]:
    return dataclasses.asdict(dataclasses.replace(data, **changes))


def architecture_of(*outputs: str) -> Architecture:
    return Architecture("shallow", outputs, width=4, levels=1, sections=3)


def network_of(*outputs: str):
    return build(architecture_of(*outputs), nnx.Rngs(7))


@pytest.fixture
def trained(tmp_path):
    """A run directory, as of a training, with random weights; gives its path."""
    number = iter(range(100))

    def save(*outputs: str, validation=(), **config) -> str:
        folder = tmp_path / f"training{next(number)}"
        folder.mkdir()
        config = {"model": {"targets": TARGETS}, **config}
        card = {"config": config, "step": 40, "validation": dict(validation)}
        params = nnx.state(network_of(*outputs), nnx.Param)
        save_weights(folder / "best.npz", architecture_of(*outputs), params, card)
        return str(folder)

    return save


@pytest.fixture
def scored(tmp_path, record_of):
    """Evaluates a checkpoint; gives the record."""
    number = iter(range(100))

    def start(checkpoint: str, *overrides: str):
        folder = tmp_path / f"scored{next(number)}"
        folder.mkdir()
        data = () if any(o.startswith("data=") for o in overrides) else TINY
        draws = "resampling.draws=3"
        run(configured(f"checkpoint={checkpoint}", *data, draws, *overrides), folder)
        return record_of(folder)

    return start


@pytest.fixture
def refused(tmp_path):
    """Evaluates what cannot be; gives the words of the error. Nothing may be left behind."""

    def start(*overrides: str) -> str:
        folder = tmp_path / "refused"
        folder.mkdir()
        with pytest.raises((ValueError, OSError)) as error:
            run(configured(*overrides), folder)
        assert not list(folder.iterdir())
        return str(error.value)

    return start


def voxels(record, name: str) -> np.ndarray:
    return open_volume(str(record.folder / f"{name}.zarr")).read()


def phantom_at(split: str) -> dict[str, np.ndarray]:
    data = dataclasses.replace(configured(*TINY).data, split=split)
    (layers,) = open_once(data, 0).volumes
    return {name: volume.read() for name, volume in layers.items()}


def probabilities(image: np.ndarray, *outputs: str) -> np.ndarray:
    """The network on the whole image at once, beyond whose ends it sees as many zeros."""
    grey = as_grey(image)
    values = grey[grey > 0]
    scaled = jnp.asarray((grey - values.mean()) / values.std(), jnp.float32)
    return np.asarray(jax.nn.sigmoid(network_of(*outputs)(scaled[None, ..., None])))[0]


def f1(claimed: np.ndarray, true: np.ndarray) -> float:
    return 2 * (claimed & true).sum() / (claimed.sum() + true.sum())


def test_membranes_are_predicted_and_scored_by_their_task(trained, scored, evaluate):
    record = scored(trained("membrane", validation={"membrane/threshold": 0.48}))
    tissue, found = phantom_at("validation"), voxels(record, "prediction")
    assert found.dtype == np.uint8
    assert (
        np.abs(found / 255 - probabilities(tissue["image"], "membrane")[..., 0]).max() < 0.6 / 255
    )
    assert np.array_equal(voxels(record, "truth"), tissue["membrane"])
    assert np.array_equal(voxels(record, "image"), tissue["image"])
    assert open_volume(str(record.folder / "prediction.zarr")).voxel_size_nm == (30, 6, 6)
    assert record.value("pixel/membrane_f1") == pytest.approx(
        f1(found >= 0.48 * 255, tissue["membrane"] != 0)
    )
    paths = [str(record.folder / f"{name}.zarr") for name in ("prediction", "truth")]
    own = evaluate("membrane", *paths, "task.threshold=0.48", "resampling.draws=3")
    assert record.figures["metrics"] == own.figures["metrics"]


def test_the_record_says_what_was_scored_on_what(trained, scored):
    folder = trained("membrane")
    settings = ("task=membrane", "task.threshold=0.6", "task.sections=false")
    record = scored(folder, "split=test", *settings)
    assert record.metric("pixel/membrane_f1")["settings"] == {"threshold": 0.6}
    figures = record.figures
    assert {key: figures[key] for key in ("checkpoint", "data", "split", "task")} == {
        "checkpoint": folder,
        "data": "phantom",
        "split": "test",
        "task": "membrane",
    }
    assert figures["prediction"] == str(record.folder / "prediction.zarr")
    assert record.values("isbi2012") == {}
    about, threshold = figures["notes"]
    assert f"Weights {folder}/best.npz, step 40, output membrane, on phantom, split test" in about
    assert threshold == "The threshold was given by the user."
    assert about in (record.folder / "metrics.md").read_text()
    assert threshold in record.report
    assert {path.name for path in record.folder.iterdir()} == {
        *("environment.json", "metrics.json", "metrics.md", "report.html"),
        *("prediction.zarr", "truth.zarr", "image.zarr", "threshold_curve.csv", "reliability.csv"),
    }
    assert record.report.count("data:image/jpeg") == 6


@pytest.mark.parametrize(
    ("output", "given", "expected"),
    [
        ("membrane", {}, {"threshold": 0.3}),
        ("membrane", {"threshold": 0.6}, {"threshold": 0.6}),
        ("vesicle", {}, {"threshold": 0.5}),
        ("vesicle", {"threshold": 0.6}, {"threshold": 0.6}),
        ("cleft", {}, {"threshold": 0.7, "least_voxels": 50}),
        ("cleft", {"least_voxels": 9}, {"threshold": 0.7, "least_voxels": 9}),
        ("cleft", {"threshold": 0.6}, {"threshold": 0.6, "least_voxels": None}),
        ("affinity(0,-1,0)", {}, {"thresholds": [0.2], "channels": ["0_-1_0"]}),
        ("affinity(0,-1,0)", {"thresholds": [0.6]}, {"thresholds": [0.6], "channels": ["0_-1_0"]}),
    ],
)
def test_thresholds_are_those_given_or_those_of_the_training_or_a_half(output, given, expected):
    validation = {
        "membrane/threshold": 0.3,
        "cleft/threshold": 0.7,
        "cleft/least_voxels": 50,
        "affinity_0_-1_0/threshold": 0.2,
    }
    task = fitting_task(schema.SegmentationTask("segmentation"), [output])
    found = with_thresholds(dataclasses.replace(task, **given), [output], validation)
    assert {name: getattr(found, name) for name in expected} == expected


def test_clefts_have_the_threshold_and_least_size_of_the_training(trained, scored):
    chosen = {"cleft/threshold": 0.5, "cleft/least_voxels": 40}
    record = scored(trained("cleft", validation=chosen))
    truth, claimed = phantom_at("validation")["clefts"] != 0, voxels(record, "prediction") >= 127.5
    labels, count = ndimage.label(claimed, ndimage.generate_binary_structure(3, 2))
    sizes = np.bincount(labels.ravel(), minlength=count + 1)
    large = (sizes >= 40)[labels] & claimed
    assert claimed.sum() > large.sum() > 0
    assert record.value("pixel/cleft_voxel_f1") == pytest.approx(f1(large, truth))
    objects = record.metric("vesicle2015/synapse_f1")["settings"]["objects"]
    assert objects == "18-connected components, predicted ones of at least 40 voxels"
    assert record.metric("pixel/cleft_voxel_average_precision")["value"] > 0
    assert record.report.count("data:image/jpeg") == 6
    assert "Precision over recall" in record.report


def test_vesicles_are_scored_as_voxels_and_as_objects(trained, scored):
    record = scored(trained("vesicle", validation={"vesicle/threshold": 0.52}))
    truth, claimed = phantom_at("validation")["vesicles"] != 0, voxels(record, "prediction")
    claimed = claimed >= 0.52 * 255
    assert record.value("pixel/voxel_f1") == pytest.approx(f1(claimed, truth))
    table = count_pairs(*(ndimage.label(mask)[0] for mask in (truth, claimed)))
    for metric in instance_metrics(table, (0.5, 0.75)):
        assert record.value(metric.key) == pytest.approx(metric.value)
    assert record.figures["task"] == "instance"


def test_affinities_are_scored_by_their_boundaries_channel_by_channel(trained, scored):
    thresholds = {f"affinity_{o}/threshold": t for o, t in (("0_-1_0", 0.45), ("-1_0_0", 0.55))}
    record = scored(trained(*AFFINITIES, validation=thresholds))
    ids, found = phantom_at("validation")["neurites"], voxels(record, "prediction")
    same = (ids[:, 1:] == ids[:, :-1]) & (ids[:, 1:] != 0)
    expected = f1((255 - found[:, 1:, :, 0]) >= 0.45 * 255, ~same)
    assert record.value("pixel/boundary_0_-1_0_f1") == pytest.approx(expected)
    same = (ids[1:] == ids[:-1]) & (ids[1:] != 0)
    expected = f1((255 - found[1:, ..., 1]) >= 0.55 * 255, ~same)
    assert record.value("pixel/boundary_-1_0_0_f1") == pytest.approx(expected)
    assert not voxels(record, "mask")[0, ..., 1].any()
    assert len({m["name"] for m in record.figures["metrics"]}) == len(record.figures["metrics"])
    assert {"threshold_curve_0_-1_0.csv", "reliability_-1_0_0.csv"} <= {
        path.name for path in record.folder.iterdir()
    }


def test_one_of_several_outputs_is_chosen(trained, scored):
    folder = trained("membrane", "cleft", *AFFINITIES)
    record = scored(folder, "output=affinity_-1_0_0")
    expected = probabilities(phantom_at("validation")["image"], "membrane", "cleft", *AFFINITIES)
    found = voxels(record, "prediction")
    assert np.abs(found / 255 - expected[..., 3]).max() < 0.6 / 255
    assert record.value("pixel/boundary_-1_0_0_f1") > 0


def test_averaging_over_symmetries_makes_a_flipped_image_as_good(trained):
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (3, 12, 20), np.uint8)
    network = network_of("membrane")

    def predicted(image, augment):
        stack = {
            name: from_array(layer, (30, 6, 6))
            for name, layer in {"image": image, "membrane": image}.items()
        }
        data = TrainingData((stack,), GreyScale(0.5, 0.25))
        names = ("membrane",)
        return predict_layers(network, names, names, data, augment=augment)[0]["prediction"]

    once, flipped = predicted(image, True), predicted(image[:, ::-1], True)[:, ::-1]
    assert np.abs(once.astype(int) - flipped).max() <= 1
    plain, turned = predicted(image, False), predicted(image[:, ::-1], False)[:, ::-1]
    assert np.abs(plain.astype(int) - turned).max() > 1


def test_several_stacks_lie_below_each_other_and_what_is_between_is_not_scored(tmp_path):
    layers = [
        {"image": full(shape, 9), "truth": full(shape, 1), "mask": full(shape, 1)}
        for shape in ((2, 3, 4), (1, 5, 2))
    ]
    images = [from_array(stack["image"], (40, 4, 4), (7, 0, 0)) for stack in layers]
    assert gap_sections((40, 4, 4), 200) == 6
    assert gap_sections((40, 4, 4), None) == 0
    paths = write_layers(layers, images, 3, tmp_path)
    volume, mask = open_volume(paths["image"]), open_volume(paths["mask"]).read()
    assert volume.shape == (6, 5, 4)
    assert volume.offset == (0, 0, 0)
    assert np.array_equal(volume.read() == 9, mask == 1)
    assert mask[:2, :3].all() and mask[5, :, :2].all()
    assert mask.sum() == 2 * 3 * 4 + 5 * 2


def test_one_stack_keeps_its_place_and_needs_no_mask(tmp_path):
    stack = {"image": full((2, 3, 4), 9), "mask": full((2, 3, 4), 1)}
    image = from_array(stack["image"], (40, 4, 4), (7, 8, 9))
    paths = write_layers([stack], [image], 3, tmp_path)
    assert set(paths) == {"image"}
    assert open_volume(paths["image"]).offset == (7, 8, 9)


def test_stacks_of_voxels_of_two_sizes_are_refused(tmp_path):
    layers = [{"image": full((1, 2, 2), 9), "mask": full((1, 2, 2), 1)}] * 2
    images = [from_array(layers[0]["image"], size) for size in ((40, 4, 4), (40, 4, 5))]
    with pytest.raises(ValueError, match=r"needs one size in a split"):
        write_layers(layers, images, 3, tmp_path)


def test_channels_are_joined_too():
    assert join([np.ones((1, 2, 3, 2)), np.ones((2, 1, 3, 2))], 1).shape == (4, 2, 3, 2)


def full(shape: tuple[int, ...], value: int) -> np.ndarray:
    return np.full(shape, value, np.uint8)


def test_patches_with_labels_that_are_partly_unknown(trained, scored, data_root):
    data = ("data=hydra_vesicles", f"data.root={data_root}")
    record = scored(trained("vesicle"), *data)
    loaded = load_layers(
        dataclasses.replace(configured(*data).data, split="validation"),
        ["vesicles"],
        TrainingTargets(**TARGETS),
        0,
    )
    mask = voxels(record, "mask")
    known = [stack["known"].read() for stack in loaded.stacks]
    assert mask.shape == (30 * 5 + 29 * 3, 31, 31)
    assert np.array_equal(mask[8:13], known[1])
    assert mask.sum() == sum(int(layer.sum()) for layer in known)
    assert record.metric("pixel/voxel_f1")["counts"]["true_positives"] > 0
    assert "30 stacks are scored as one volume" in record.figures["notes"][-1]


@pytest.mark.parametrize(
    ("split", "seed", "words"),
    [
        ("validation", 3, ["Weights and thresholds were chosen on this very data"]),
        ("train", 3, ["The network learnt from this very data"]),
        ("test", 3, []),
        ("validation", 4, []),
    ],
)
def test_what_the_training_has_seen_is_told(split, seed, words):
    config = configured(*TINY, "checkpoint=x", f"split={split}", f"seed={seed}")
    trained_on = {"data": as_plain(config.data), "validation_split": "validation", "seed": 3}
    config.data.split = split
    notes = provenance(config, Path("a.npz"), {"config": trained_on}, ("membrane",), 1, 0)
    assert len(notes) == 2 + len(words)
    assert all(note.startswith(word) for note, word in zip(notes[2:], words, strict=True))


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        ([], "got no prediction and no truth; needs prediction=PATH truth=PATH, or checkpoint="),
        (["prediction=a.zarr"], "got no truth; needs prediction=PATH truth=PATH"),
        (["checkpoint=CHECKPOINT"], "without data; needs data=NAME"),
        (["data=phantom"], "got data=phantom without a checkpoint; needs checkpoint=RUN_DIR"),
        (["output=membrane"], "got output=membrane without a checkpoint"),
        (["augment=true"], "got augment=true without a checkpoint"),
        (["checkpoint=CHECKPOINT", "prediction=a"], "and prediction=a; needs one of both"),
        (["checkpoint=CHECKPOINT", "mask=a"], "and mask=a; needs one of both"),
        (["checkpoint=nowhere", "data=phantom"], "nowhere: there is no such file or folder"),
        ([*GIVEN, "output=clef"], "got output=clef; needs output=membrane or cleft, which"),
        (GIVEN, "got output=None; needs output=membrane or cleft"),
        (GIVEN, "-m output=membrane,cleft scores each in turn"),
        ([*GIVEN, "output=cleft", "task=membrane"], "for output cleft; needs task=cleft"),
        ([*GIVEN, "output=cleft", "baseline=a"], "got baseline=a for task=cleft"),
        ([*GIVEN, "output=cleft", "split=tes"], "phantom: got split 'tes'; needs one of train"),
        ([*GIVEN, "output=cleft", "data.split=test"], "needs split=test alone"),
        ([*GIVEN, "output=cleft", "resampling.draws=0"], "needs at least 1"),
        (
            [*GIVEN, "output=cleft", "data.tissue.synapses_per_um3=0"],
            "phantom, split validation: got no voxel labelled as clefts",
        ),
    ],
)
def test_what_cannot_be_scored_is_refused_before_anything_is_predicted(
    trained, refused, overrides, words
):
    folder = trained("membrane", "cleft")
    assert words in refused(*(o.replace("CHECKPOINT", folder) for o in overrides))


def test_labels_that_the_dataset_has_not(trained, refused, save):
    image = save(np.random.default_rng(0).integers(1, 9, (2, 16, 16)).astype(np.uint8))
    files = ("data=files", f"data.image={image}")
    words = refused(f"checkpoint={trained('cleft')}", *files)
    assert "files: got layers image; needs labels of clefts" in words


def test_files_are_scored_as_they_are_and_beside_another_prediction(trained, scored, save):
    rng = np.random.default_rng(0)
    image = rng.integers(1, 255, (2, 32, 32)).astype(np.uint8)
    labels = np.kron(rng.integers(1, 9, (2, 4, 4)), np.ones((1, 8, 8))).astype(np.uint32)
    files = ("data=files", f"data.image={save(image)}", f"data.labels={save(labels)}")
    first = scored(trained("membrane"), *files)
    assert voxels(first, "prediction").shape == image.shape
    assert first.figures["split"] == "all"
    assert "threshold is 0.5: the weights' card states none" in first.figures["notes"][1]
    baseline = f"baseline={first.folder}/prediction.zarr"
    again = scored(trained("membrane"), *files, baseline)
    assert again.value("pixel/membrane_f1_difference") == 0


def test_weights_whose_card_says_nothing_of_labels(tmp_path, refused):
    path = tmp_path / "bare.npz"
    params = nnx.state(network_of("membrane"), nnx.Param)
    save_weights(path, architecture_of("membrane"), params, {})
    words = refused(f"checkpoint={path}", *TINY)
    assert f"{path}: got a card without config.model.targets" in words


def test_the_help_tells_both_ways_of_calling():
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        config = compose("evaluate", return_hydra_config=True)
    header = config.hydra.help.header
    assert "experiments.evaluate prediction=PATH truth=PATH" in header
    assert "experiments.evaluate checkpoint=RUN_DIR data=phantom" in header
