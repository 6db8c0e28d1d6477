"""What all networks have in common: their face, what they see, and that they learn."""

import functools

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest
from flax import nnx

import models.convolution
import models.standardised
from models.folded import Folded, folded, unfolded
from models.images import neighbouring
from models.shallow import Shallow
from models.unet2d import UNet2d
from models.unet3d import UNet3d
from ops.winograd.core import activate

NETWORKS = {
    "shallow": lambda rngs: Shallow(2, width=4, levels=3, sections=3, rngs=rngs),
    "folded": lambda rngs: Folded(2, width=4, levels=2, sections=3, rngs=rngs),
    "unet2d": lambda rngs: UNet2d(2, width=4, levels=2, sections=3, rngs=rngs),
    "anisotropic": lambda rngs: UNet3d(2, width=4, levels=2, anisotropic_levels=1, rngs=rngs),
    "isotropic": lambda rngs: UNet3d(2, width=4, levels=2, rngs=rngs),
}
DEEP = {
    "deep_2d": lambda rngs: UNet2d(1, width=4, levels=3, rngs=rngs),
    "deep_3d": lambda rngs: UNet3d(1, width=2, levels=3, anisotropic_levels=1, rngs=rngs),
}


def draw(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


@pytest.fixture(scope="module")
def built(filled):
    """Networks by name."""
    return functools.cache(lambda name: filled((NETWORKS | DEEP)[name]))


@pytest.fixture(scope="module")
def compiled(built):
    """The network as a function, a pair of images, and logits of them, by name."""

    @functools.cache
    def compile_one(name):
        graph, state = nnx.split(built(name))
        forward = jax.jit(lambda images: nnx.merge(graph, state)(images))
        sizes = (max(2 * m, n) for m, n in zip(built(name).multiple, (2, 8, 8), strict=True))
        images = draw((2, *sizes, 1))
        return forward, images, forward(images)

    return compile_one


@pytest.fixture(params=NETWORKS)
def name(request):
    return request.param


@pytest.fixture
def plain_conv(monkeypatch):
    """XLA's convolution, in which a voxel that is not seen changes no bit."""

    def conv(x, w, *, bias, activation, padding="SAME", dilation=1, precision="default"):
        assert padding == "SAME"
        steps = (1, 1, 1) if dilation == 1 else dilation
        dimensions = ("NDHWC", "DHWIO", "NDHWC")
        y = jax.lax.conv_general_dilated(
            x, w, (1, 1, 1), "SAME", rhs_dilation=steps, dimension_numbers=dimensions
        )
        return activate(y + bias.reshape(1, 1, 1, 1, -1), activation)

    monkeypatch.setattr(models.convolution, "winograd_conv", conv)
    monkeypatch.setattr(models.standardised, "winograd_conv", conv)


@pytest.fixture
def unchecked(monkeypatch):
    """Types unchecked, as where users call it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def test_logits_have_the_size_of_the_images(name, built, compiled):
    _, images, logits = compiled(name)
    assert logits.shape == (*images.shape[:4], 2) and logits.dtype == jnp.float32
    assert built(name).channels == 2


def test_images_of_a_batch_do_not_meet(name, compiled):
    forward, images, logits = compiled(name)
    changed = forward(images.at[1].multiply(3.0))
    np.testing.assert_array_equal(changed[0], logits[0])
    assert np.abs(changed[1] - logits[1]).max() > 1e-3


@pytest.mark.usefixtures("plain_conv")
@pytest.mark.parametrize("name", [*NETWORKS, *DEEP])
def test_reach_is_how_far_an_output_sees(name, built):
    network = built(name)
    axes = list(enumerate(zip(network.reach, network.multiple, strict=True)))
    sizes = [(2 * reach // multiple + 2) * multiple for _, (reach, multiple) in axes]
    graph, state = nnx.split(network)
    images = draw((1, *sizes, 1))
    backward = jax.jit(
        lambda cotangent: jax.vjp(lambda x: nnx.merge(graph, state)(x), images)[1](cotangent)[0]
    )
    for axis, (reach, multiple) in axes:
        farthest, middle = 0, sizes[axis] // 2 // multiple * multiple
        for place in range(middle, middle + multiple):
            plane = np.zeros((1, *sizes, network.channels), np.float32)
            np.moveaxis(plane, axis + 1, 0)[place] = 1
            cotangent = draw(plane.shape, 1) * plane
            others = tuple(a for a in range(5) if a != axis + 1)
            seen = np.flatnonzero(np.abs(backward(cotangent)).sum(others))
            farthest = max(farthest, place - seen[0], seen[-1] - place)
        assert farthest == reach, axis


@pytest.mark.parametrize("name", [name for name in NETWORKS if name != "shallow"])
def test_sizes_must_be_multiples(name, built):
    z, y, x = built(name).multiple
    with pytest.raises(ValueError, match=rf"needs multiples of \({z}, {y}, {x}\): pad or crop"):
        built(name)(jnp.zeros((1, z, y, x + 1, 1)) if x > 1 else jnp.zeros((1, z + 1, y, x, 1)))


def test_the_shallow_network_takes_any_size(built):
    assert built("shallow")(jnp.zeros((1, 2, 5, 3, 1))).shape == (1, 2, 5, 3, 2)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize("shape", [(1, 1, 8, 8, 2), (1, 8, 8, 1)])
def test_images_must_have_one_grey_value(name, shape, built):
    with pytest.raises(ValueError, match=r"needs \(batch, z, y, x, 1\)"):
        built(name)(jnp.zeros(shape))


def test_steps_on_one_crop_lower_the_loss(name, built, compiled):
    _, images, _ = compiled(name)
    targets = jnp.concatenate([images > 0, images < 1], axis=-1).astype(jnp.float32)
    graph, params = nnx.split(built(name), nnx.Param)
    optimizer = optax.adam(1e-2)

    def loss_of(params):
        logits = nnx.merge(graph, params)(images)
        return optax.sigmoid_binary_cross_entropy(logits, targets).mean()

    @jax.jit
    def step(params, memory):
        loss, gradient = jax.value_and_grad(loss_of)(params)
        with jax.numpy_dtype_promotion("standard"):  # optax mixes dtypes
            updates, memory = optimizer.update(gradient, memory, params)
        return optax.apply_updates(params, updates), memory, loss, gradient

    memory, losses = optimizer.init(params), []
    for number in range(30):
        params, memory, loss, gradient = step(params, memory)
        for path, values in nnx.to_flat_state(gradient):
            assert np.isfinite(values[...]).all(), path
            assert number > 0 or np.abs(values[...]).max() > 0, path
        losses.append(float(loss))
    assert losses[-1] < 0.8 * losses[0]


@pytest.mark.parametrize("tree_mode", [True, False])
def test_a_network_is_the_same_in_both_modes_of_flax(name, tree_mode, built):
    with nnx.set_graph_mode(not tree_mode):
        graph, state = nnx.split(built(name))
        network = nnx.merge(graph, state)
        paths = [path for path, _ in nnx.to_flat_state(nnx.state(network, nnx.Param))]
    assert paths == [path for path, _ in nnx.to_flat_state(nnx.state(built(name)))]
    assert (network.reach, network.multiple) == (built(name).reach, built(name).multiple)


def test_the_first_answer_is_the_prior():
    network = Shallow(2, width=4, levels=1, prior=0.2, rngs=nnx.Rngs(0))
    probabilities = jax.nn.sigmoid(network(draw((1, 1, 32, 32, 1))))
    np.testing.assert_allclose(probabilities, 0.2, atol=0.05)


@pytest.mark.parametrize(
    ("network", "settings", "words"),
    [
        (Shallow, {"width": 0}, "got width=0"),
        (Shallow, {"levels": 0}, "levels=0; needs"),
        (Shallow, {"sections": 2}, "got sections=2; needs an odd number"),
        (Shallow, {"prior": 1.0}, r"needs a probability in \(0, 1\)"),
        (Folded, {"levels": 0}, "got levels=0"),
        (UNet2d, {"width": 0}, "got width=0"),
        (UNet2d, {"levels": 0}, "got levels=0"),
        (UNet2d, {"sections": 0}, "got sections=0"),
        (UNet3d, {"levels": 0}, "got levels=0"),
        (UNet3d, {"anisotropic_levels": 5}, "anisotropic_levels=5; needs"),
    ],
)
def test_sizes_out_of_range_are_refused(network, settings, words):
    with pytest.raises(ValueError, match=words):
        nnx.eval_shape(lambda: network(1, **settings, rngs=nnx.Rngs(0)))


def test_neighbouring_sections_are_seen_and_repeat_at_the_ends():
    images = draw((1, 4, 2, 2, 1))
    found = np.asarray(neighbouring(images, 3))
    np.testing.assert_array_equal(found[..., 1], images[..., 0])
    np.testing.assert_array_equal(found[:, 1:, ..., 0], images[:, :-1, ..., 0])
    np.testing.assert_array_equal(found[:, :-1, ..., 2], images[:, 1:, ..., 0])
    np.testing.assert_array_equal(found[:, 0, ..., 0], images[:, 0, ..., 0])
    np.testing.assert_array_equal(found[:, 3, ..., 2], images[:, 3, ..., 0])


@pytest.mark.parametrize("kind", [Shallow, Folded, UNet2d])
def test_without_the_ends_the_others_are_answered_as_before(kind):
    network = kind(2, width=4, levels=2, sections=3, rngs=nnx.Rngs(0))
    images = draw((2, 5, 16, 16, 1))
    whole, inner = np.asarray(network(images)), np.asarray(network(images, ends=False))
    np.testing.assert_allclose(inner, whole[:, 1:-1], rtol=1e-4, atol=1e-5)


def test_folding_makes_channels_of_squares_and_unfolding_undoes_it():
    image = jnp.arange(16.0, dtype=jnp.float32).reshape(1, 1, 4, 4, 1)
    np.testing.assert_array_equal(folded(image)[0, 0, 0, 1], [2, 3, 6, 7])
    images = draw((2, 3, 4, 6, 5))
    assert folded(images).shape == (2, 3, 2, 3, 20)
    np.testing.assert_array_equal(unfolded(folded(images)), images)
