"""Crops: where they lie, that they repeat, and that errors name their cause."""

import functools
import gc
import itertools
import threading
from typing import Any

import jaxtyping
import numpy as np
import pytest
import tensorstore as ts
from hypothesis import given, settings
from hypothesis import strategies as st

from data.sampling import crop_start, crops, foreground_positions
from data.volume import Volume, from_array

SIZE = (30.0, 6.0, 6.0)


def numbered(shape, first=0, name="image"):
    """A volume in which every voxel has its own number."""
    numbers = np.arange(first, first + np.prod(shape), dtype=np.uint32)
    return from_array(numbers.reshape(shape), SIZE, name=name)


def take(iterator, count):
    return list(itertools.islice(iterator, count))


def assert_same(first, second):
    assert len(first) == len(second)
    for a, b in zip(first, second, strict=True):
        assert a.keys() == b.keys()
        for name in a:
            np.testing.assert_array_equal(a[name], b[name])


@settings(deadline=None)
@given(
    st.integers(0, 2**40),
    st.integers(0, 2**40),
    st.tuples(*[st.tuples(st.integers(1, 20), st.integers(0, 20))] * 3),
)
def test_a_crop_lies_in_its_volume(seed, index, sizes):
    crop = [c for c, _ in sizes]
    volume = [c + room for c, room in sizes]
    start = crop_start(seed, index, volume, crop)
    assert all(0 <= s <= v - c for s, v, c in zip(start, volume, crop, strict=True))
    assert start == crop_start(seed, index, volume, crop)


def test_starts_cover_all_places_evenly():
    starts = [crop_start(0, i, (3, 2, 9), (2, 2, 8)) for i in range(400)]
    places, counts = np.unique(starts, axis=0, return_counts=True)
    assert len(places) == 4
    assert counts.min() > 70


def test_batches_hold_the_voxels_at_their_starts():
    volume = numbered((4, 10, 12))
    truth = volume.read()
    batch, index = next(crops([{"image": volume}], (2, 5, 6), 3, seed=7)), range(3)
    for crop, i in zip(batch["image"], index, strict=True):
        z, y, x = crop_start(7, i, volume.shape, (2, 5, 6))
        np.testing.assert_array_equal(crop, truth[z : z + 2, y : y + 5, x : x + 6])


def test_layers_are_cropped_at_the_same_place_and_keep_channels():
    image = numbered((4, 10, 12))
    both = np.stack([image.read(), image.read() + 1], axis=-1).astype(np.uint64)
    layers = {"image": image, "affinities": from_array(both, SIZE)}
    batch = next(crops([layers], (2, 5, 6), 3, seed=1))
    assert batch["affinities"].shape == (3, 2, 5, 6, 2)
    assert batch["affinities"].dtype == np.uint64
    np.testing.assert_array_equal(batch["affinities"][..., 0], batch["image"])


@pytest.mark.parametrize("prefetch", [0, 1, 5])
def test_prefetch_and_resuming_change_nothing(prefetch):
    sources = [{"image": numbered((4, 10, 12))}, {"image": numbered((3, 8, 9), first=1000)}]
    focus = [np.array([[0, 0, 0], [3, 9, 11]]), np.zeros((0, 3), np.int64)]
    half_focused = functools.partial(
        crops, sources, (2, 4, 4), 2, seed=3, focus=focus, focus_fraction=0.5
    )
    whole = take(half_focused(), 6)
    resumed = half_focused(start=2, prefetch=prefetch)
    assert_same(whole[2:], take(resumed, 4))


def test_seeds_differ():
    layers = {"image": numbered((4, 30, 30))}
    first, second = (next(crops([layers], (2, 5, 5), 4, seed=seed)) for seed in (0, 1))
    assert (first["image"] != second["image"]).any()


def test_sources_are_drawn_by_their_voxels():
    sources = [{"image": numbered((3, 10, 10))}, {"image": numbered((1, 10, 10), first=300)}]
    batch = next(crops(sources, (1, 4, 4), 400, seed=0, prefetch=0))
    from_second = (batch["image"][:, 0, 0, 0] >= 300).mean()
    assert 0.17 < from_second < 0.33


def test_focused_crops_hold_a_position_anywhere_in_them():
    labels = np.zeros((6, 40, 40), np.uint8)
    labels[0, 0, 0] = labels[3, 20, 20] = labels[5, 39, 39] = 1
    volume = from_array(labels, SIZE)
    focus = [foreground_positions(volume)]
    batch = next(crops([{"c": volume}], (2, 8, 8), 200, 0, focus=focus, focus_fraction=1.0))
    counts = batch["c"].sum(axis=(1, 2, 3))
    np.testing.assert_array_equal(counts, 1)
    places = np.argwhere(batch["c"])[:, 1:]
    assert (places.min(axis=0) == 0).all() and (places.max(axis=0) == (1, 7, 7)).all()


def test_a_fraction_of_crops_is_focused():
    labels = np.zeros((1, 200, 200), np.uint8)
    labels[0, 100, 100] = 1
    focus = [np.array([[0, 100, 100]])]
    source = {"c": from_array(labels, SIZE)}
    batch = next(crops([source], (1, 4, 4), 400, 0, focus=focus, focus_fraction=0.3))
    assert 0.23 < batch["c"].any(axis=(1, 2, 3)).mean() < 0.37


