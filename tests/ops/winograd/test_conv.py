"""The convolution against float64, and against XLA's own."""

import itertools
import math

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from ops.winograd import conv_prepared, explain, prepare, winograd_conv
from ops.winograd.reference import winograd_reference

BOUNDS = {"high": 5e-7, "default": 3e-6, "fast": 2e-5}
OUTPUTS = {"high": 2, "default": 4, "fast": 6}

pytestmark = pytest.mark.usefixtures("compiled")


def same(kernel):
    return [((k - 1) // 2, k // 2) for k in kernel]


def bound(precision, cin):
    return BOUNDS[precision] * (1 if precision == "high" else max(1, math.sqrt(cin / 64)))


@pytest.mark.parametrize("precision", BOUNDS)
@pytest.mark.parametrize(("cin", "cout"), [(1, 3), (3, 16), (15, 17), (16, 32), (17, 15), (48, 48)])
def test_channels_of_any_number(oracle, rng, precision, cin, cout):
    x, w = oracle.draw(rng, 2, 7, 9, 11, cin), oracle.draw(rng, 3, 3, 3, cin, cout)
    y = winograd_conv(x, w, precision=precision, tile=OUTPUTS[precision])
    assert oracle.rms(y, oracle.exact(x, w, same((3, 3, 3)))) < bound(precision, cin)


@pytest.mark.parametrize("outputs", [2, 4, 6])
@pytest.mark.parametrize("padding", ["SAME", "VALID", [(0, 2)], [(2, 1)]])
def test_every_size_up_to_two_tiles_of_one_axis(oracle, rng, outputs, padding):
    w = oracle.draw(rng, 3, 16, 16)
    pairs = (
        {"SAME": [(1, 1)], "VALID": [(0, 0)]}.get(padding) if isinstance(padding, str) else padding
    )
    for size in range(3 if padding == "VALID" else 1, 2 * (outputs + 2) + 2):
        x = oracle.draw(rng, 1, size, 16)
        y = winograd_conv(x, w, padding=padding, tile=outputs)
        assert oracle.rms(y, oracle.exact(x, w, pairs)) < {2: 5e-7, 4: 3e-6, 6: 2e-5}[outputs]


@pytest.mark.parametrize("tile", list(itertools.product([2, 4, 6], repeat=3)))
def test_every_mix_of_tiles_in_three_dimensions(oracle, rng, tile):
    x, w = oracle.draw(rng, 1, 5, 8, 13, 16), oracle.draw(rng, 3, 3, 3, 16, 16)
    y = winograd_conv(x, w, tile=tile)
    limit = {2: 5e-7, 4: 3e-6, 6: 2e-5}[max(tile)]
    assert oracle.rms(y, oracle.exact(x, w, same((3, 3, 3)))) < limit


@pytest.mark.parametrize(
    "kernel",
    [
        (1,),
        (2,),
        (3,),
        (4,),
        (5,),
        (1, 1),
        (1, 3),
        (3, 1),
        (2, 5),
        (4, 4),
        (1, 3, 3),
        (3, 1, 3),
        (3, 3, 1),
        (1, 1, 1),
        (2, 3, 4),
        (5, 5, 5),
        (1, 1, 3),
    ],
)
@pytest.mark.parametrize("precision", BOUNDS)
def test_kernels_of_one_to_five_in_any_mix(oracle, rng, kernel, precision):
    x = oracle.draw(rng, 2, *(9, 10, 12)[: len(kernel)], 20)
    w = oracle.draw(rng, *kernel, 20, 24)
    y = winograd_conv(x, w, precision=precision)
    assert oracle.rms(y, oracle.exact(x, w, same(kernel))) < bound(precision, 20)


@pytest.mark.parametrize("data", ["after relu", "constant", "with an offset"])
def test_data_that_is_not_normal(oracle, rng, data):
    x, w = oracle.draw(rng, 1, 8, 12, 12, 32), oracle.draw(rng, 3, 3, 3, 32, 32)
    x = {"after relu": jax.nn.relu(x), "constant": jnp.ones_like(x), "with an offset": x + 1e4}[
        data
    ]
    expected = oracle.exact(x, w, same((3, 3, 3)))
    assert oracle.rms(winograd_conv(x, w), expected) < BOUNDS["default"]


@pytest.mark.parametrize(("outputs", "tolerance"), [(2, 5e-6), (4, 3e-5), (6, 3e-4)])
@pytest.mark.parametrize("size", [(9,), (7, 8), (3, 5, 7)])
def test_an_impulse_gives_the_kernel_wherever_it_is(oracle, rng, outputs, tolerance, size):
    """One image for each place, and the last of 17 channels: what a vector leaves over."""
    places = math.prod(size)
    w = oracle.draw(rng, *(3,) * len(size), 17, 18)
    x = jnp.zeros((places, places, 17)).at[..., 16].set(jnp.eye(places)).reshape(-1, *size, 17)
    expected = oracle.exact(x, w, same(w.shape[:-2]))
    y, back = jax.vjp(lambda x: winograd_conv(x, w, tile=outputs), x)
    np.testing.assert_allclose(y, expected, atol=tolerance)
    g = jnp.zeros((places, places, 18)).at[..., 17].set(jnp.eye(places)).reshape(-1, *size, 18)
    mirrored = np.flip(w, tuple(range(len(size)))).swapaxes(-1, -2)
    expected = oracle.exact(g, mirrored, same(w.shape[:-2]))
    np.testing.assert_allclose(back(g)[0], expected, atol=tolerance)


def test_an_impulse_as_kernel_shifts_the_image(oracle, rng):
    x = oracle.draw(rng, 1, 6, 7, 9, 16)
    for tap in np.ndindex(3, 3, 3):
        w = jnp.zeros((3, 3, 3, 16, 16)).at[tap].set(jnp.eye(16))
        y = winograd_conv(x, w, padding="VALID", tile=4)
        d, h, w_ = tap
        np.testing.assert_allclose(y, x[:, d : d + 4, h : h + 5, w_ : w_ + 7], atol=3e-5)


@pytest.mark.parametrize("activation", [None, "relu", "elu", "gelu"])
@pytest.mark.parametrize("cin", [1, 16])
def test_bias_and_activation_are_applied(oracle, rng, activation, cin):
    x, w = oracle.draw(rng, 1, 6, 9, 10, cin), oracle.draw(rng, 3, 3, 3, cin, 20)
    bias = oracle.draw(rng, 20)
    y = winograd_conv(x, w, bias=bias, activation=activation)
    before = (
        jnp.asarray(oracle.exact(x, w, same((3, 3, 3))), jnp.float32) + bias[None, None, None, None]
    )
    apply = getattr(jax.nn, activation) if activation else lambda v: v
    np.testing.assert_allclose(y, apply(before), atol=1e-4)


@pytest.mark.parametrize("dilation", [2, 3, (1, 2, 3)])
@pytest.mark.parametrize("padding", ["SAME", "VALID"])
def test_dilation(oracle, rng, dilation, padding):
    x, w = oracle.draw(rng, 2, 8, 11, 14, 16), oracle.draw(rng, 3, 3, 3, 16, 8)
    y = winograd_conv(x, w, padding=padding, dilation=dilation)
    steps = (dilation,) * 3 if isinstance(dilation, int) else dilation
    expected = jax.lax.conv_general_dilated(
        x, w, (1, 1, 1), padding, rhs_dilation=steps, dimension_numbers=("NDHWC", "DHWIO", "NDHWC")
    )
    assert oracle.rms(y, expected) < BOUNDS["default"]


@pytest.mark.parametrize("steps", [2, 4, (7, 1), (3, 9)])
@pytest.mark.parametrize("cin", [1, 16, 20])
@pytest.mark.parametrize("tile", ["auto", 2, 4])
def test_dilation_in_the_plane_whatever_the_path(oracle, rng, steps, cin, tile):
    """Sizes that the steps do not divide, and fewer pixels than the taps reach."""
    w, bias = oracle.draw(rng, 3, 3, cin, 17), oracle.draw(rng, 17)
    apart = (steps, steps) if isinstance(steps, int) else steps
    for size in ((2, 33, 29), (1, 5, 3)):
        x = oracle.draw(rng, *size, cin)
        y = winograd_conv(x, w, dilation=steps, bias=bias, activation="relu", tile=tile)
        before = jax.lax.conv_general_dilated(
            x, w, (1, 1), "SAME", rhs_dilation=apart, dimension_numbers=("NHWC", "HWIO", "NHWC")
        )
        np.testing.assert_allclose(y, jax.nn.relu(before + bias[None, None, None]), atol=1e-4)


def test_windows_follow_a_dilated_convolution(oracle, rng):
    x, w = oracle.draw(rng, 1, 12, 14, 16), oracle.draw(rng, 3, 3, 16, 16)
    y = winograd_conv(x, w, dilation=2)
    expected = y.reshape(1, 6, 2, 7, 2, 16).max((2, 4))
    assert np.array_equal(winograd_conv(x, w, dilation=2, pool=2), expected)


def test_dilated_images_of_a_batch_do_not_change_each_others_bits(oracle, rng):
    x, w = oracle.draw(rng, 3, 17, 21, 16), oracle.draw(rng, 3, 3, 16, 16)
    together = winograd_conv(x, w, dilation=3, tile=4)
    for image, y in zip(x, together, strict=True):
        assert np.array_equal(winograd_conv(image[None], w, dilation=3, tile=4)[0], y)


def test_a_tile_that_is_given_leaves_kernels_of_one_alone(oracle, rng):
    x, w = oracle.draw(rng, 2, 6, 7, 9, 16), oracle.draw(rng, 1, 1, 1, 16, 20)
    assert np.array_equal(winograd_conv(x, w, tile=4), winograd_conv(x, w))


@pytest.mark.parametrize("kernel", [(1,), (1, 1), (1, 1, 1)])
def test_kernels_of_one_are_padded_too(oracle, rng, kernel):
    x, w = oracle.draw(rng, 2, *(5, 6, 7)[: len(kernel)], 16), oracle.draw(rng, *kernel, 16, 20)
    pairs = [(1, 0), (0, 2), (3, 1)][: len(kernel)]
    y, back = jax.vjp(lambda x, w: winograd_conv(x, w, padding=pairs), x, w)
    expected = oracle.exact(x, w, pairs)
    assert y.shape == expected.shape
    g = oracle.draw(rng, *y.shape)
    expected = (expected, *oracle.gradients(x, w, g, pairs))
    assert all(oracle.rms(*pair) < 5e-7 for pair in zip((y, *back(g)), expected, strict=True))


def test_the_plain_reference_agrees(oracle, rng):
    reference = jax.jit(winograd_reference, static_argnums=(2, 3))
    x, w = oracle.draw(rng, 2, 6, 7, 9, 5), oracle.draw(rng, 3, 3, 3, 5, 4)
    expected = oracle.exact(x, w, [(1, 1)] * 3)
    for tile in [(4, 4, 4), (6, 6, 6), (4, 6, 8)]:
        assert oracle.rms(reference(x, w, tile, ((1, 1),) * 3), expected) < 2e-5
    x, w, pairs = x[:, :1], w[:1], ((0, 0), (0, 2), (1, 0))
    assert oracle.rms(reference(x, w, (1, 6, 4), pairs), oracle.exact(x, w, pairs)) < 2e-6


@pytest.mark.parametrize("cin", [1, 16])
def test_prepared_kernels_give_the_same(oracle, rng, cin):
    x, w = oracle.draw(rng, 1, 6, 9, 10, cin), oracle.draw(rng, 3, 3, 3, cin, 20)
    bias = oracle.draw(rng, 20)
    prepared = prepare(w, x.shape)
    found = jax.jit(lambda x, p: conv_prepared(x, p, bias=bias, activation="relu"))(x, prepared)
    assert np.array_equal(found, winograd_conv(x, w, bias=bias, activation="relu"))


@pytest.mark.parametrize(
    ("shape", "words"),
    [
        ((1, 6, 9, 10, 32), "got x with 32 channels and w for 16"),
        ((1, 9, 10, 16), "needs .batch, 1 to 3 spatial axes"),
        ((1, 2, 9, 10, 16), "needs images as large as the kernels"),
    ],
)
def test_prepared_kernels_refuse_images_they_are_not_for(oracle, rng, shape, words):
    prepared = prepare(oracle.draw(rng, 3, 3, 3, 16, 20), (1, 6, 9, 10, 16), padding="VALID")
    with pytest.raises(ValueError, match=words):
        conv_prepared(jnp.zeros(shape), prepared)
    with pytest.raises(ValueError, match="got a bias"):
        conv_prepared(jnp.zeros((1, 6, 9, 10, 16)), prepared, bias=jnp.zeros(3))


def test_an_output_depends_on_its_own_image_alone(oracle, rng):
    x, w = oracle.draw(rng, 3, 7, 9, 10, 16), oracle.draw(rng, 3, 3, 3, 16, 16)
    together = winograd_conv(x, w, tile=4)
    for image, y in zip(x, together, strict=True):
        assert np.array_equal(winograd_conv(image[None], w, tile=4)[0], y)


def test_explain_names_the_path_and_its_cost(oracle, rng):
    x, w = oracle.draw(rng, 1, 16, 32, 32, 32), oracle.draw(rng, 3, 3, 3, 32, 32)
    plan = explain(x, w)
    assert (plan.path, plan.tile) == ("winograd", (6, 6, 6))
    assert plan.direct_flop == 2 * 16 * 32 * 32 * 32 * 32 * 27
    assert plan.flop < plan.direct_flop / 3
    assert plan.kernel_bytes == 4 * 216 * 32 * 32
    assert plan.thread_bytes < 4 << 20
    assert explain(x[..., :1], w[:, :, :, :1]).path == "direct"
    assert explain(x, w[:1, :1, :1]).path == "dot"
    wide = jax.ShapeDtypeStruct((7, 7, 7, 32, 32), jnp.float32)
    assert explain(x, wide).path == "lax"


@pytest.mark.parametrize(
    ("x", "w", "settings", "error", "words"),
    [
        ((1, 8, 8, 4), (3, 3, 4, 4), {"padding": "FULL"}, ValueError, "got padding='FULL'"),
        ((1, 8, 8, 4), (3, 3, 4, 4), {"padding": [(1, 1)]}, ValueError, "needs 2 pairs"),
        ((1, 8, 8, 4), (3, 3, 4, 4), {"padding": [(1, 1), (-1, 0)]}, ValueError, "numbers >= 0"),
        ((1, 8, 8, 4), (3, 3, 4, 4), {"precision": "best"}, ValueError, "got precision='best'"),
        ((1, 8, 8, 4), (3, 3, 4, 4), {"activation": "tanh"}, ValueError, "got activation='tanh'"),
        (
            (1, 8, 8, 4),
            (3, 3, 4, 4),
            {"tile": 3},
            ValueError,
            r"got tile=3 for a kernel of 3; needs "
            r"one of \[2, 4, 6\]",
        ),
        ((1, 8, 8, 4), (3, 3, 4, 4), {"dilation": 0}, ValueError, "got 0; needs a number >= 1"),
        ((1, 8, 8, 4), (3, 3, 5, 4), {}, ValueError, "got x with 4 channels and w for 5"),
        ((8, 8, 4), (3, 3, 4, 4), {}, ValueError, r"got x of shape \(8, 8, 4\)"),
        ((1, 2, 8, 4), (3, 3, 4, 4), {"padding": "VALID"}, ValueError, "at least one element"),
        ((1, 0, 8, 4), (3, 3, 4, 4), {}, ValueError, "no axis of size 0"),
    ],
)
def test_what_does_not_fit_is_refused_before_any_kernel_runs(
    x, w, settings, error, words, monkeypatch
):
    import jaxtyping

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(error, match=words):
        winograd_conv(jnp.zeros(x), jnp.zeros(w), **settings)


def test_other_dtypes_are_refused(monkeypatch):
    import jaxtyping

    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    with pytest.raises(TypeError, match="got x of dtype bfloat16; needs float32"):
        winograd_conv(jnp.zeros((1, 8, 8, 4), jnp.bfloat16), jnp.zeros((3, 3, 4, 4)))
    with pytest.raises(ValueError, match="got a bias of float32"):
        winograd_conv(jnp.zeros((1, 8, 8, 4)), jnp.zeros((3, 3, 4, 4)), bias=jnp.zeros(3))
