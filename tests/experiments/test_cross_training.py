"""Training of the cross-classifier: its pairs, its figures, going on bit for bit, bad input."""

import dataclasses
import itertools
import json
import os
import signal
from pathlib import Path

import jax
import numpy as np
import pytest
import tifffile
from flax import nnx
from hydra import compose, initialize_config_module
from omegaconf import OmegaConf

from configs import schema
from configs.training import TrainRun
from data.augment import Augmentation
from data.normalisation import GreyScale
from data.volume import from_array
from experiments.training import crossing, loop
from experiments.training.batches import Sampling
from experiments.training.crossing_validation import count_right, digits_for, spread_pairs
from experiments.training.layers import TrainingData
from experiments.training.pairs import MOST_CELLS, draw_cells, draw_pair, paint, pair_batches
from models.architecture import Architecture, build
from models.cross_classifier import CrossArchitecture
from models.cross_weights import load_cross_weights
from models.weights import save_weights

TINY = (
    *("model=cross_classifier", "model.width=4", "model.levels=1", "model.crop_shape=[3,32,32]"),
    *("steps=6", "batch_size=2", "validate_every=3", "save_every=2", "tracker=disabled"),
)
PHANTOM = ("data.shape=[4,96,96]",)
SAMPLING = Sampling((3, 32, 32), 2, Augmentation())
SIZES = CrossArchitecture(letters=4, width=4, levels=1)


@pytest.fixture(autouse=True)
def like_a_user():
    """optax mixes number types, which the strict setting of the tests refuses."""
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        yield


@pytest.fixture(scope="module")
def tissue():
    """Squares of neurites that shift from section to section, and are as bright as their id."""
    y, x = np.indices((64, 64)) // 12
    ids = np.stack([1 + np.roll(6 * y + x, 2 * z, axis=1) for z in range(5)]).astype(np.uint32)
    layers = {"image": (4 * ids).astype(np.uint8), "neurites": ids}
    stack = {name: from_array(a, (30.0, 6.0, 6.0), name=name) for name, a in layers.items()}
    return TrainingData((stack,), GreyScale(0.3, 0.2))


def configured(*overrides: str) -> TrainRun:
    schema.register()
    with initialize_config_module("configs", version_base="1.3"):
        found = OmegaConf.to_object(compose("train", overrides=[*overrides]))
    assert isinstance(found, TrainRun)
    return found


def trained(folder: Path, *overrides: str) -> dict[str, float]:
    folder.mkdir(exist_ok=True)
    return crossing.run(configured(*PHANTOM, *TINY, *overrides), folder)


def left_behind(folder: Path) -> list:
    """All that a training leaves, as bytes."""
    params = jax.tree.leaves(load_cross_weights(folder / "best.npz")[1])
    texts = [(folder / name).read_bytes() for name in ("metrics.jsonl", "metrics.json")]
    return [*texts, *(np.asarray(array).tobytes() for array in params)]


def test_a_run_leaves_its_record_and_goes_on_bit_for_bit(tmp_path, tissue, monkeypatch):
    monkeypatch.setattr(crossing, "load_pairs", lambda *_: tissue)
    figures = trained(tmp_path / "whole")
    assert set(figures) == {"pixel_accuracy", "object_accuracy", "code_accuracy"}
    assert all(0 <= value <= 1 for value in figures.values())
    final = json.loads((tmp_path / "whole" / "metrics.json").read_text())
    assert final["score"] >= final["code_accuracy"] == figures["code_accuracy"]
    assert (tmp_path / "whole" / "samples" / "000006" / "sample.png").stat().st_size > 1000

    def interrupt(values, at, folder):
        if at == 3:
            os.kill(os.getpid(), signal.SIGTERM)

    with monkeypatch.context() as patch, pytest.raises(SystemExit) as stopped:
        patch.setattr(loop, "check_finite", interrupt)
        trained(tmp_path / "cut")
    assert stopped.value.code == 128 + signal.SIGTERM
    trained(tmp_path / "cut", f"resume={tmp_path / 'cut'}")
    assert left_behind(tmp_path / "whole") == left_behind(tmp_path / "cut")
    monkeypatch.setattr(crossing, "load_pairs", lambda *_: pytest.fail("ran again"))
    trained(tmp_path / "whole")


def test_it_starts_from_weights_and_sees_membranes(tmp_path):
    membranes = Architecture("shallow", ("membrane",), width=2, levels=1)
    params = nnx.state(build(membranes, nnx.Rngs(0)), nnx.Param)
    save_weights(tmp_path / "membrane.npz", membranes, params, {})
    chosen = (f"model.membranes={tmp_path / 'membrane.npz'}", "steps=2")
    trained(tmp_path / "first", *chosen)
    assert load_cross_weights(tmp_path / "first" / "best.npz")[0].membranes
    with pytest.raises(ValueError, match="membranes=True"):
        trained(tmp_path / "other", "steps=2", f"weights={tmp_path / 'first' / 'best.npz'}")


