"""Names of channels, and the offsets in them."""

import itertools

import numpy as np
import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.outputs import (
    ANISOTROPIC,
    ISOTROPIC,
    affinity_names,
    boundary_of,
    check_outputs,
    offset_of,
    offsets_of,
)

OFFSETS = st.lists(st.tuples(*[st.integers(-99, 99)] * 3), max_size=5)


@given(OFFSETS)
def test_offsets_go_round(offsets):
    names = affinity_names(offsets)
    assert offsets_of(names) == tuple(offsets)
    assert offsets_of(("membrane", *names, "cleft")) == tuple(offsets)


def test_names_by_hand():
    assert affinity_names([(0, -1, 0)]) == ("affinity(0,-1,0)",)
    assert offset_of("affinity(-2,0,13)") == (-2, 0, 13)
    assert offset_of("membrane") is None
    check_outputs(("membrane", "cleft", "vesicle", "affinity(-1,0,0)"))


@pytest.mark.parametrize("offsets", [ANISOTROPIC, ISOTROPIC])
def test_default_offsets_have_their_mirror_images_and_those_with_y_and_x_swapped(offsets):
    check_outputs(affinity_names(offsets))
    both = {sign_of(offset) for offset in offsets}
    for z, y, x in offsets:
        for signs in itertools.product((1, -1), repeat=3):
            for turned in ((z, y, x), (z, x, y)):
                moved = tuple(s * n for s, n in zip(signs, turned, strict=True))
                assert sign_of(moved) in both
    for z, y, x in ISOTROPIC:
        assert {(z, y, x), (x, z, y), (y, x, z)} <= set(ISOTROPIC)


def sign_of(offset):
    """The same for an offset and its opposite."""
    return max(tuple(offset), tuple(-n for n in offset))


@pytest.mark.parametrize(
    "outputs",
    [
        (),
        ("membrane", "membrane"),
        ("membranes",),
        ("affinity(0,0)",),
        ("affinity(0, -1, 0)",),
        ("affinity(0,0,0)",),
        ("affinity(0,-01,0)",),
    ],
)
def test_other_names_are_refused(outputs):
    with pytest.raises(ValueError, match="got output"):
        check_outputs(outputs)


def test_boundaries_by_hand():
    outputs = ("affinity(-1,0,0)", "affinity(0,-1,0)", "affinity(0,0,1)", "affinity(0,0,-9)")
    answers = np.array([[0.0, 0.75, 1.0, 0.0], [1.0, 0.5, 0.25, 1.0]], np.float32)
    # Only the near pairs in the plane count, of which the one that is torn most.
    np.testing.assert_array_equal(boundary_of(answers, outputs), [0.25, 0.75])
    found = boundary_of((255 * answers).astype(np.uint8), outputs)
    assert found.dtype == np.uint8 and found.tolist() == [255 - 191, 255 - 63]


def test_without_affinities_the_membrane_is_the_boundary():
    answers = np.array([[1, 200], [2, 0]], np.uint8)
    assert boundary_of(answers, ("cleft", "membrane")).tolist() == [200, 0]
    far = ("affinity(0,-9,0)", "membrane")
    assert boundary_of(answers, far).tolist() == [200, 0]
    with pytest.raises(ValueError, match="got outputs cleft, vesicle; needs membranes"):
        boundary_of(answers, ("cleft", "vesicle"))
