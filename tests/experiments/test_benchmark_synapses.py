"""Suite synapses: constants are chosen alike, gaps say why, and what is planted is found."""

import dataclasses
import json
from typing import cast

import jax
import numpy as np
import pytest
from flax import nnx
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema
from configs.training import ModelConfig
from data.volume import from_array
from experiments.benchmarks.run import run
from experiments.benchmarks.synapses import evidence, speed, suite, tissue
from experiments.benchmarks.synapses.choice import choose
from experiments.benchmarks.synapses.methods import FOREST, Cut, methods
from experiments.benchmarks.synapses.networks import Network, load_networks, segment
from experiments.benchmarks.synapses.parts import (
    Part,
    Parts,
    crop_to,
    cropped_part,
    phantom_parts,
    vnc_parts,
)
from experiments.benchmarks.synapses.scores import f1_of, scores_of
from experiments.benchmarks.synapses.speed import Speed
from experiments.benchmarks.synapses.table import accuracy_table, speed_table
from experiments.benchmarks.synapses.tissue import Row, measure_tissue
from experiments.drawings.synapses import draw_rivals
from experiments.source import Source, open_source
from models.architecture import Architecture, build
from models.cost import parameter_count

SIZE_NM = (30.0, 6.0, 6.0)
OUTPUTS = {"membrane": 1, "cleft": 1, "vesicle": 1, "joint": 3}


@pytest.fixture(autouse=True)
def like_a_user():
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


def composed(entry_point, *overrides):
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        return OmegaConf.to_object(compose(entry_point, overrides=list(overrides)))


def configured(*overrides) -> schema.BenchmarkRun:
    return cast(schema.BenchmarkRun, composed("benchmark", "suite=synapses", *overrides))


def parameters(*overrides) -> int:
    model = cast(ModelConfig, cast(schema.TrainRun, composed("train", *overrides)).model)
    architecture = Architecture(
        model.network,  # ty: ignore[invalid-argument-type]
        tuple(model.outputs),
        model.width,
        model.levels,
        model.sections,
    )
    return parameter_count(nnx.eval_shape(lambda: build(architecture, nnx.Rngs(0))))


def test_the_joint_network_has_as_many_parameters_as_the_light_ones_together():
    alone = sum(parameters(f"model={name}") for name in ("membrane", "cleft", "vesicle"))
    assert parameters("model=joint") == pytest.approx(alone, rel=0.02)


@pytest.mark.parametrize(
    ("joint", "light"),
    [
        ("phantom_joint", ("phantom_membrane", "phantom_cleft", "phantom_vesicle")),
        ("vnc_joint", ("sstem_fly_membrane", "sstem_fly_cleft")),
    ],
)
def test_so_have_the_networks_that_are_compared(joint, light):
    alone = sum(parameters(f"experiment={name}") for name in light)
    assert parameters(f"experiment={joint}") == pytest.approx(alone, rel=0.02)


def test_constants_are_chosen_one_by_one_and_the_middle_of_the_best():
    asked = []

    def score(cut: Cut) -> tuple[float, ...]:
        asked.append(cut)
        return (min(cut.threshold, 0.5), -abs(cut.min_slices - 3.0))

    options = {"threshold": (0.1, 0.5, 0.6, 0.7), "min_slices": (1, 3, 5)}
    best, highest = choose(Cut(), options, score)
    assert (best.threshold, best.min_slices, highest) == (0.6, 3, (0.5, 0))
    assert best.min_size_3d == Cut().min_size_3d
    assert len(asked) == len(set(asked))  # nothing is tried twice


def test_a_second_round_mends_what_a_later_constant_changed():
    together = {(0.1, 1): 1, (0.9, 1): 2, (0.9, 5): 3, (0.1, 5): 4}
    options = {"threshold": (0.1, 0.9), "min_slices": (1, 5)}
    best, highest = choose(
        Cut(), options, lambda cut: (float(together[cut.threshold, cut.min_slices]),)
    )
    assert (best.threshold, best.min_slices, highest) == (0.1, 5, (4.0,))


def test_scores_have_intervals_of_drawn_objects_or_wilsons_where_no_draw_differs():
    truth = np.zeros((3, 40, 60), np.int64)
    for number in range(8):
        truth[:, 5 * number : 5 * number + 3, 3:20] = number + 1
    found = truth.copy()
    found[truth == 8] = 0
    found[:, :4, 40:50] = 9
    assert f1_of(truth, found) == (14 / 16, 14 / 16)
    vesicle = scores_of(truth, found, draws=200, seed=0)
    f1 = {m.convention: m for m in vesicle if m.name == "synapse_f1"}["vesicle2015"]
    assert f1.value == 14 / 16 and f1.interval is not None
    assert 0.5 < f1.interval.low < 14 / 16 < f1.interval.high <= 1
    assert "200 draws of 9 objects" in f1.interval.method
    perfect = scores_of(truth, truth, draws=50, seed=0)
    assert all(m.value == 1 and m.interval is not None for m in perfect)
    assert all("Wilson" in m.interval.method for m in perfect if m.interval)
    nothing = scores_of(0 * truth, 0 * truth, draws=50, seed=0)
    assert all(metric.value is None for metric in nothing)


