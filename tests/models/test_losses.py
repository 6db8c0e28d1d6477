"""Losses: by hand, balance, unknown voxels, and means over crops."""

import jax
import jax.numpy as jnp
import numpy as np
import pytest

from models.losses import (
    balanced_cross_entropy,
    class_cross_entropy,
    overlap_loss,
    tempered,
)

SHARE = jnp.array([0.25], jnp.float32)


def crops(values):
    return jnp.asarray(values, jnp.float32).reshape(len(values), 1, 1, -1, 1)


def test_cross_entropy_by_hand():
    """At logit 0 every voxel costs ln 2, times 1 / (2 p) or 1 / (2 (1 - p))."""
    targets, known = crops([[1, 0, 0, 0]]), crops([[1, 1, 1, 1]])
    loss = balanced_cross_entropy(jnp.zeros_like(targets), targets, known, SHARE)
    assert float(loss) == pytest.approx(np.log(2) * (2 + 3 * 2 / 3) / 4)


def test_both_classes_weigh_the_same_where_shares_are_right():
    targets, known = crops([[1, 0, 0, 0]]), crops([[1, 1, 1, 1]])
    gradient = jax.grad(balanced_cross_entropy)(jnp.zeros_like(targets), targets, known, SHARE)
    assert float(gradient.sum()) == pytest.approx(0, abs=1e-7)


def test_overlap_by_hand():
    """Probabilities 1/2 and targets 1, 0: (2 * 1/2 + 1) / (1/2 + 1 + 1) = 0.8."""
    targets, known = crops([[1, 0]]), crops([[1, 1]])
    assert float(overlap_loss(jnp.zeros_like(targets), targets, known)) == pytest.approx(0.2)


@pytest.mark.parametrize("loss", [overlap_loss, lambda *a: balanced_cross_entropy(*a, SHARE)])
def test_unknown_voxels_change_nothing(loss):
    targets, known = crops([[1, 0, 1, 0]]), crops([[1, 1, 0, 0]])
    logits = crops([[0.3, -1.0, 5.0, 7.0]])
    other = crops([[0.3, -1.0, -2.0, 0.0]])
    assert float(loss(logits, targets, known)) == pytest.approx(float(loss(other, targets, known)))
    assert float(jnp.abs(jax.grad(loss)(logits, targets, known)[..., 2:, :]).max()) == 0


@pytest.mark.parametrize("loss", [overlap_loss, lambda *a: balanced_cross_entropy(*a, SHARE)])
def test_a_batch_costs_the_mean_of_its_crops(loss):
    logits = crops(np.random.default_rng(0).standard_normal((3, 8)))
    targets = crops(np.random.default_rng(0).integers(0, 2, (3, 8)))
    known = crops(np.random.default_rng(0).integers(0, 2, (3, 8)))
    alone = [float(loss(logits[i : i + 1], targets[i : i + 1], known[i : i + 1])) for i in range(3)]
    assert float(loss(logits, targets, known)) == pytest.approx(np.mean(alone), rel=1e-5)


def test_nothing_known_and_nothing_there_is_finite():
    zero = crops([[0, 0]])
    assert float(balanced_cross_entropy(zero, zero, zero, SHARE)) == 0
    assert float(overlap_loss(zero - 50, zero, zero + 1)) == pytest.approx(0, abs=1e-6)


def test_balance_goes_from_equal_voxels_to_equal_classes():
    share = jnp.asarray([0.2, 0.5, 0.01], jnp.float32)
    np.testing.assert_allclose(tempered(share, 0.0), 0.5)
    np.testing.assert_allclose(tempered(share, 1.0), share, rtol=1e-5)
    np.testing.assert_allclose(tempered(share, 0.5)[0], 1 / 3, rtol=1e-5)  # odds 1/4 become 1/2


def test_cross_entropy_of_classes_by_hand():
    """Odds 3 : 1 cost ln 4/3 where the likely one is right, and ln 4 where the other is."""
    logits = jnp.full((1, 1, 2, 2), jnp.array([jnp.log(3.0), 0.0]))
    classes = jnp.array([[[0, 1]]], jnp.uint8)
    expected = (np.log(4 / 3) + np.log(4)) / 2
    assert float(class_cross_entropy(logits, classes)) == pytest.approx(expected)
