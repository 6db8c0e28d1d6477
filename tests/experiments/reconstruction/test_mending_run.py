"""The main job with a MergeNet: its stage is there where weights are; the report tells of it."""

import json
from pathlib import Path

import jax
import jax.numpy as jnp
import numpy as np
import pytest
from flax import nnx

from data.opening import open_volume
from experiments.reconstruction import run as reconstruction
from experiments.reconstruction import second_look
from experiments.reconstruction.mending_summary import read_flags
from experiments.reconstruction.settings import composed
from experiments.reconstruction.stages import prediction
from experiments.reconstruction.weights import merge_weights
from models.architecture import Architecture, build
from models.merge_weights import save_merge_weights
from models.mergenet import MergeArchitecture, MergeNet
from models.weights import save_weights
from ops.shape_windows import cut_windows

SIZES = MergeArchitecture((8, 8, 8), 30.0, width=2, levels=1, least_voxels=20)


@pytest.fixture(scope="module")
def folder(tmp_path_factory) -> Path:
    """Weights that have learnt nothing."""
    folder = tmp_path_factory.mktemp("weights")
    sizes = Architecture("unet2d", ("membrane",), width=4, levels=1)
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        params = nnx.state(build(sizes, nnx.Rngs(0)), nnx.Param)
        save_weights(folder / "membrane.npz", sizes, params, {"voxel_size_nm": [30, 6, 6]})
        shapes = nnx.state(nnx.eval_shape(lambda: MergeNet(SIZES, rngs=nnx.Rngs(0))), nnx.Param)
        zeros = jax.tree.map(lambda leaf: jnp.asarray(np.zeros(leaf.shape, leaf.dtype)), shapes)
        save_merge_weights(folder / "mergenet.npz", SIZES, zeros, {})
    return folder


def words(folder: Path, *more: str) -> list[str]:
    return [
        *("data=phantom", "data.shape=[8,64,96]", f"weights={folder / 'membrane.npz'}"),
        *("synapses.evidence=[]", "agglomeration.threshold=0.9", *more),
    ]


def more_ink(network, labels, ids, centres, mirrored=False):
    """The larger, the likelier: so that every division is better."""
    ink = cut_windows(labels, ids, centres, SIZES.window).sum(axis=(1, 2, 3))
    return (ink / (ink + 100)).astype(np.float32)


def test_the_run_divides_lists_and_reports(tmp_path, folder, monkeypatch):
    monkeypatch.setattr(prediction, "CHUNK", (2, 32, 32))
    monkeypatch.setattr(second_look, "scan", more_ink)
    asked = (f"merge_errors.weights={folder / 'mergenet.npz'}", "merge_errors.probability=0.0")
    config = composed(
        words(folder, *asked, "merge_errors.boundary_weight=0.0", "merge_errors.least_gain=0.0")
    )
    with jax.numpy_dtype_promotion("standard"), jax.numpy_rank_promotion("allow"):
        reconstruction.run(config, tmp_path)
    told = json.loads((tmp_path / "metrics.json").read_text())["merge_errors"]
    flags = read_flags(tmp_path)
    divided = [flag for flag in flags if flag["action"] == "divided"]
    assert (told["flagged"], told["divided"]) == (len(flags), len(divided))
    assert divided
    ids = set(np.unique(open_volume(str(tmp_path / "segmentation.zarr")).read()).tolist())
    assert {int(flag[name]) for flag in divided for name in ("object", "split_off")} <= ids
    assert told["after"]["vi_merge"] <= told["before"]["vi_merge"]
    assert told["after"]["vi_split"] >= told["before"]["vi_split"]
    page = (tmp_path / "report.html").read_text()
    for said in ("Merge errors", "split_off", f"{len(divided)} of them were divided"):
        assert said in page


@pytest.mark.parametrize("more", [(), ("merge_errors.weights=none",)])
def test_without_a_mergenet_there_is_nothing_to_look_with(folder, more):
    assert merge_weights(composed(words(folder, *more))) is None


def test_a_set_that_has_one_may_be_told_to_leave_it(folder):
    path = folder / "mergenet.npz"
    assert merge_weights(composed(words(folder, f"merge_errors.weights={path}"))) == path


@pytest.mark.parametrize(
    ("name", "said", "kind"),
    [
        ("nowhere/mergenet", "nowhere/mergenet", FileNotFoundError),
        ("phantom/membrane", "other weights than those of a MergeNet", ValueError),
    ],
)
def test_other_weights_are_refused_before_any_work(tmp_path, folder, name, said, kind):
    config = composed(words(folder, f"merge_errors.weights={name}"))
    with pytest.raises(kind, match=said):
        reconstruction.run(config, tmp_path)
    assert not list(tmp_path.iterdir())