@settings(deadline=None)
@given(
    st.integers(0, 2**32), st.tuples(*[st.integers(1, 9)] * 3), st.sampled_from([None, (2, 3, 4)])
)
def test_each_cell_with_foreground_gives_one_position(seed, cell, chunk):
    labels = np.random.default_rng(seed).random((5, 11, 13)) < 0.05
    store = ts.array(labels.astype(np.uint8))
    if chunk:
        layout = ts.ChunkLayout(chunk_shape=chunk)
        store = ts.virtual_chunked(
            lambda domain, array, _: array.__setitem__(..., labels[domain.index_exp]),
            dtype=ts.uint8,
            domain=ts.IndexDomain(shape=labels.shape),
            chunk_layout=layout,
        )
    positions = foreground_positions(Volume(store, SIZE), cell)
    assert labels[tuple(positions.T)].all()
    cells = {tuple(c) for c in (np.argwhere(labels) // np.array(cell)).tolist()}
    found = [tuple(c) for c in (positions // np.array(cell)).tolist()]
    assert sorted(found) == sorted(cells)


@pytest.mark.parametrize("prefetch", [0, 1, 3])
def test_batches_are_requested_ahead(monkeypatch, prefetch):
    """While batch k is worked on, the reads of batches k + 1 to k + prefetch are under way."""
    requested, original = [], Volume.read_async

    def counted(volume):
        requested.append(volume.offset)
        return original(volume)

    monkeypatch.setattr(Volume, "read_async", counted)
    batches = crops([{"image": numbered((4, 10, 12))}], (2, 5, 6), 3, seed=0, prefetch=prefetch)
    assert requested == []
    for taken in range(1, 4):
        next(batches)
        assert len(requested) == 3 * (taken + prefetch)


def test_nan_names_its_volume_and_crop():
    voxels = np.zeros((1, 8, 8), np.float32)
    voxels[0, 4, 4] = np.nan
    image = from_array(voxels, SIZE, offset=(7, 0, 0), name="em.zarr")
    batches = crops([{"image": image}], (1, 8, 8), 2, seed=0)
    with pytest.raises(ValueError, match=r"em.zarr, crop \(1, 8, 8\) at \(7, 0, 0\): got NaN at"):
        next(batches)


def test_an_abandoned_iterator_leaves_no_thread_and_no_generator():
    volume = numbered((4, 10, 12))
    next(crops([{"image": volume}], (2, 5, 6), 2, seed=0))
    before = threading.active_count()
    iterator = crops([{"image": volume}], (2, 5, 6), 2, seed=0, prefetch=8)
    next(iterator)
    del iterator
    gc.collect()
    assert threading.active_count() == before


def test_a_crop_larger_than_its_volume_names_both():
    sources = [{"image": numbered((9, 9, 9))}, {"image": numbered((4, 10, 12), name="small")}]
    with pytest.raises(ValueError, match=r"small: got crop_shape \(5, 5, 5\).*\(4, 10, 12\)"):
        crops(sources, (5, 5, 5), 1, seed=0)
    with pytest.raises(ValueError, match="crop_shape"):
        crop_start(0, 0, (4, 10, 12), (5, 5, 5))
    with pytest.raises(ValueError, match="crop_shape"):
        crops(sources, (5, 5), 1, seed=0)
    with pytest.raises(ValueError, match=r"got seed=-1, .* needs seed >= 0"):
        crops(sources, (1, 1, 1), 1, seed=-1)


def test_crops_are_whole_voxels(monkeypatch):
    monkeypatch.setattr(jaxtyping.config, "jaxtyping_disable", True)
    shape: Any = (2, 4.0, 4)
    with pytest.raises(ValueError, match=r"got crop_shape \(2, 4.0, 4\); needs whole"):
        crops([{"image": numbered((4, 10, 12))}], shape, 1, seed=0)


def test_layers_must_be_there_and_alike():
    image, other = numbered((4, 10, 12)), numbered((4, 10, 13), name="labels")
    for empty in ([], [{}], [{"image": image}, {}]):
        with pytest.raises(ValueError, match="at least one layer"):
            crops(empty, (1, 1, 1), 1, seed=0)
    with pytest.raises(ValueError, match=r"labels: got shape \(4, 10, 13\)"):
        crops([{"image": image, "labels": other}], (1, 1, 1), 1, seed=0)
    with pytest.raises(ValueError, match="those of the first source"):
        crops([{"image": image}, {"labels": image}], (1, 1, 1), 1, seed=0)


@pytest.mark.parametrize("numbers", [(0, 0, 0), (1, -1, 0), (1, 0, -1)])
def test_counts_must_make_sense(numbers):
    batch_size, start, prefetch = numbers
    with pytest.raises(ValueError, match="batch_size >= 1"):
        crops(
            [{"i": numbered((2, 2, 2))}], (1, 1, 1), batch_size, 0, start=start, prefetch=prefetch
        )


def test_focus_must_lie_inside_and_match_the_fraction():
    sources = [{"image": numbered((4, 10, 12))}]
    for fraction, focus, message in [
        (1.5, [np.zeros((1, 3), np.int64)], "focus_fraction=1.5"),
        (0.5, [], "one list per source"),
        (0.5, [np.zeros((0, 3), np.int64)], "one position at least"),
        (0.5, [np.array([[0, 0, 12]])], r"inside \(4, 10, 12\)"),
        (0.5, [np.array([[-1, 0, 0]])], r"inside \(4, 10, 12\)"),
    ]:
        with pytest.raises(ValueError, match=message):
            crops(sources, (1, 1, 1), 1, seed=0, focus=focus, focus_fraction=fraction)
    with pytest.raises(ValueError, match=r"needs \(z, y, x\)"):
        foreground_positions(from_array(np.zeros((2, 2, 2, 1), np.uint8), SIZE, name="x"))
