"""Volumes read together: all blocks, each once, from all of them, one ahead of the other."""

import math
import threading

import numpy as np
import pytest

from data.creating import create_volume
from data.mapped import map_voxels
from data.side_by_side import read_side_by_side
from data.volume import Volume, from_array

SIZE_NM = (30.0, 6.0, 6.0)
VOXELS = np.arange(5 * 12 * 14, dtype=np.uint32).reshape(5, 12, 14)


@pytest.fixture
def save(tmp_path):
    def write(name: str, voxels: np.ndarray, chunk_shape, suffix=".zarr", **settings) -> Volume:
        volume = create_volume(
            f"{tmp_path}/{name}{suffix}",
            shape=voxels.shape,
            dtype=voxels.dtype,
            voxel_size_nm=SIZE_NM,
            chunk_shape=chunk_shape,
            **settings,
        )
        volume.write(voxels)
        return volume

    return write


def assembled(volumes, name: str) -> np.ndarray:
    """The volume put together from its blocks; fails where two overlap or one is missing."""
    voxels = volumes[name].read()
    times = np.zeros(voxels.shape[:3], int)
    found = np.zeros_like(voxels)
    for place, layers in read_side_by_side(volumes):
        times[place] += 1
        found[place] = layers[name]
    assert (times == 1).all()
    return found


@pytest.mark.parametrize("nbytes", [1, 100, 1000, 2**26])
@pytest.mark.parametrize("shapes", [((2, 5, 3), (3, 12, 4)), ((1, 12, 14), (5, 2, 2))])
def test_blocks_make_up_every_volume(save, monkeypatch, nbytes, shapes):
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", nbytes)
    layers = {"labels": VOXELS, "image": (VOXELS % 251).astype(np.uint8)}
    volumes = {
        name: save(name, voxels, shape)
        for (name, voxels), shape in zip(layers.items(), shapes, strict=True)
    }
    for name, voxels in layers.items():
        np.testing.assert_array_equal(assembled(volumes, name), voxels)


def test_one_volume_alone(save, monkeypatch):
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 300)
    volumes = {"labels": save("labels", VOXELS, (2, 4, 5), ".n5")}
    np.testing.assert_array_equal(assembled(volumes, "labels"), VOXELS)


def test_a_small_volume_is_one_block():
    ((place, layers),) = read_side_by_side({"labels": from_array(VOXELS, SIZE_NM)})
    assert place == (slice(0, 5), slice(0, 12), slice(0, 14))
    np.testing.assert_array_equal(layers["labels"], VOXELS)


def test_channels_come_along_with_the_block(save, monkeypatch):
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 500)
    channels = np.stack([VOXELS, VOXELS + 1], axis=-1)
    volumes = {
        "labels": save("labels", VOXELS, (2, 4, 5)),
        "channels": save("channels", channels, (3, 6, 7)),
    }
    np.testing.assert_array_equal(assembled(volumes, "channels"), channels)


def test_blocks_are_as_large_as_allowed_in_the_widest_volume(save, monkeypatch):
    """Whole chunks of the coarsest volume: here of 2 x 6 x 7 voxels, of 4 bytes each."""
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 2 * 6 * 7 * 4)
    volumes = {
        "labels": save("labels", VOXELS, (1, 2, 2)),
        "mask": save("mask", VOXELS.astype(np.uint8), (2, 6, 7)),
    }
    sizes = [math.prod(layers["mask"].shape) for _, layers in read_side_by_side(volumes)]
    assert len(sizes) == 3 * 2 * 2
    assert max(sizes) == 2 * 6 * 7


def test_only_one_block_is_read_ahead(save, monkeypatch):
    """Reads are counted as they happen: never more than those yielded, and the next."""
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 1)
    read, lock = [], threading.Lock()

    def count(block: np.ndarray) -> np.ndarray:
        with lock:
            read.append(block.shape)
        return block

    volume = map_voxels(save("labels", VOXELS, (1, 12, 14)), count, np.uint32)
    for number, _ in enumerate(read_side_by_side({"labels": volume})):
        assert number + 1 <= len(read) <= number + 2
    assert len(read) == 5


def test_nothing_is_read_before_it_is_asked_for(save):
    def fail(block: np.ndarray) -> np.ndarray:
        raise AssertionError("read too early")

    volume = map_voxels(save("labels", VOXELS, (1, 12, 14)), fail, np.uint32)
    read_side_by_side({"labels": volume})


def test_nan_is_refused_with_its_place_in_the_dataset(save, monkeypatch):
    monkeypatch.setattr("data.side_by_side.BLOCK_BYTES", 1)
    voxels = np.zeros((4, 6, 6), np.float32)
    voxels[3, 4, 5] = np.nan
    volume = save("scores", voxels, (2, 3, 3), offset=(10, 20, 30))
    with pytest.raises(ValueError, match=r"scores\.zarr: got NaN at voxel .* = \(13, 24, 35\)"):
        list(read_side_by_side({"scores": volume}))


def test_volumes_of_another_grid_are_refused():
    first = from_array(VOXELS, SIZE_NM, name="first")
    with pytest.raises(ValueError, match=r"second: got shape \(5, 12, 13\).*the shape of first"):
        list(
            read_side_by_side(
                {"a": first, "b": from_array(VOXELS[..., 1:], SIZE_NM, name="second")}
            )
        )
    with pytest.raises(ValueError, match=r"second: got voxel size .*that of first"):
        other = from_array(VOXELS, (30, 4, 4), name="second")
        list(read_side_by_side({"a": first, "b": other}))


def test_progress_is_shown_only_if_it_has_a_name(capsys):
    volumes = {"labels": from_array(VOXELS, SIZE_NM)}
    list(read_side_by_side(volumes))
    assert capsys.readouterr().err == ""
    list(read_side_by_side(volumes, "counting"))
    assert "counting" in capsys.readouterr().err
