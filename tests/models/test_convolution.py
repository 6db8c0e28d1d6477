"""The layer against flax's own, with the same state."""

import math
from typing import Any

import jax
import jax.numpy as jnp
import jaxtyping
import numpy as np
import optax
import pytest
from flax import nnx

from models.convolution import Conv

BOUNDS = {"high": 5e-7, "default": 3e-6, "fast": 2e-5}
SIZES = (9, 11, 13)


@pytest.fixture
def rng() -> np.random.Generator:
    return np.random.default_rng(0)


@pytest.fixture
def unchecked(monkeypatch):
    """Types unchecked, as where users call it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def draw(rng, *shape):
    return jnp.asarray(rng.normal(size=shape), jnp.float32)


def rms(found, expected):
    """Relative root mean square difference."""
    found, expected = np.asarray(found, np.float64), np.asarray(expected, np.float64)
    return np.sqrt(((found - expected) ** 2).mean() / (expected**2).mean())


def pair(rng, cin, cout, kernel, *, activation=None, precision="default", **settings: Any):
    """Ours and flax's, with one state that has a bias other than 0."""
    settings |= {"kernel_init": nnx.initializers.zeros, "rngs": nnx.Rngs(0)}
    theirs = nnx.Conv(cin, cout, kernel, **settings)
    nnx.update(theirs, jax.tree.map(lambda leaf: draw(rng, *leaf.shape), nnx.state(theirs)))
    ours = Conv(cin, cout, kernel, activation=activation, precision=precision, **settings)
    nnx.update(ours, nnx.state(theirs))
    return ours, theirs


@pytest.mark.parametrize(
    ("kernel", "precision"),
    [
        (5, "default"),
        ((3,), "high"),
        ((3, 3), "default"),
        ((1, 4), "fast"),
        ((3, 3, 3), "high"),
        ((3, 3, 3), "default"),
        ((3, 3, 3), "fast"),
        ((1, 3, 3), "default"),
        ((1, 1, 1), "high"),
    ],
)
def test_with_the_same_state_it_gives_what_flax_gives(rng, kernel, precision):
    ours, theirs = pair(rng, 16, 20, kernel, precision=precision)
    x = draw(rng, 2, *SIZES[: ours.kernel.ndim - 2], 16)
    assert rms(ours(x), theirs(x)) < BOUNDS[precision]


@pytest.mark.parametrize(
    "settings",
    [
        {"padding": "VALID"},
        {"padding": [(0, 2), (1, 0), (2, 2)]},
        {"kernel_dilation": 2},
        {"kernel_dilation": (1, 2, 3)},
        {"use_bias": False},
    ],
)
def test_every_setting_means_what_it_means_to_flax(rng, settings):
    ours, theirs = pair(rng, 16, 8, (3, 3, 3), **settings)
    x = draw(rng, 1, *SIZES, 16)
    assert rms(ours(x), theirs(x)) < BOUNDS["default"]


@pytest.mark.parametrize("activation", ["relu", "elu", "gelu"])
def test_the_activation_is_applied(rng, activation):
    ours, theirs = pair(rng, 16, 8, (3, 3), activation=activation)
    x = draw(rng, 1, *SIZES[:2], 16)
    assert rms(ours(x), getattr(jax.nn, activation)(theirs(x))) < BOUNDS["default"]


@pytest.mark.parametrize(
    ("kernel", "activation"), [((3,), "relu"), ((3, 3), None), ((3, 3, 3), "relu")]
)
def test_gradients_are_those_of_flax_under_jit(rng, kernel, activation):
    ours, theirs = pair(rng, 16, 16, kernel, activation=activation)
    x = draw(rng, 1, *SIZES[: len(kernel)], 16)
    weight = draw(rng, *theirs(x).shape)

    def gradients(layer, after):
        graph, parameters = nnx.split(layer)

        def loss(parameters, x):
            return (after(nnx.merge(graph, parameters)(x)) * weight).sum()

        return jax.tree.leaves(jax.jit(jax.grad(loss, (0, 1)))(parameters, x))

    after = jax.nn.relu if activation else lambda y: y
    found, expected = gradients(ours, lambda y: y), gradients(theirs, after)
    assert len(found) == len(expected) == 3
    assert all(rms(a, b) < 5e-6 for a, b in zip(found, expected, strict=True))


@pytest.mark.parametrize("use_bias", [True, False])
def test_states_go_round_between_flax_and_ours(rng, use_bias):
    ours, theirs = pair(rng, 3, 5, (3, 3), use_bias=use_bias)
    state = nnx.to_pure_dict(nnx.state(ours))
    assert state.keys() == ({"kernel", "bias"} if use_bias else {"kernel"})
    assert state["kernel"].shape == (3, 3, 3, 5)
    _, back = pair(rng, 3, 5, (3, 3), use_bias=use_bias)
    nnx.update(back, nnx.state(ours))
    x = draw(rng, 1, 6, 7, 3)
    assert np.array_equal(back(x), theirs(x))


def test_the_same_keys_draw_the_same_parameters_as_in_flax():
    normal = nnx.initializers.normal()
    ours, theirs = (
        nnx.to_pure_dict(
            nnx.state(layer(2, 4, (3,), kernel_init=normal, bias_init=normal, rngs=nnx.Rngs(5)))
        )
        for layer in (Conv, nnx.Conv)
    )
    assert all(np.array_equal(ours[name], theirs[name]) for name in ("kernel", "bias"))


