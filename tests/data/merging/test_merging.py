"""Merges made by program: where objects touch, what is matched with them, and batches of both."""

import itertools

import numpy as np
import pytest

from data.augment.symmetry import symmetries
from data.datasets.mnist import read_mnist
from data.merging import batches
from data.merging import shapes as shapes_module
from data.merging.batches import WindowSource, window_batches
from data.merging.contacts import contact_voxels, find_contacts
from data.merging.digits import digit_windows, touching
from data.merging.examples import find_examples, match
from data.merging.shapes import read_shapes
from data.volume import from_array
from ops.shape_windows import cut_windows

WINDOW = (16, 16, 16)


@pytest.fixture(scope="module")
def tubes():
    """Crooked tubes side by side that fill space, each its own id, 30 nm."""
    z, y, x = np.indices((60, 60, 60))
    widths = np.array([5, 11, 4, 9, 13, 6, 12, 4, 9])
    tube = np.repeat(np.arange(len(widths)), widths)
    sway = np.rint(2 + 2 * np.sin(z / 6)).astype(int)
    labels = (1 + tube[y + sway] * 10 + tube[x]).astype(np.uint32)
    return read_shapes(from_array(labels, (30.0, 30.0, 30.0), name="tubes"), 30.0)


def test_slabs_and_the_whole_give_the_same_shapes(monkeypatch):
    rng = np.random.default_rng(0)
    labels = rng.integers(0, 9, (11, 12, 14)).repeat(3, axis=2).astype(np.uint64) * 10**9
    volume = from_array(labels, (20.0, 10.0, 10.0))
    whole = read_shapes(volume, 30.0)
    monkeypatch.setattr(shapes_module, "BLOCK_VOXELS", 1)
    parts = read_shapes(volume, 30.0)
    np.testing.assert_array_equal(whole.labels, parts.labels)
    assert whole.ids.tolist() == [n * 10**9 for n in range(9)]
    assert whole.sizes.sum() == whole.labels.size and not whole.isotropic


@pytest.mark.parametrize(
    ("labels", "words"),
    [
        (np.ones((8, 8, 8), np.uint8), "got 1 objects"),
        (np.ones((8, 8, 8), np.float32), "needs labels"),
    ],
)
def test_volumes_without_two_objects_are_refused(labels, words):
    with pytest.raises(ValueError, match=words):
        read_shapes(from_array(labels, (30.0, 30.0, 30.0)), 30.0)


def test_objects_thinner_than_a_voxel_are_left_out_and_told_of(caplog):
    labels = np.ones((8, 8, 8), np.uint8)
    labels[:, :, 4:] = 2
    labels[0, 0, 0] = 9
    with caplog.at_level("INFO"):
        shapes = read_shapes(from_array(labels, (10.0, 10.0, 10.0)), 20.0)
    assert shapes.ids.tolist() == [0, 1, 2] and "1 of 3 objects are thinner" in caplog.text


def test_contacts_are_where_two_boxes_meet():
    labels = np.zeros((100, 20, 20), np.uint32)
    labels[90:98, 2:10, 2:10] = 5
    labels[90:98, 2:10, 10:15] = 3
    labels[2:5, 2:5, 2:5] = 8  # touches nothing
    contacts = find_contacts(labels, np.random.default_rng(0))
    assert set(map(tuple, contacts.pairs.tolist())) == {(3, 5)}
    assert set(contacts.areas.tolist()) == {8 * 8}  # though a block ends at plane 96
    assert (contacts.places[:, 2] == 9).all()
    found = contact_voxels(labels, np.array([3, 5], np.uint32))
    assert len(found) == 64 and set(found[:, 2].tolist()) == {9}


def test_matches_look_like_their_merges(tubes):
    examples = find_examples(tubes, WINDOW, 100, 300, 0)
    assert len(examples.centres) > 200 and examples.merged[::2].all()
    assert not examples.merged[1::2].any() and (examples.areas[1::2] == 0).all()
    apart = abs(examples.features[::2] - examples.features[1::2])
    assert (apart <= [0.15, 1.5, 1.5]).all()
    merge, single = examples.features[::2, 0], examples.features[1::2, 0]
    assert abs(merge.mean() - single.mean()) < 0.1 * merge.std() + 0.02
    again = find_examples(tubes, WINDOW, 100, 300, 0)
    np.testing.assert_array_equal(examples.centres, again.centres)
    other = find_examples(tubes, WINDOW, 100, 300, 1)
    assert (
        examples.centres.shape != other.centres.shape or (examples.centres != other.centres).any()
    )


def test_matching_is_one_to_one_and_leaves_out_what_nothing_resembles():
    merges = np.array([[5.0, 2.0, 9.0], [50.0, 2.0, 9.0]], np.float32)
    singles = np.array([[5.1, 2.0, 9.0], [5.0, 2.0, 9.1]], np.float32)
    rows, columns = match(merges, singles)
    assert rows.tolist() == [0] and columns.tolist() == [1]


