"""Skeletons of known shapes, of moved and stretched ones, beside thinning, and of real tissue."""

import itertools
from pathlib import Path

import jaxtyping
import numpy as np
import pytest
from scipy.sparse import coo_array
from scipy.sparse.csgraph import minimum_spanning_tree
from scipy.spatial import KDTree
from skimage.morphology import skeletonize

from data.datasets.loading import load
from ops.downsampling import coarse_factors
from ops.metrics.positions import look_up
from ops.skeletons.skeleton import Skeleton
from ops.skeletons.teasar import skeletonise

SIZE_NM = (30.0, 24.0, 24.0)


def balls_along(ends_nm, radius_nm, shape, voxel_size_nm=SIZE_NM):
    """A mask of all voxels whose middle is within a radius of a line through the given points."""
    middles = (np.indices(shape) + 0.5) * np.reshape(voxel_size_nm, (3, 1, 1, 1))
    mask = np.zeros(shape, bool)
    for a, b in itertools.pairwise(ends_nm):
        along, from_a = np.subtract(b, a), np.moveaxis(middles, 0, -1) - a
        share = (from_a @ along / (along @ along)).clip(0, 1)[..., None]
        mask |= np.linalg.norm(from_a - share * along, axis=-1) <= radius_nm
    return mask


def ends(tree: Skeleton) -> int:
    """Nodes with one neighbour."""
    child = np.flatnonzero(tree.parents >= 0)
    neighbours = np.bincount(child, minlength=len(tree.parents))
    neighbours += np.bincount(tree.parents[child], minlength=len(tree.parents))
    return int(np.count_nonzero(neighbours == 1))


def is_same(first: Skeleton, second: Skeleton) -> bool:
    names = ("positions_nm", "parents", "radii_nm")
    return all(np.array_equal(getattr(first, n), getattr(second, n)) for n in names)


@pytest.fixture(scope="module")
def y_branch():
    shape, middle = (30, 50, 50), (450.0, 600.0, 600.0)
    arms = [(450.0, 150.0, 250.0), (450.0, 150.0, 950.0), (450.0, 1080.0, 600.0)]
    mask = np.any([balls_along([middle, arm], 80.0, shape) for arm in arms], axis=0)
    return mask.astype(np.uint32), float(sum(np.linalg.norm(np.subtract(middle, a)) for a in arms))


def test_a_straight_tube_has_its_axis_length_and_radius():
    mask = balls_along([(300.0, 300.0, 0.0), (300.0, 300.0, 1200.0)], 120.0, (20, 25, 50))
    (tree,) = skeletonise(mask.astype(np.uint64), SIZE_NM).values()
    x = tree.positions_nm[:, 2]
    inner = (x > 200) & (x < 1000)
    assert abs(tree.positions_nm[inner][:, :2] - 300.0).max() <= 30.0
    assert abs(np.ptp(x) - 1200) <= 24.0
    # 49 steps of 24 nm, up to five at either end aslant as they bend into the rim of the face.
    assert 49 * 24 <= tree.length_nm() <= 49 * 24 + 10 * (np.linalg.norm(SIZE_NM) - 24)
    assert abs(inner.sum() * 24 - np.ptp(x[inner]) - 24) < 1e-6
    np.testing.assert_allclose(tree.radii_nm[inner], 120, atol=24)


def test_a_face_of_the_array_is_no_surface():
    labels = np.zeros((15, 15, 40), np.uint32)
    labels[4:11, 4:11] = 1
    (tree,) = skeletonise(labels, (10, 10, 10)).values()
    at_face = tree.positions_nm[:, 2] < 60
    middle = abs(tree.positions_nm[:, :2] - 75).max(axis=1) <= 10
    assert (tree.radii_nm[at_face & middle] >= 25).all() and (at_face & middle).any()


def test_a_y_has_three_ends(y_branch):
    labels, length = y_branch
    (tree,) = skeletonise(labels, SIZE_NM, constant_nm=100).values()
    assert ends(tree) == 3
    assert 0.95 * length < tree.length_nm() < 1.2 * length