def planted_part(seed: int) -> Part:
    """Three neurites with a synapse on both borders: a dark band, vesicles on one side."""
    rng = np.random.default_rng(seed)
    shape = (8, 120, 160)
    neurites = np.repeat([1, 2, 3], 40)[None, :, None] * np.ones(shape, np.uint32)
    image, clefts, vesicles = (
        np.full(shape, 170.0),
        np.zeros(shape, bool),
        np.zeros(shape, np.uint8),
    )
    for y in (40, 80):
        image[:, y - 1 : y + 2] = 90
        x = int(rng.integers(20, 110))
        clefts[1:7, y - 4 : y + 4, x : x + 30] = True
        for dy, dx in [(dy, dx) for dy in (10, 20) for dx in (0, 10, 20)]:
            vesicles[1:7, y - dy - 3 : y - dy + 3, x + dx : x + dx + 6] = 1
    image[clefts], image[vesicles == 1] = 50, 120
    noisy = np.clip(image + rng.normal(0, 6, shape), 0, 255).astype(np.uint8)
    return Part(from_array(noisy, SIZE_NM), clefts, neurites.astype(np.uint32), vesicles)


def planted_maps(name, network, part):
    """What good networks would answer."""
    assert part.neurites is not None and part.vesicles is not None
    border = np.zeros(part.clefts.shape, bool)
    border[:, 1:] = part.neurites[:, 1:] != part.neurites[:, :-1]
    maps = {"membrane": border, "cleft": part.clefts, "vesicle": part.vesicles != 0}
    return {(name, o): (0.95 * maps[o]).astype(np.float32) for o in network.outputs}


@pytest.fixture
def networks(monkeypatch):
    """All of them, with the answers planted."""
    network = build(Architecture("shallow", ("membrane",), width=1, levels=1), nnx.Rngs(0))
    three = ("membrane", "cleft", "vesicle")
    found = {
        name: Network(name, three if name == "joint" else (name,), network) for name in OUTPUTS
    }
    monkeypatch.setattr(tissue, "load_networks", lambda weights: (found, {}))
    monkeypatch.setattr(evidence, "maps_of", planted_maps)
    monkeypatch.setattr(speed, "maps_of", planted_maps)
    return found


def settings_of(**changes) -> schema.SynapseSuite:
    small = {"trees": 8, "samples": 2000, "draws": 50, "speed_shape": [8, 120, 160]}
    return dataclasses.replace(configured().synapses, **{**small, **changes})


def parts() -> Parts:
    return Parts(*(planted_part(seed) for seed in range(3)))


@pytest.mark.usefixtures("networks")
def test_every_method_finds_planted_synapses_and_tells_its_speed(monkeypatch):
    few = [dataclasses.replace(m, options=dict([*m.options.items()][1:2])) for m in methods()]
    monkeypatch.setattr(tissue, "methods", lambda: few)
    settings = settings_of()
    rows = measure_tissue("planted", parts(), settings.phantom_weights, settings, rounds=1, seed=0)
    assert [row.method for row in rows] == [method.name for method in methods()]
    for row in rows:
        assert not row.missing and row.speed is not None
        scores = {m.convention: m.value for m in row.metrics if m.name == "synapse_f1"}
        assert scores == {"vesicle2015": 1.0, "one_to_one": 1.0}, row.method
        assert row.speed.all < min([*row.speed.networks.values(), *row.speed.steps.values()])
    speeds = [row.speed for row in rows if row.speed is not None]
    assert list(speeds[-1].steps) == ["vesicles", "features", "prediction", "objects"]
    assert set(speeds[3].networks) == {"joint"} and len(speeds[2].networks) == 3
    json.dumps([row.as_dict() for row in rows], allow_nan=False)


@pytest.mark.usefixtures("networks")
def test_a_forest_with_nothing_to_learn_is_missing_and_says_why(monkeypatch):
    monkeypatch.setattr(tissue, "methods", lambda: (methods()[0], methods()[-1]))
    empty = dataclasses.replace(planted_part(0), clefts=np.zeros((8, 120, 160), bool))
    settings = settings_of()
    three = Parts(empty, planted_part(1), planted_part(2))
    rows = measure_tissue("planted", three, settings.phantom_weights, settings, rounds=1, seed=0)
    assert "got 0 candidates in synapses" in rows[-1].missing
    assert not any(row.missing for row in rows[:-1])


def test_a_network_that_is_missing_or_lacks_an_output_says_so(networks, monkeypatch):
    others = {name: network for name, network in networks.items() if name != "vesicle"}
    joint = dataclasses.replace(others["joint"], outputs=("membrane", "cleft"))
    others["joint"] = joint
    reasons = {m.name: m.missing(others, {"vesicle": "no weights"}) for m in methods()}
    assert reasons == {
        "cleft": "",
        "cleft + membrane": "",
        "cleft + membrane + vesicle": "no weights",
        "joint net: cleft + membrane": "",
        "joint net: cleft + membrane + vesicle": "joint answers no vesicle",
        FOREST: "",
    }
    monkeypatch.setattr("experiments.benchmarks.synapses.methods.forest_module", lambda: None)
    assert "scikit-learn is not installed" in methods()[-1].missing(networks, {})