def test_objects_that_do_not_touch_are_refused():
    labels = np.zeros((20, 20, 20), np.uint8)
    labels[:8], labels[12:] = 1, 2
    shapes = read_shapes(from_array(labels, (30.0, 30.0, 30.0)), 30.0)
    with pytest.raises(ValueError, match="no two objects that touch"):
        find_examples(shapes, WINDOW, 10, 10, 0)


def source_of(shapes, examples):
    def cut(numbers, shifts):
        centres = examples.centres[numbers] + shifts
        return cut_windows(shapes.labels, examples.ids[numbers], centres, WINDOW)

    return WindowSource(cut, len(examples.centres) // 2, WINDOW, shapes.isotropic)


def test_batch_k_depends_on_the_seed_and_k_alone(tubes):
    source = source_of(tubes, find_examples(tubes, WINDOW, 100, 300, 0))
    found = list(itertools.islice(window_batches(source, 4, 0), 3))
    windows, merged = next(window_batches(source, 4, 0, start=2))
    np.testing.assert_array_equal(windows, found[2][0])
    assert merged.tolist() == [1, 0, 1, 0] and windows.shape == (4, *WINDOW, 1)
    assert (next(window_batches(source, 4, 1, start=2))[0] != windows).any()
    with pytest.raises(ValueError, match="even number"):
        next(window_batches(source, 3, 0))


@pytest.mark.parametrize(("isotropic", "count"), [(True, 48), (False, 16)])
def test_all_symmetries_are_drawn_and_no_others(isotropic, count, monkeypatch):
    """A lopsided window has as many images as there are symmetries."""
    monkeypatch.setattr(batches, "BORDERS", 0.0)
    window = np.zeros((1, 16, 16, 16), bool)
    window[0, 7, 7, 6] = window[0, 6, 7, 7] = window[0, 6, 6, 6] = window[0, 7, 6, 5] = True

    def cut(numbers, shifts):
        return window.repeat(len(numbers), axis=0)

    source = WindowSource(cut, 1, WINDOW, isotropic)
    drawn = itertools.islice(window_batches(source, 2, 0), 400)
    assert len({image.tobytes() for windows, _ in drawn for image in windows}) == count


def test_borders_spare_the_middle_and_the_place_of_the_merge(monkeypatch):
    """Beside them, windows are cut to as little as a few planes, along any axis."""
    monkeypatch.setattr(batches, "BORDERS", 1.0)
    monkeypatch.setattr(batches, "symmetries", lambda shape, _: symmetries(shape, "none"))
    moved = []

    def cut(numbers, shifts):
        moved.extend(shifts.tolist())
        return np.ones((len(numbers), *WINDOW), bool)

    source = WindowSource(cut, 1, WINDOW, True)
    drawn = [w for b, _ in itertools.islice(window_batches(source, 2, 0), 200) for w in b[..., 0]]
    left = np.array([[w.any(axis=tuple({0, 1, 2} - {a})).sum() for a in range(3)] for w in drawn])
    assert (left.min(axis=0) <= 7).all() and (left.max(axis=0) == 16).all()
    for window, shift in zip(drawn, moved, strict=True):
        assert window[8, 8, 8] and window[tuple(8 - np.array(shift))]


def test_digits_touch_and_stay_in_the_middle():
    bar = np.zeros((20, 20), bool)
    bar[8:12, 5:15] = True
    both = touching(bar, bar, 0.0)
    assert both is not None and both.sum() == 80 - 4  # they share one line
    assert touching(np.roll(bar, 3, axis=0), np.roll(bar, -3, axis=0), 0.0) is None


def test_merged_digits_have_no_more_ink(data_root):
    images, _ = read_mnist(data_root, "validation")
    source, features = digit_windows(images[:200], (1, 64, 64), 60, 0)
    assert source.pairs > 20
    windows = source.cut(np.arange(2 * source.pairs), np.zeros((2 * source.pairs, 3), int))
    ink = windows.sum(axis=(1, 2, 3)).reshape(-1, 2)
    assert abs(np.log(ink[:, 0] / ink[:, 1])).max() < 0.16
    assert abs(features[::2] - features[1::2]).max() <= 1.5
    deep, _ = digit_windows(images[:200], (16, 64, 64), 5, 0)
    drawn_out = deep.cut(np.arange(2), np.zeros((2, 3), int))
    assert drawn_out.shape == (2, 16, 64, 64) and drawn_out.any(axis=(2, 3)).all()
    with pytest.raises(ValueError, match="at least 32"):
        digit_windows(images, (1, 16, 16), 5, 0)
