"""Synapses by rules: scenes with known answers, each rule alone, symmetries, and bad input."""

import dataclasses

import numpy as np
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from ops.synapses.find import find_synapses
from ops.synapses.rules import Rules
from ops.synapses.table import columns

SIZE_NM = (30.0, 6.0, 6.0)
RULES = Rules(least_nm3=1000, least_section_nm2=100, vesicle_reach_nm=150, least_vesicles_nm3=1)


def found(scene, rules=RULES, **changes):
    scene = {**scene, **changes}
    return find_synapses(**scene, voxel_size_nm=SIZE_NM, rules=rules)


def test_a_cleft_between_two_cells_is_a_synapse_of_the_cell_with_the_vesicles(two_cells):
    labels, table = found(two_cells())
    assert (table.pre.tolist(), table.post.tolist()) == ([3], [7])
    np.testing.assert_array_equal(labels != 0, two_cells()["cleft"] != 0)
    assert table.size_voxels.tolist() == [4 * 20 * 6]
    np.testing.assert_allclose(table.place_nm, [[4 * 30, 30 * 6, 40 * 6]])
    # The middles of a row of 12 columns of vesicles, all in reach: 8 to 20 voxels from the middle.
    assert table.vesicles_pre.tolist() == [4 * 20 * 12] and table.vesicles_post.tolist() == [0]
    np.testing.assert_allclose(table.polarity_confidence, 1 / (1 + np.exp(-6)), rtol=1e-6)
    assert not table.at_edge.any()


def test_partner_sites_lie_in_the_partners_near_the_cleft(two_cells):
    scene = two_cells()
    _, table = found(scene)
    for side, sites in ((table.pre, table.pre_nm), (table.post, table.post_nm)):
        place = tuple((sites[0] / SIZE_NM).astype(int))
        assert scene["segmentation"][place] == side[0]
        assert np.linalg.norm(sites[0] - table.place_nm[0]) < 100


@given(st.integers(0, 30), st.sets(st.integers(0, 2)))
@settings(max_examples=15, deadline=None)
def test_a_mirrored_image_has_mirrored_synapses_of_the_same_direction(many_cells, seed, axes):
    scene = many_cells(seed)
    labels, table = found(scene)
    flip = tuple(axes)
    mirrored = {name: np.ascontiguousarray(np.flip(v, flip)) for name, v in scene.items()}
    flipped, other = found(mirrored)
    np.testing.assert_array_equal(np.flip(flipped, flip) != 0, labels != 0)
    names = ("pre", "post", "size_voxels", "vesicles_pre", "vesicles_post")
    rows = [
        sorted(zip(*(getattr(t, n).tolist() for n in names), strict=True)) for t in (table, other)
    ]
    assert rows[0] == rows[1]


def test_vesicles_on_the_other_side_turn_the_synapse_round(two_cells):
    scene = two_cells()
    _, table = found(scene, vesicle=np.ascontiguousarray(scene["vesicle"][..., ::-1]))
    assert (table.pre.tolist(), table.post.tolist()) == ([7], [3])


def test_without_vesicles_there_is_no_synapse_and_without_their_map_no_direction(two_cells):
    scene = two_cells()
    labels, table = found(scene, vesicle=np.zeros_like(scene["vesicle"]))
    assert len(table) == 0 and not labels.any()
    _, table = found(scene, vesicle=None)
    assert len(table) == 1 and not table.directed.any()
    assert np.isnan(table.polarity_confidence).all()


def test_vesicles_beyond_reach_or_in_other_cells_do_not_count(two_cells):
    scene = two_cells()
    assert len(found(scene, dataclasses.replace(RULES, vesicle_reach_nm=20))[1]) == 0
    scene["segmentation"][:, :, :33] = 99  # a third cell has the vesicles
    assert len(found(scene, dataclasses.replace(RULES, shell_nm=20))[1]) == 0


def test_as_many_vesicles_on_both_sides_are_no_synapse_where_asymmetry_is_asked_for(two_cells):
    scene = two_cells()
    scene["vesicle"] = np.maximum(scene["vesicle"], scene["vesicle"][..., ::-1])
    _, table = found(scene)
    np.testing.assert_allclose(table.polarity_confidence, 0.5)
    assert len(found(scene, dataclasses.replace(RULES, least_asymmetry=0.1))[1]) == 0


@pytest.mark.parametrize(
    ("name", "just", "too_much"),
    [
        ("least_section_nm2", 20 * 6 * 36.0, 20 * 6 * 36 + 1.0),
        ("least_nm3", 480 * 1080.0, 480 * 1080 + 1.0),
        ("least_sections", 4, 5),
        ("longest_nm", 120.0, 119.0),
        ("cleft_probability", 1.0, None),
    ],
)
def test_a_limit_is_kept_at_exactly_its_value(two_cells, name, just, too_much):
    assert len(found(two_cells(), dataclasses.replace(RULES, **{name: just}))[1]) == 1
    if too_much:
        assert len(found(two_cells(), dataclasses.replace(RULES, **{name: too_much}))[1]) == 0