def test_weights_that_do_not_exist_are_told(tmp_path):
    wanted = dataclasses.replace(configured().synapses.phantom_weights, joint="no/such")
    found, missing = load_networks(wanted)
    assert set(found) == {"membrane", "cleft", "vesicle"}
    assert missing == {"joint": "no weights of no/such (no/such: there is no such file or folder)"}


def test_segments_lie_between_membranes():
    membrane = np.zeros((3, 60, 90), np.float32)
    membrane[:, 29:31] = 0.95
    ids = segment(membrane, SIZE_NM)
    assert len(np.unique(ids[:, :25])) == len(np.unique(ids[:, 35:])) == 1
    assert ids[0, 0, 0] != ids[0, -1, 0]


def test_the_parts_of_vnc_do_not_overlap(data_root):
    data = dataclasses.replace(configured().synapses.vnc, root=str(data_root))
    found = vnc_parts(data, (slice(0, 2), slice(None), slice(0, 8)))
    rows = [part.image.shape[1] for part in (found.learn, found.choose, found.score)]
    assert rows == [256, 256, 192]
    whole = open_source(dataclasses.replace(data, split="train"), 0).volumes[0]["image"]
    for part, first in ((found.learn, 0), (found.choose, 256)):
        expected = whole[0:2, first : first + 256, 0:8].read()
        np.testing.assert_array_equal(part.image.read(), expected)
    assert found.score.vesicles is None and found.score.neurites is None


def test_the_parts_of_the_phantom_are_its_splits(monkeypatch):
    asked = []

    def open_layers(data, seed):
        asked.append((data.split, seed))
        part = planted_part(len(asked))
        clefts = from_array(part.clefts.astype(np.uint8), SIZE_NM)
        return Source("phantom", data.split, ({"image": part.image, "clefts": clefts},))

    monkeypatch.setattr("experiments.benchmarks.synapses.parts.open_source", open_layers)
    found = phantom_parts(configured().synapses.phantom, 7, crop_to([4, 100, 200]))
    assert asked == [("train", 7), ("validation", 7), ("test", 7)]
    assert found.score.clefts.shape == (4, 100, 160) and found.score.neurites is None
    np.testing.assert_array_equal(found.choose.clefts, planted_part(2).clefts[:4, :100])


def test_a_part_is_cropped_in_all_its_layers():
    part = planted_part(0)
    crop = (slice(0, 4), slice(10, 50), slice(0, 30))
    found = cropped_part(part, crop)
    assert found.image.shape == found.clefts.shape == (4, 40, 30)
    np.testing.assert_array_equal(found.clefts, part.clefts[crop])


def row_of(method: str, value: float, rate: float) -> Row:
    truth = np.ones((1, 4, 4), np.int64)
    metrics = scores_of(truth, truth, draws=10, seed=0)
    metrics = tuple(dataclasses.replace(m, value=value, interval=None) for m in metrics)
    return Row("tissue", method, "", {}, 0.5, metrics, Speed({"cleft": rate}, {"rules": rate}))


def test_tables_and_picture_show_every_row():
    names = [method.name for method in methods()]
    rows = [row_of(name, 0.5, 40.0) for name in names[:4]]
    rows += [Row("tissue", names[4], "no weights"), row_of(FOREST, 0.25, 2.0)]
    accuracy, rates = accuracy_table(rows), speed_table(rows)
    assert "| tissue | cleft | 0.50 | 0.50 | 1, 0, 0 | 0.50 |" in accuracy
    assert f"| tissue | {names[4]} | missing: no weights |" in accuracy
    assert "| tissue | cleft | cleft 40 | rules 40 | 20 | 20 | 20 |" in rates
    assert "| tissue | VESICLE-RF | cleft 2 | rules 2 | 1 |  |  |" in rates
    axes = draw_rivals([row.as_dict() for row in rows]).figure.axes[0]
    assert f"missing:\n{names[4]}" in [text.get_text() for text in axes.texts]


def test_without_weights_or_data_the_suite_says_what_is_missing(tmp_path, monkeypatch):
    groups = ("phantom_weights", "vnc_weights")
    none = [f"synapses.{g}.{n}=no/such" for g in groups for n in OUTPUTS]
    monkeypatch.setattr(suite, "phantom_parts", lambda data, seed, crop: parts())
    run(configured(*none, f"synapses.vnc.root={tmp_path}/nowhere"), tmp_path)
    assert {path.name for path in tmp_path.iterdir()} == {
        "environment.json",
        *(f"synapses.{suffix}" for suffix in ("csv", "json", "md", "pdf", "png")),
    }
    rows = json.loads((tmp_path / "synapses.json").read_text())["rows"]
    assert len(rows) == 2 * len(methods())
    assert all("no weights of no/such" in row["missing"] for row in rows[:6])
    assert all(str(tmp_path) in row["missing"] for row in rows[6:])
    assert "missing: no weights" in (tmp_path / "synapses.md").read_text()