def test_batch_k_depends_on_the_seed_and_k_alone(tissue):
    def first(seed, start):
        return next(pair_batches(tissue, SIZES, SAMPLING, seed, start))

    batches = list(itertools.islice(pair_batches(tissue, SIZES, SAMPLING, 0), 3))
    for name, array in dataclasses.asdict(batches[2]).items():
        np.testing.assert_array_equal(array, getattr(first(0, 2), name))
        assert (array != getattr(first(1, 2), name)).any(), name


def test_batches_hold_sections_and_colours_of_the_right_kind(tissue):
    batch = next(pair_batches(tissue, SIZES, SAMPLING, 0))
    assert batch.source.shape == batch.target.shape == (2, 32, 32, 1)
    assert batch.colours.shape == batch.answers.shape == (2, 32, 32)
    assert batch.colours.min() >= 0 and batch.colours.max() <= 4
    for colours, answers in zip(batch.colours, batch.answers, strict=True):
        assert set(np.unique(answers)) <= {0, *np.unique(colours)}


def test_targets_permute_as_letters_do():
    """Whatever letters are drawn, the source and the target wear them alike, and all come up."""
    pieces = np.arange(40, dtype=np.uint32).reshape(5, 8)
    followed = np.roll(pieces, 3)
    drawn = []
    for seed in range(50):
        colours, answers = paint(pieces, followed, 4, np.random.default_rng(seed))
        np.testing.assert_array_equal(answers, np.roll(colours, 3))
        assert colours[0, 0] == 0
        drawn.append(colours.ravel()[1:])
    counts = np.stack([(np.stack(drawn) == letter).sum(axis=0) for letter in range(1, 5)])
    assert counts.sum(axis=0).tolist() == [50] * 39
    assert counts.min() > 0 and np.abs(counts.sum(axis=1) / 1950 - 0.25).max() < 0.05


def test_pairs_are_drawn_forward_and_backward_and_sometimes_far_apart():
    rng = np.random.default_rng(0)
    pairs = {draw_pair(3, rng) for _ in range(200)}
    assert pairs == {(0, 1), (1, 0), (1, 2), (2, 1), (0, 2), (2, 0)}
    assert {draw_pair(2, rng) for _ in range(50)} == {(0, 1), (1, 0)}


def test_cells_are_few_and_each_point_of_a_cell_is_nearest_to_its_centre():
    for seed in range(5):
        cells = draw_cells((24, 40), np.random.default_rng(seed))
        assert cells.shape == (24, 40) and cells.dtype == np.uint32
        assert 2 <= len(np.unique(cells)) <= MOST_CELLS
        np.testing.assert_array_equal(draw_cells((24, 40), np.random.default_rng(seed)), cells)
        for number in np.unique(cells):  # a convex part of the plane: no row has gaps
            for line in cells == number:
                assert np.count_nonzero(np.diff(line.astype(int))) <= 2


def test_figures_by_hand():
    """Piece 1 has three pixels, 2 and 3 one; the last pixel is of no piece."""
    followed = np.array([[1, 1, 1, 2, 3, 0, 0]], np.uint32)
    answers = np.array([[[1, 1, 1, 2, 1, 0, 0]], [[2, 2, 2, 2, 1, 0, 0]]], np.uint8)
    found = np.array([[[1, 1, 3, 2, 2, 0, 1]], [[2, 1, 1, 2, 1, 0, 0]]], np.uint8)
    labelled = np.array([[True] * 6 + [False]])
    counts = count_right(found, answers, followed, labelled)
    assert counts.tolist() == [[8, 12], [4, 6], [3, 6]]


def test_a_code_is_as_long_as_it_must_be():
    assert [digits_for(n, 4) for n in (0, 1, 4, 5, 16, 17, 200)] == [1, 1, 1, 2, 2, 3, 4]
    assert spread_pairs(2) == [(0, 1)] and spread_pairs(3) == [(0, 1), (2, 1)]
    many = spread_pairs(100)
    assert len(many) == 12 and many[0] == (0, 1) and many[-1] == (99, 98)


@pytest.mark.parametrize(
    ("overrides", "words"),
    [
        (["model.crop_shape=[1,32,32]"], "needs at least two sections"),
        (["model.crop_shape=[3,128,32]"], "each from 1 to"),
        (["model.letters=0"], "letters=0; needs 1 to 255"),
        (["data.shape=[1,96,96]"], "got a single section"),
        (["model.membranes=sstem_fly/cleft"], "needs one of affinities or membranes"),
        (["weights=phantom/membrane"], "other weights than those of a cross-classifier"),
    ],
)
def test_what_cannot_be_trained_is_refused_before_the_first_step(tmp_path, overrides, words):
    with pytest.raises(ValueError, match=words):
        trained(tmp_path, *overrides)
    assert not (tmp_path / "metrics.jsonl").exists()


def test_data_without_neurites_are_refused(tmp_path):
    tifffile.imwrite(
        tmp_path / "image.tif", np.zeros((3, 32, 32), np.uint8), photometric="minisblack"
    )
    words = ["data=files", f"data.image={tmp_path / 'image.tif'}", "data.voxel_size_nm=[30,6,6]"]
    config = configured(*TINY, *words)
    with pytest.raises(ValueError, match="needs labels of neurites"):
        crossing.run(config, tmp_path)