def test_the_default_kernel_keeps_the_variance_through_relu_layers(rng):
    rngs = nnx.Rngs(0)
    x = draw(rng, 1, 32, 32, 64)
    for _ in range(6):
        x = Conv(64, 64, (3, 3), activation="relu", rngs=rngs)(x)
    assert 0.4 < float((x[:, 8:-8, 8:-8] ** 2).mean()) < 2.5


def test_any_number_of_batch_axes_as_in_flax(rng):
    ours, theirs = pair(rng, 4, 6, (3, 3))
    for batch in [(), (2,), (2, 3)]:
        x = draw(rng, *batch, 6, 7, 4)
        assert ours(x).shape == (*batch, 6, 7, 6)
        assert rms(ours(x), theirs(x)) < BOUNDS["default"]


def test_vmap_is_the_same_as_a_batch(rng):
    ours, _ = pair(rng, 16, 8, (3, 3))
    x = draw(rng, 3, 6, 7, 16)
    np.testing.assert_array_equal(jax.vmap(ours)(x), ours(x))


def test_layers_stacked_by_vmap_run_under_scan(rng):
    @nnx.split_rngs(splits=3)
    @nnx.vmap
    def stack(rngs):
        initial = nnx.initializers.normal(0.1)
        return Conv(16, 16, (3, 3), activation="relu", kernel_init=initial, rngs=rngs)

    layers = stack(nnx.Rngs(0))
    graph, parameters = nnx.split(layers)
    assert layers.kernel.shape == (3, 3, 3, 16, 16)
    x = draw(rng, 1, 8, 9, 16)
    found, _ = jax.lax.scan(lambda x, p: (nnx.merge(graph, p)(x), None), x, parameters)
    for number in range(3):
        one = jax.tree.map(lambda values, number=number: values[number], parameters)
        x = nnx.merge(graph, one)(x)
    np.testing.assert_allclose(found, x, rtol=1e-5, atol=1e-6)


def test_steps_of_an_nnx_optimizer_lower_the_loss(rng):
    layer = Conv(2, 3, (3, 3), rngs=nnx.Rngs(0))
    x, target = draw(rng, 1, 8, 9, 2), draw(rng, 1, 8, 9, 3)

    optimizer = nnx.Optimizer(layer, optax.sgd(0.05), wrt=nnx.Param)

    @nnx.jit
    def step(layer, optimizer):
        loss, gradients = nnx.value_and_grad(lambda layer: ((layer(x) - target) ** 2).mean())(layer)
        optimizer.update(layer, gradients)
        return loss

    losses = [float(step(layer, optimizer)) for _ in range(5)]
    assert losses == sorted(losses, reverse=True) and math.isfinite(losses[0])


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("sizes", "settings", "words"),
    [
        ((4, 4, ()), {}, r"got in_features=4, out_features=4, kernel_size=\(\); needs"),
        ((4, 4, (3, 3, 3, 3)), {}, "one to three"),
        ((4, 4, (3, 0)), {}, r"kernel_size=\(3, 0\)"),
        ((0, 4, 3), {}, "got in_features=0"),
        ((4, 4, (3, 3)), {"padding": "CIRCULAR"}, "got padding='CIRCULAR'; needs"),
        ((4, 4, (3, 3)), {"padding": [(1, 1)]}, "needs 2 pairs"),
        ((4, 4, (3, 3)), {"kernel_dilation": (1, 2, 3)}, "needs a number >= 1, or 2 of them"),
        ((4, 4, (3, 3)), {"precision": "highest"}, "got precision='highest'"),
        ((4, 4, (3, 3)), {"activation": "tanh"}, "got activation='tanh'"),
        ((4, 4, (3, 3)), {"bias_init": lambda *_: jnp.zeros(3)}, "got a bias of float32"),
    ],
)
def test_settings_that_suit_no_image_are_refused_at_once(sizes, settings, words):
    with pytest.raises(ValueError, match=words):
        Conv(*sizes, kernel_init=nnx.initializers.zeros, rngs=nnx.Rngs(0), **settings)


@pytest.mark.parametrize("name", ["strides", "feature_group_count"])
def test_what_flax_has_and_we_have_not_is_no_argument(name):
    settings: Any = {name: 2}
    with pytest.raises(TypeError, match=name):
        Conv(4, 4, (3, 3), rngs=nnx.Rngs(0), **settings)


@pytest.mark.usefixtures("unchecked")
@pytest.mark.parametrize(
    ("x", "error", "words"),
    [
        (jnp.zeros((8, 4)), ValueError, r"needs \(\[batch,\] 2 spatial axes, 4 channels\)"),
        (jnp.zeros((1, 8, 8, 5)), ValueError, "got x with 5 channels and w for 4"),
        (jnp.zeros((0, 8, 8, 4)), ValueError, "no axis of size 0"),
        (jnp.zeros((1, 2, 8, 4)), ValueError, "at least one element"),
        (jnp.zeros((1, 8, 8, 4), jnp.bfloat16), TypeError, "needs float32"),
    ],
)
def test_images_that_do_not_fit_are_refused(x, error, words):
    layer = Conv(4, 4, (3, 3), padding="VALID", rngs=nnx.Rngs(0))
    with pytest.raises(error, match=words):
        layer(x)
