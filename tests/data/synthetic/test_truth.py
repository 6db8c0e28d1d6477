"""The phantom's truth agrees with itself: volumes, tables and skeletons."""

import numpy as np
import pytest
from scipy import ndimage

from data.synthetic import Phantom

AXES = "zyx"


@pytest.fixture(scope="module")
def layers(phantom: Phantom) -> dict[str, np.ndarray]:
    return {name: volume.read() for name, volume in phantom.volumes().items()}


def _voxel(phantom: Phantom, points_nm: np.ndarray) -> tuple[np.ndarray, ...]:
    return tuple(np.floor(points_nm / phantom.parameters.voxel_size_nm).astype(int).T)


def _points(table: np.ndarray, place: str) -> np.ndarray:
    return np.stack([table[f"{place}{axis}_nm"] for axis in AXES], -1)


def test_every_neurite_is_there_and_connected(phantom, layers):
    ids = layers["neurites"]
    found = np.unique(ids[ids > 0])
    np.testing.assert_array_equal(found, phantom.neurite_table()["id"])
    for label, box in enumerate(ndimage.find_objects(ids), 1):
        _, pieces = ndimage.label(ids[box] == label, np.ones((3, 3, 3)))
        assert pieces == 1, f"neurite {label} has {pieces} pieces"


def test_neurites_fill_space_but_for_the_gaps(phantom, layers):
    outside = (layers["neurites"] == 0).mean()
    gaps = phantom.parameters.tissue.extracellular_nm > 0
    assert 0.02 < outside < 0.3 if gaps else outside == 0


def test_a_membrane_lies_between_neurites(phantom, layers):
    ids, membrane = layers["neurites"], layers["membrane"]
    for axis in range(3):
        size = ids.shape[axis]
        here, there = (np.take(ids, range(i, size - 1 + i), axis) for i in (0, 1))
        walls = [np.take(membrane, range(i, size - 1 + i), axis) for i in (0, 1)]
        between = here != there
        # Distances are first order: a few pairs in a thousand may miss it in the plane, and
        # more across thick sections, between which a membrane can turn.
        thick = phantom.parameters.voxel_size_nm[axis] > 20
        if between.any():
            assert (walls[0] | walls[1])[between].mean() > (0.75 if thick else 0.99)


def test_every_cleft_touches_both_partners_and_no_other(phantom, layers):
    table = phantom.synapse_table()
    clefts, ids = layers["cleft_ids"], layers["neurites"]
    assert set(np.unique(clefts)) - {0} == set(table["id"])
    np.testing.assert_array_equal(layers["clefts"], clefts > 0)
    for row in table:
        touched = set(np.unique(ids[clefts == row["id"]])) - {0}
        assert touched == {row["pre"], row["post"]}


def test_synapse_points_lie_where_the_table_says(phantom, layers):
    table, ids = phantom.synapse_table(), layers["neurites"]
    for side in ("pre", "post"):
        voxels = _voxel(phantom, _points(table, f"{side}_"))
        np.testing.assert_array_equal(ids[voxels], table[side])
    assert (table["pre"] != table["post"]).all()
    kinds = dict(phantom.neurite_table()[["id", "kind"]].tolist())
    assert all(kinds[pre] == "axon" for pre in table["pre"].tolist())


def test_crowded_tissue_has_many_synapses_with_vesicles(crowded):
    table = crowded.synapse_table()
    assert len(table) > 10
    assert np.bincount(crowded.vesicles.synapse).min() >= 8


def test_vesicles_lie_in_presynaptic_neurites_near_a_cleft(phantom, layers):
    table = phantom.synapse_table()
    vesicles, ids = layers["vesicles"] > 0, layers["neurites"]
    assert set(np.unique(ids[vesicles])) <= set(table["pre"].tolist())
    assert not (vesicles & (layers["mitochondria"] > 0)).any()
    places = np.argwhere(vesicles) * phantom.parameters.voxel_size_nm
    for label in np.unique(ids[vesicles]).tolist():
        mine = places[ids[vesicles] == label]
        centres = _points(table[table["pre"] == label], "")
        nearest = np.linalg.norm(mine[:, None] - centres, axis=-1).min(1)
        assert nearest.max() < 500


def test_mitochondria_lie_inside_neurites(layers):
    inside = layers["mitochondria"] > 0
    assert not (inside & (layers["neurites"] == 0)).any()
    assert (inside & (layers["membrane"] > 0)).sum() <= 1e-3 * inside.sum()


def test_skeletons_are_trees_inside_their_neurites(phantom, layers):
    ids = layers["neurites"]
    skeletons = phantom.skeletons()
    assert set(skeletons) == set(np.unique(ids)) - {0}
    for label, skeleton in skeletons.items():
        np.testing.assert_array_equal(ids[_voxel(phantom, skeleton.positions_nm)], label)
        assert (skeleton.parents < 0).sum() == 1
        assert skeleton.radii_nm.min() > 0
        depth = np.zeros(len(skeleton.parents), int)
        at = np.arange(len(depth))
        while (at := np.where(at >= 0, skeleton.parents[at], -1)).max() >= 0:
            depth += at >= 0
            assert depth.max() < len(depth), "a cycle"


def test_missing_sections_are_black_and_others_are_not(phantom, layers):
    dark = ~layers["image"].reshape(len(layers["image"]), -1).any(1)
    np.testing.assert_array_equal(dark, phantom.sections.missing)
