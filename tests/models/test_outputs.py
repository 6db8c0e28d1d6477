"""Names of channels, and the offsets in them."""

import itertools

import pytest
from hypothesis import given
from hypothesis import strategies as st

from models.outputs import (
    ANISOTROPIC,
    ISOTROPIC,
    affinity_names,
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