def test_a_ring_is_cut_open_once():
    z, y, x = np.mgrid[-6:7, -26:27, -26:27]
    ring = (np.hypot(y, x) - 20) ** 2 + z**2 <= 9
    (tree,) = skeletonise(ring.astype(np.uint32), (10, 10, 10), constant_nm=60).values()
    assert np.count_nonzero(tree.parents < 0) == 1
    around = np.unique(np.degrees(np.arctan2(*(tree.positions_nm[:, 1:] - 265).T)) // 20)
    assert len(around) == 18  # it passes through every 20 degrees of the ring
    assert 2 * np.pi * 170 < tree.length_nm() < 1.2 * 2 * np.pi * 200


def test_the_same_voxels_of_twice_the_size_have_twice_the_length(y_branch):
    labels, _ = y_branch
    (one,) = skeletonise(labels, SIZE_NM, constant_nm=100).values()
    (two,) = skeletonise(labels, tuple(2 * s for s in SIZE_NM), constant_nm=200).values()
    np.testing.assert_allclose(two.positions_nm, 2 * one.positions_nm)
    np.testing.assert_allclose(two.radii_nm, 2 * one.radii_nm, rtol=1e-5)


@pytest.mark.parametrize("voxel_size_nm", [(24.0, 24.0, 24.0), (40.0, 16.0, 16.0)])
def test_the_same_object_in_other_voxels_has_the_same_length(voxel_size_nm):
    bend = [(150.0, 150.0, 150.0), (150.0, 900.0, 200.0), (500.0, 1000.0, 1000.0)]
    lengths = []
    for size in (SIZE_NM, voxel_size_nm):
        shape = tuple(int(n / s) for n, s in zip((660, 1150, 1150), size, strict=True))
        mask = balls_along(bend, 90.0, shape, size).astype(np.uint32)
        (tree,) = skeletonise(mask, size, constant_nm=200).values()
        lengths.append(tree.length_nm())
    assert abs(lengths[1] / lengths[0] - 1) < 0.06


def test_a_moved_object_has_the_moved_skeleton(y_branch):
    labels, _ = y_branch
    (here,) = skeletonise(np.pad(labels, 8), SIZE_NM, offset=(-8, -8, -8)).values()
    moved = np.pad(labels, ((9, 7), (12, 4), (3, 13)))
    (there,) = skeletonise(moved, SIZE_NM, offset=(-9, -12, -3)).values()
    assert is_same(here, there)


def test_objects_do_not_influence_one_another_nor_do_threads(rng):
    labels = np.repeat(rng.integers(0, 40, (4, 4, 4)), 8, 0).repeat(8, 1).repeat(8, 2)
    labels = labels.astype(np.uint64) * 2**56
    together = skeletonise(labels, SIZE_NM, threads=3)
    assert list(together) == [int(i) for i in np.unique(labels)[1:]]
    for id, tree in list(together.items())[::8]:
        alone = skeletonise(np.where(labels == np.uint64(id), labels, np.uint64(0)), SIZE_NM)
        assert is_same(alone[id], tree)


def test_parts_give_a_forest_with_parents_first_and_one_voxel_a_node():
    labels = np.zeros((5, 5, 30), np.uint32)
    labels[2, 2, 2:12] = labels[2, 2, 20:28] = 1
    labels[4, 4, 4] = 2
    trees = skeletonise(labels, SIZE_NM)
    assert np.count_nonzero(trees[1].parents < 0) == 2
    assert trees[1].length_nm() == (9 + 7) * 24
    assert (trees[1].parents < np.arange(18)).all()
    assert trees[2].positions_nm.tolist() == [[4.5 * 30, 4.5 * 24, 4.5 * 24]]
    assert trees[2].radii_nm.tolist() == [12.0]


def test_short_objects_can_be_left_out():
    labels = np.zeros((5, 5, 30), np.uint32)
    labels[1, 1, 2:12], labels[3, 3, 3:5] = 1, 2
    assert list(skeletonise(labels, SIZE_NM, least_length_nm=30)) == [1]
    assert skeletonise(np.zeros_like(labels), SIZE_NM) == {}


def test_a_coarser_grid_keeps_nodes_in_the_object_and_its_length(rng):
    bend = [(150.0, 150.0, 150.0), (150.0, 500.0, 200.0), (300.0, 600.0, 700.0)]
    labels = balls_along(bend, 70.0, (14, 120, 130), (30, 6, 6)).astype(np.uint32)
    (fine,) = skeletonise(labels[:, ::4, ::4], (30, 24, 24)).values()
    (coarse,) = skeletonise(labels, (30, 6, 6), factors=(1, 4, 4), offset=(5, 0, 0)).values()
    assert (look_up(labels, coarse.positions_nm, (30, 6, 6), offset=(5, 0, 0)) == 1).all()
    assert abs(coarse.length_nm() / fine.length_nm() - 1) < 0.1


def thinned(mask):
    """Lee's thinning: its voxels, and its length in nm, loops cut open."""
    places = np.argwhere(skeletonize(mask))
    a, b = KDTree(places).query_pairs(1.8, output_type="ndarray").T
    steps = np.linalg.norm((places[a] - places[b]) * SIZE_NM, axis=1)
    graph = coo_array((steps, (a, b)), shape=(len(places), len(places)))
    return (places + 0.5) * SIZE_NM, minimum_spanning_tree(graph.tocsr()).sum()


def test_a_long_neurite_is_where_thinning_finds_it_and_as_long():
    way = [(500.0, 200.0, 200.0), (300.0, 2300.0, 500.0), (500.0, 2400.0, 2400.0)]
    mask = balls_along(way, 70.0, (26, 110, 110))
    (tree,) = skeletonise(mask.astype(np.uint32), SIZE_NM).values()
    places, length = thinned(mask)
    assert ends(tree) == 2
    assert abs(tree.length_nm() / length - 1) < 0.08
    away, _ = KDTree(tree.positions_nm).query(places)
    assert away.max() < 2 * 30


@pytest.mark.parametrize("options", [{"scale": -1.0}, {"constant_nm": -1}, {"factors": (0, 1, 1)}])
def test_settings_out_of_range_are_an_error(options):
    with pytest.raises(ValueError):
        skeletonise(np.ones((2, 2, 2), np.uint32), SIZE_NM, **options)


def test_labels_that_are_signed_are_refused():
    with pytest.raises(jaxtyping.TypeCheckError):
        skeletonise(np.ones((2, 2, 2), np.int64), SIZE_NM)


@pytest.mark.parametrize(("name", "side"), [("snemi3d", 256), ("pinky40", 128)])
def test_every_node_lies_in_its_object_in_real_tissue(name: str, side: int, data_root: Path):
    volume = load(name, data_root, "train").volumes[0]["neurites"][-32:, :side, :side]
    labels, size = volume.read(), volume.voxel_size_nm
    trees = skeletonise(labels, size, factors=coarse_factors(size, 32), least_length_nm=200)
    assert len(trees) > 20
    for id, tree in trees.items():
        assert (look_up(labels, tree.positions_nm, size) == id).all()
        assert (tree.radii_nm > 0).all()