def test_too_large_a_part_of_a_section_is_left_out(two_cells):
    rules = dataclasses.replace(RULES, least_section_nm2=0, most_section_nm2=20 * 6 * 36 - 1)
    assert len(found(two_cells(), rules)[1]) == 0


def test_a_cleft_far_from_any_membrane_is_none(two_cells):
    scene = two_cells()
    scene["membrane"] = np.roll(scene["membrane"], 25, axis=2)
    assert len(found(scene)[1]) == 0
    assert len(found(scene, membrane=None)[1]) == 1


def test_membrane_counts_up_to_exactly_its_distance(two_cells):
    scene = two_cells()
    scene["membrane"][:] = 0
    scene["membrane"][:, :, 30] = 255  # 7 to 12 voxels away from the cleft's columns
    at = dataclasses.replace(RULES, membrane_distance_nm=42)
    assert found(scene, at)[1].size_voxels.tolist() == [4 * 20]
    assert len(found(scene, dataclasses.replace(at, membrane_distance_nm=41.9))[1]) == 0


def test_a_synapse_with_several_partners_has_a_row_for_each_with_one_id(two_cells):
    scene = two_cells()
    scene["segmentation"][:, 30:, 40:] = 11
    _, one = found(scene)
    assert len(one) == 1
    labels, table = found(scene, dataclasses.replace(RULES, partners="several"))
    assert labels.max() == 1 and table.id.tolist() == [1, 1]
    assert table.pre.tolist() == [3, 3] and sorted(table.post.tolist()) == [7, 11]


def test_a_cleft_within_one_segment_has_no_partner_and_makes_no_edge(two_cells):
    scene = two_cells(cells=(5, 5))
    _, table = found(scene)
    assert (table.pre.tolist(), table.post.tolist()) == ([5], [0])
    assert not table.directed.any() and np.isnan(table.polarity_confidence).all()
    scene["segmentation"][:] = 0
    assert len(found(scene)[1]) == 0


@pytest.mark.parametrize("axis", [0, 1, 2])
def test_a_synapse_at_the_edge_of_the_volume_is_flagged(two_cells, axis):
    scene = two_cells()
    first = (2, 20, 37)[axis]
    cut = tuple(slice(first if number == axis else 0, None) for number in range(3))
    scene = {name: np.ascontiguousarray(voxels[cut]) for name, voxels in scene.items()}
    _, table = found(scene, vesicle=None)
    assert table.at_edge.tolist() == [True]


def test_bytes_and_floats_say_the_same(many_cells):
    scene = many_cells(3)
    floats = {
        n: (v / np.float32(255)).astype(np.float32) for n, v in scene.items() if n != "segmentation"
    }
    first, second = found(scene), found(scene, **floats)
    np.testing.assert_array_equal(first[0], second[0])
    for name, column in columns(first[1]).items():
        np.testing.assert_array_equal(column, columns(second[1])[name])


def test_nothing_gives_an_empty_table(two_cells):
    scene = two_cells()
    labels, table = found(scene, cleft=np.zeros_like(scene["cleft"]))
    assert len(table) == 0 and not labels.any()
    assert table.place_nm.shape == (0, 3)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"membrane": np.zeros((2, 3, 4), np.uint8)}, "needs maps of one volume"),
        ({"vesicle": np.zeros((8, 60, 80))}, "needs probabilities"),
        ({"cleft": np.zeros((8, 60), np.uint8)}, "needs maps of one volume"),
        ({"segmentation": np.zeros((8, 60, 80), np.int64)}, "needs unsigned ids"),
    ],
)
def test_maps_that_do_not_fit_are_refused(two_cells, changes, words):
    with pytest.raises(ValueError, match=words):
        found(two_cells(), **changes)


@pytest.mark.parametrize(
    ("changes", "words"),
    [
        ({"cleft_probability": 0.0}, "needs a probability"),
        ({"least_asymmetry": 1.5}, "needs a share"),
        ({"shell_nm": -1.0}, "needs a finite number"),
        ({"steepness": float("nan")}, "needs a finite number"),
        ({"least_section_nm2": 9.0, "most_section_nm2": 8.0}, "needs the least below the most"),
        ({"partners": "many"}, "needs 'one' or 'several'"),
    ],
)
def test_rules_out_of_range_are_refused(changes, words):
    with pytest.raises(ValueError, match=words):
        dataclasses.replace(RULES, **changes)
