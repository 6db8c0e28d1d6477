"""The phantom as a source of voxels: the same bits however it is read."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from data.synthetic import LAYERS, Imaging, Phantom, PhantomParameters, Tissue, field, rendering
from data.synthetic.cells import CellGatherer
from data.synthetic.growth import connected_pieces
from data.synthetic.lattice import face_edges
from data.synthetic.warp import displacement, to_tissue


@pytest.mark.parametrize("layer", LAYERS)
def test_same_parameters_same_bits(mouse, layer):
    again = Phantom(mouse.parameters)
    box = np.s_[10:22, 100:200, 37:90]
    voxels = again.volume(layer)[box].read()
    np.testing.assert_array_equal(voxels, mouse.volume(layer).read()[box])
    assert voxels.dtype == LAYERS[layer]


def test_another_seed_is_another_phantom(mouse):
    other = Phantom(dataclasses.replace(mouse.parameters, seed=99))
    assert (other.volume("image").read() != mouse.volume("image").read()).mean() > 0.5


@settings(max_examples=20, deadline=None)
@given(st.data())
def test_a_box_is_the_same_alone_and_in_the_whole(mouse, data):
    start = [data.draw(st.integers(0, n - 1)) for n in mouse.parameters.shape]
    stop = [
        data.draw(st.integers(s + 1, n)) for s, n in zip(start, mouse.parameters.shape, strict=True)
    ]
    box = tuple(map(slice, start, stop))
    for layer in ("image", "neurites"):
        whole = mouse.volume(layer).read()
        np.testing.assert_array_equal(mouse.volume(layer)[box].read(), whole[box])


def test_rendered_labels_agree_with_the_field_at_points(phantom):
    """The kernel interpolates and searches per cell; the oracle evaluates each point alone."""
    rng = np.random.default_rng(0)
    ids = phantom.volume("neurites").read()
    voxels = rng.integers(0, ids.shape, (3000, 3))
    centres = (voxels + 0.5) * phantom.parameters.voxel_size_nm
    tissue = centres.copy()
    points = tissue + displacement(tissue, phantom.lattice, phantom.warp)
    points[:, 1:] += phantom.sections.shift_nm[voxels[:, 0]]
    owner, _, distance, _ = field.at_points(
        points, phantom.lattice, phantom.neurites.owner, phantom.neurites.log_weight
    )
    clear = distance > 8 + phantom.parameters.tissue.extracellular_nm / 2
    agree = ids[tuple(voxels.T)] == owner + 1
    assert clear.mean() > 0.5
    assert agree[clear].mean() > 0.9995


def test_warp_is_undone(phantom):
    rng = np.random.default_rng(0)
    size = np.array(phantom.parameters.shape) * phantom.parameters.voxel_size_nm
    points = rng.uniform(0, 1, (500, 3)) * size
    there = points + displacement(points, phantom.lattice, phantom.warp)
    np.testing.assert_allclose(to_tissue(there, phantom.lattice, phantom.warp), points, atol=0.5)


def test_every_site_has_a_connected_owner(phantom):
    neurites = phantom.neurites
    pieces = connected_pieces(neurites.owner, face_edges(phantom.lattice.shape))
    taken = neurites.owner >= 0
    assert len(np.unique(pieces[taken])) == neurites.owner.max() + 1 == len(neurites.kind)
    # One spanning tree per neurite, wide enough everywhere.
    assert len(neurites.edges) == taken.sum() - len(neurites.kind)


def test_defects_change_the_image_but_not_the_truth():
    clean = PhantomParameters(shape=(12, 120, 120), imaging=Imaging(misalignment_nm=0.0))
    imaging = Imaging(misalignment_nm=0.0, dark_sections=1.0, defocused_sections=1.0, noise=0.1)
    plain, defect = Phantom(clean), Phantom(dataclasses.replace(clean, imaging=imaging))
    for layer in LAYERS:
        same = (plain.volume(layer).read() == defect.volume(layer).read()).all()
        assert same == (layer != "image")
    assert defect.volume("image").read().mean() < 0.7 * plain.volume("image").read().mean()


def test_misalignment_moves_truth_with_the_image():
    still = PhantomParameters(shape=(4, 120, 120), imaging=Imaging(misalignment_nm=0.0))
    shaken = Phantom(dataclasses.replace(still, imaging=Imaging(misalignment_nm=15.0)))
    moved = shaken.volume("neurites").read() != Phantom(still).volume("neurites").read()
    assert 0.0 < moved.mean() < 0.3


def test_tissue_without_synapses_mitochondria_or_dendrites():
    tissue = Tissue(dendrite_fraction=0.0, synapses_per_um3=0.0, mitochondria=0.0)
    phantom = Phantom(PhantomParameters(shape=(10, 100, 100), tissue=tissue))
    assert not phantom.volume("mitochondria").read().any()
    assert not phantom.volume("cleft_ids").read().any()
    assert len(phantom.synapse_table()) == 0
    assert "dendrite" not in phantom.neurite_table()["kind"]


@pytest.mark.parametrize(
    ("change", "message"),
    [
        ({"shape": (0, 5, 5)}, "got shape"),
        ({"voxel_size_nm": (100.0, 6.0, 6.0)}, "a third of tissue.pitch_nm"),
        ({"voxel_size_nm": (60.0, 60.0, 60.0)}, "quarter of tissue.pitch_nm"),
        ({"voxel_size_nm": (1.0, 1.0, 1.0)}, "needs larger voxels"),
        ({"seed": -1}, "got seed"),
        ({"seed": 2**31}, "got seed"),
        ({"imaging": Imaging(noise=float("nan"))}, "imaging.noise"),
        ({"tissue": Tissue(pitch_nm=float("inf"))}, "tissue.pitch_nm"),
        ({"tissue": Tissue(synapses_per_um3=-1.0)}, "synapses_per_um3"),
        ({"voxel_size_nm": (30.0, 6.0, -6.0)}, "voxel_size_nm"),
        ({"tissue": Tissue(extracellular_nm=90.0)}, "extracellular_nm"),
        ({"tissue": Tissue(dendrite_fraction=1.5)}, "dendrite_fraction"),
        ({"imaging": Imaging(misalignment_nm=40.0)}, "misalignment_nm"),
        ({"imaging": Imaging(missing_sections=-0.1)}, "missing_sections"),
    ],
)
def test_bad_parameters_say_what_is_needed(change, message):
    with pytest.raises(ValueError, match=message):
        PhantomParameters(**change)


def test_unknown_layer_lists_the_known(mouse):
    with pytest.raises(ValueError, match="needs one of image, neurites"):
        mouse.volume("glia")


def test_an_error_in_a_tile_reaches_every_reader(mouse, monkeypatch):
    phantom = Phantom(dataclasses.replace(mouse.parameters, shape=(8, 60, 60)))

    def broken(*_):
        raise ValueError("no cells today")

    with monkeypatch.context() as patch:
        patch.setattr(CellGatherer, "gather", broken)
        with pytest.raises(ValueError, match="no cells today"):
            phantom.volume("image").read()
    assert phantom.volume("image").read().any()


def test_the_widest_cell_has_room_for_its_neurites(phantom):
    assert phantom._gatherer.widths[0] <= rendering.MOST_SLOTS
