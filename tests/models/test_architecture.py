"""Architectures as values, as JSON, as networks, and what they cost."""

import dataclasses
import json

import jaxtyping
import pytest
from flax import nnx
from hypothesis import given
from hypothesis import strategies as st

from models.architecture import Architecture, build, check_same, from_json
from models.cost import flop_per_voxel, parameter_count
from models.shallow import Shallow
from models.unet2d import UNet2d
from models.unet3d import UNet3d

SHALLOW = Architecture("shallow", ("membrane",), width=4, levels=2)


@pytest.fixture
def unchecked(monkeypatch):
    """Types unchecked, as where users call it."""
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)


def changed(**values):
    return json.dumps(json.loads(SHALLOW.to_json()) | values)


@given(
    st.integers(1, 99),
    st.integers(1, 9),
    st.floats(0, 1, exclude_min=True, exclude_max=True),
    st.sampled_from([("membrane",), ("cleft", "affinity(0,-1,0)")]),
)
def test_json_goes_round(width, levels, prior, outputs):
    for network, extra in (
        ("shallow", {"sections": 3}),
        ("unet2d", {"sections": 5}),
        ("unet3d", {"anisotropic_levels": 1}),
    ):
        there = Architecture(network, outputs, width, levels, prior=prior, **extra)
        back = from_json(there.to_json())
        assert back == there and hash(back) == hash(there)


@pytest.mark.parametrize(
    ("text", "words"),
    [
        (changed(version=2), "got an architecture of version 2; needs 1"),
        (changed(depth=3), "whose field 'depth' is unknown"),
        ('{"version": 1}', "whose field 'anisotropic_levels' is missing"),
        ("[]", "needs a JSON object"),
        (changed(width="4"), "width='4'; needs int"),
        (changed(width=True), "width=True; needs int"),
        (changed(prior=1), "prior=1; needs float"),
        (changed(outputs="membrane"), "needs a list of strings"),
        (changed(outputs=[1]), "needs a list of strings"),
        (changed(network="resnet"), "got network='resnet'; needs one of shallow, folded, unet2d"),
        (changed(outputs=["axon"]), "got output 'axon'"),
        (changed(anisotropic_levels=1), "got anisotropic_levels=1 for shallow; needs 0"),
        (changed(network="unet3d", sections=3), "got sections=3 for unet3d; needs 1"),
        ("{", "Expecting"),
    ],
)
@pytest.mark.usefixtures("unchecked")
def test_other_json_is_refused_by_the_name_of_the_field(text, words):
    with pytest.raises(ValueError, match=words):
        from_json(text)


def test_architectures_that_differ_are_told_apart_but_for_their_prior():
    check_same(dataclasses.replace(SHALLOW, prior=0.1), SHALLOW, "a file")
    with pytest.raises(ValueError, match=r"a file: got levels=3; needs 2"):
        check_same(dataclasses.replace(SHALLOW, levels=3), SHALLOW, "a file")


@pytest.mark.parametrize(
    ("architecture", "kind"),
    [
        (Architecture("shallow", ("membrane", "cleft"), 4, 1, sections=3), Shallow),
        (Architecture("unet2d", ("membrane", "cleft"), 4, 1, sections=3), UNet2d),
        (Architecture("unet3d", ("membrane", "cleft"), 4, 2, anisotropic_levels=1), UNet3d),
    ],
)
def test_a_network_is_built_by_its_name(architecture, kind):
    network = nnx.eval_shape(lambda: build(architecture, nnx.Rngs(0)))
    assert isinstance(network, kind) and network.channels == 2
    assert network.reach[0] == 1 or kind is UNet3d


def test_parameters_and_operations_by_hand():
    # 1 -> 4, three times 4 -> 4 with gain and bias, 4 -> 1.
    network = nnx.eval_shape(lambda: build(SHALLOW, nnx.Rngs(0)))
    assert parameter_count(network) == (9 * 4 + 4) + 3 * (9 * 16 + 8) + (4 + 1)
    assert flop_per_voxel(SHALLOW, (1, 16, 16)) == 2 * (9 * 4 + 3 * 9 * 16 + 4)


def test_operations_of_deeper_levels_count_by_their_voxels():
    architecture = Architecture("unet3d", ("membrane",), 2, 2, anisotropic_levels=1)
    first = 2 * (9 * 2 + 27 * 4)
    below = 2 * (27 * 2 * 4 + 27 * 16 + 4 * 2) / 4
    last = 2 * (9 * 4 + 27 * 4 + 2)
    assert flop_per_voxel(architecture, (4, 8, 8)) == first + below + last


def test_the_default_shallow_network_is_as_cheap_as_it_says():
    assert flop_per_voxel(Architecture("shallow", ("membrane",), 16, 4), (1, 64, 64)) < 25_000
