"""Weights on disk: the same when they come back, and errors that name what is wrong."""

import json

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import pytest
from flax import nnx

from models.architecture import Architecture, build
from models.weights import load_weights, read_card, save_weights

SHALLOW = Architecture("shallow", ("membrane",), width=4, levels=2, prior=0.3)
NETWORKS = [
    SHALLOW,
    Architecture("unet2d", ("membrane", "cleft"), width=4, levels=2, sections=3),
    Architecture("unet3d", ("affinity(0,-1,0)",), width=4, levels=2, anisotropic_levels=1),
]
CARD = {"data": "phantom", "f1": 0.5, "licence": "Apache-2.0"}


def drawn(architecture):
    """A network's parameters, without compiling anything."""
    rng = np.random.default_rng(0)
    state = nnx.state(nnx.eval_shape(lambda: build(architecture, nnx.Rngs(0))), nnx.Param)
    return jax.tree.map(lambda v: jnp.asarray(rng.normal(size=v.shape), jnp.float32), state)


@pytest.fixture
def path(tmp_path):
    path = tmp_path / "weights.npz"
    save_weights(path, SHALLOW, drawn(SHALLOW), CARD)
    return path


@pytest.fixture
def unchecked(monkeypatch):
    """Types unchecked, as where users call it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def rewritten(path, **entries):
    """The file with other entries; None takes one away."""
    with np.load(path) as file:
        arrays = {name: file[name] for name in file.files} | entries
    np.savez(path, **{name: array for name, array in arrays.items() if array is not None})


def about(path, **values):
    with np.load(path) as file:
        return np.array(json.dumps(json.loads(str(file["about"])) | values))


@pytest.mark.parametrize("architecture", NETWORKS)
@pytest.mark.parametrize("tree_mode", [True, False])
def test_weights_go_round_bit_by_bit(tmp_path, architecture, tree_mode):
    params = drawn(architecture)
    with nnx.set_graph_mode(not tree_mode):
        save_weights(tmp_path / "weights.npz", architecture, params, CARD)
        found, loaded = load_weights(tmp_path / "weights.npz", architecture)
        graph, _ = nnx.split(nnx.eval_shape(lambda: build(found, nnx.Rngs(0))))
        network = nnx.merge(graph, loaded)
    assert found == architecture and network.channels == len(architecture.outputs)
    assert jax.tree.structure(loaded) == jax.tree.structure(params)
    assert jax.tree.all(jax.tree.map(np.array_equal, loaded, params))
    assert [file.name for file in tmp_path.iterdir()] == ["weights.npz"]


def test_a_built_network_takes_loaded_weights(path):
    network = build(SHALLOW, nnx.Rngs(1))
    nnx.update(network, load_weights(path)[1])
    assert jax.tree.all(jax.tree.map(np.array_equal, nnx.state(network), drawn(SHALLOW)))


def test_half_precision_halves_the_file(tmp_path, path):
    half = tmp_path / "half.npz"
    save_weights(half, SHALLOW, drawn(SHALLOW), CARD, storage="float16")
    _, loaded = load_weights(half)
    for found, expected in zip(
        jax.tree.leaves(loaded), jax.tree.leaves(drawn(SHALLOW)), strict=True
    ):
        assert found.dtype == jnp.float32
        np.testing.assert_allclose(found, expected, rtol=5e-4, atol=1e-6)
    with np.load(half) as small, np.load(path) as large:
        numbers = [sum(f[n].nbytes for n in f.files if n != "about") for f in (small, large)]
    assert 2 * numbers[0] == numbers[1]


def test_names_are_paths_and_the_card_comes_along(path):
    with np.load(path) as file:
        assert file["parameters/levels/1/0/kernel"].shape == (1, 3, 3, 4, 4)
    assert read_card(path) == CARD


@pytest.mark.parametrize("left", [0.0, 0.3, 0.9, 0.999])
def test_a_file_that_is_cut_off_says_so(path, left):
    path.write_bytes(path.read_bytes()[: int(left * path.stat().st_size)])
    with pytest.raises(ValueError, match=r"weights.npz: not a whole file of weights"):
        load_weights(path)


def test_a_flipped_bit_is_found(path):
    data = bytearray(path.read_bytes())
    data[len(data) // 2] ^= 1
    path.write_bytes(data)
    with pytest.raises(ValueError, match=r"weights.npz: not a whole file"):
        load_weights(path)


@pytest.mark.parametrize("content", [b"PK", b"nothing", b"\x93NUMPY"])
def test_other_files_are_refused(path, content):
    path.write_bytes(content)
    with pytest.raises(ValueError, match=r"weights.npz: not a whole file of weights"):
        load_weights(path)


def test_a_single_array_or_another_npz_is_refused(path):
    np.savez(path, kernel=np.zeros(3))
    with pytest.raises(ValueError, match=r"weights.npz: not a whole file of weights"):
        read_card(path)
    with path.open("wb") as file:
        np.save(file, np.zeros(3))
    with pytest.raises(ValueError, match=r"weights.npz: not a whole file of weights"):
        read_card(path)


def test_a_missing_file_is_named(tmp_path):
    with pytest.raises(FileNotFoundError, match=r"absent.npz: no such file"):
        load_weights(tmp_path / "absent.npz")


def test_another_version_is_refused_with_both(path):
    rewritten(path, about=about(path, version=7))
    with pytest.raises(ValueError, match=r"weights.npz: got version=7; needs 1"):
        load_weights(path)


@pytest.mark.usefixtures("unchecked")
def test_another_architecture_is_refused_with_both(path):
    needed = Architecture("shallow", ("membrane",), width=8, levels=2)
    with pytest.raises(ValueError, match=r"weights.npz: got width=4; needs 8"):
        load_weights(path, needed)
    text = SHALLOW.to_json().replace("shallow", "resnet")
    rewritten(path, about=about(path, architecture=text))
    with pytest.raises(ValueError, match=r"weights.npz: got network='resnet'; needs one of"):
        load_weights(path)


def test_arrays_must_be_those_of_the_architecture(path):
    kernel = "parameters/first/kernel"
    rewritten(path, **{kernel: np.zeros((1, 3, 3, 1, 5), np.float32)})
    wanted = r"got first/kernel of shape \(1, 3, 3, 1, 5\); needs \(1, 3, 3, 1, 4\)"
    with pytest.raises(ValueError, match=wanted):
        load_weights(path)
    rewritten(path, **{kernel: None})
    with pytest.raises(ValueError, match="parameter 'first/kernel' is missing"):
        load_weights(path)


def test_what_cannot_be_stored_leaves_the_old_file(path):
    before = path.read_bytes()
    large = jax.tree.map(lambda values: values * 1e5, drawn(SHALLOW))
    with pytest.raises(ValueError, match="not finite as float16"):
        save_weights(path, SHALLOW, large, CARD, storage="float16")
    with pytest.raises(TypeError):
        save_weights(path, SHALLOW, drawn(SHALLOW), {"card": object()})
    assert path.read_bytes() == before and len(list(path.parent.iterdir())) == 1


def test_the_name_must_end_in_npz(tmp_path):
    with pytest.raises(ValueError, match=r"needs a name that ends in .npz"):
        save_weights(tmp_path / "weights", SHALLOW, drawn(SHALLOW), CARD)
