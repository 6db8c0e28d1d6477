"""Averages over symmetries, against labels whose affinities are known and by their own symmetry."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from data.targets import affinity_target
from models.outputs import ANISOTROPIC, affinity_names, offsets_of
from models.symmetries import averaged, averaged_reach

OUTPUTS = ("membrane", *affinity_names([(-1, 0, 0), (0, -1, 0), (0, 0, -1), (0, -3, 0), (0, 0, 3)]))


def draw(shape, seed=0):
    return jnp.asarray(np.random.default_rng(seed).normal(size=shape), jnp.float32)


def truth(outputs, calls=None):
    """A network that knows all: the membrane is where labels are 0, affinities are as drawn."""

    def apply(x):
        if calls is not None:
            calls.append(x)
        labels = np.asarray(x)[0, ..., 0].astype(np.uint32)
        offsets = offsets_of(outputs)
        found = iter(np.moveaxis(affinity_target(labels, offsets), -1, 0) if offsets else ())
        channels = [labels == 0 if name == "membrane" else next(found) for name in outputs]
        return jnp.asarray(np.stack(channels, -1)[None] * 20.0 - 10.0, jnp.float32)

    return apply


def convolved(outputs, seed=0):
    """A network that is not symmetric in any way."""
    kernel = draw((3, 3, 3, 1, len(outputs)), seed)

    def apply(x):
        dimensions = ("NDHWC", "DHWIO", "NDHWC")
        return jax.lax.conv_general_dilated(
            x, kernel, (1, 1, 1), "SAME", dimension_numbers=dimensions
        )

    return jax.jit(apply)


@pytest.mark.parametrize("z_flip", [False, True])
@pytest.mark.parametrize("outputs", [OUTPUTS, affinity_names(ANISOTROPIC), ("membrane",)])
def test_the_truth_stays_the_truth(outputs, z_flip):
    labels = np.random.default_rng(0).integers(0, 3, (1, 4, 8, 8, 1)).astype(np.float32)
    calls = []
    found = averaged(truth(outputs, calls), outputs, z_flip=z_flip)(jnp.asarray(labels))
    np.testing.assert_allclose(found, truth(outputs)(labels), rtol=1e-4)
    moved = {np.asarray(x).tobytes() for x in calls}
    assert len(calls) == len(moved) == (16 if z_flip else 8)


@pytest.mark.parametrize("axes", [(1,), (2,), (3,), (1, 2), (2, 3), (1, 2, 3)])
@pytest.mark.parametrize("swap", [False, True])
def test_an_average_turns_with_its_image(axes, swap):
    def turned(x):
        x = jnp.flip(x, axes)
        return x.swapaxes(2, 3) if swap else x

    outputs = ("membrane", "cleft")
    average, image = averaged(convolved(outputs), outputs, z_flip=True), draw((1, 3, 6, 6, 1))
    np.testing.assert_allclose(average(turned(image)), turned(average(image)), rtol=1e-4, atol=1e-5)


def test_probabilities_are_averaged_by_hand():
    def apply(x):
        return 4 * x

    image = jnp.asarray([[[[[0.0], [1.0]], [[-1.0], [3.0]]]]])
    found = averaged(apply, ("membrane",), z_flip=False)(image)
    np.testing.assert_allclose(found, 4 * image, rtol=1e-5)

    def by_place(x):
        return jnp.asarray([[[[[0.0], [1.0]], [[-1.0], [3.0]]]]])

    mean = np.mean(1 / (1 + np.exp([0, -1, 1, -3])))
    found = averaged(by_place, ("membrane",), z_flip=False)(image)
    np.testing.assert_allclose(jax.nn.sigmoid(found), np.full(found.shape, mean), rtol=1e-5)


def test_affinities_of_a_mirror_image_are_shifted_by_hand():
    outputs = affinity_names([(0, 0, -1)])

    def apply(x):
        return jnp.broadcast_to(jnp.arange(3.0).reshape(1, 1, 1, 3, 1), x.shape)

    found = averaged(apply, outputs, z_flip=False)(jnp.zeros((1, 1, 1, 3, 1)))
    # Mirrored, 0 1 2 becomes 2 1 0; the pair of 1 and 0 is found at 0 there: 2 goes to 1.
    sigmoid = 1 / (1 + np.exp(-np.arange(3.0)))
    expected = [sigmoid[0], (sigmoid[1] + sigmoid[2]) / 2, (sigmoid[2] + sigmoid[1]) / 2]
    np.testing.assert_allclose(jax.nn.sigmoid(found)[0, 0, 0, :, 0], expected, rtol=1e-5)


@pytest.mark.parametrize(
    ("offsets", "count"),
    [
        ([(0, -9, 0)], 8),  # all flips, and no swap
        ([(0, -9, 0), (0, 0, 9)], 16),
        ([(-1, -9, 0)], 4),  # flips of x, and of y and z together
        ([(-1, -9, 0), (-1, 9, 0)], 8),
        ([(0, -3, -3)], 8),  # flips of both y and x, and swaps with them
    ],
)
def test_symmetries_that_lead_out_of_the_outputs_are_left_out(offsets, count):
    outputs, calls = affinity_names(offsets), []
    labels = np.random.default_rng(1).integers(0, 2, (1, 3, 12, 12, 1)).astype(np.float32)
    found = averaged(truth(outputs, calls), outputs, z_flip=True)(jnp.asarray(labels))
    assert len(calls) == count
    np.testing.assert_allclose(found, truth(outputs)(labels), rtol=1e-4)


def test_sure_answers_stay_finite_and_exact():
    for logit in (-60.0, 60.0):
        found = averaged(lambda x, n=logit: x + n, ("cleft",), z_flip=True)(
            jnp.zeros((1, 1, 2, 2, 1))
        )
        np.testing.assert_allclose(found, logit, rtol=1e-5)


def test_the_reach_grows_by_the_offsets():
    assert averaged_reach((1, 5, 6), ("membrane",)) == (1, 5, 6)
    assert averaged_reach((1, 5, 6), affinity_names(ANISOTROPIC)) == (3, 32, 33)
