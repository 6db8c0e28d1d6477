"""Voxels computed from another volume's as they are read."""

import pickle

import hypothesis
import hypothesis.strategies as st
import numpy as np
import pytest
import tensorstore as ts

from data.mapped import map_voxels, remembered
from data.volume import Volume, from_array

ARRAY = np.arange(6 * 7 * 8, dtype=np.uint16).reshape(6, 7, 8)


def double(voxels: np.ndarray) -> np.ndarray:
    return voxels.astype(np.uint32) * 2


def fail(voxels: np.ndarray) -> np.ndarray:
    raise ValueError("no such voxels")


def sectionwise(read_sections: list[int]) -> Volume:
    """ARRAY, read section by section, each read noted in `read_sections`."""

    def read(domain: ts.IndexDomain, block: np.ndarray, _: object) -> None:
        read_sections.append(domain.origin[0])
        block[...] = ARRAY[domain.index_exp]

    layout = ts.ChunkLayout(read_chunk_shape=(1, 7, 8))
    store = ts.virtual_chunked(read, dtype=ARRAY.dtype, shape=ARRAY.shape, chunk_layout=layout)
    return Volume(store, (30.0, 6.0, 6.0))


BOUNDS = [st.tuples(st.integers(0, n - 1), st.integers(1, n)).map(sorted) for n in ARRAY.shape]


@hypothesis.given(st.tuples(*BOUNDS))
@hypothesis.settings(max_examples=30, deadline=None)
def test_any_crop_equals_the_function_of_that_crop(bounds):
    crop = tuple(slice(low, high) for low, high in bounds)
    mapped = map_voxels(from_array(ARRAY, (30.0, 6.0, 6.0)), double, np.uint32)
    np.testing.assert_array_equal(mapped[crop].read(), double(ARRAY)[crop])


def test_place_and_scale_are_kept_and_the_dtype_is_new():
    mapped = map_voxels(from_array(ARRAY, (30.0, 6.0, 6.0), (5, 0, 0)), double, np.uint32)
    assert (mapped.offset, mapped.voxel_size_nm) == ((5, 0, 0), (30.0, 6.0, 6.0))
    assert mapped.dtype == np.uint32


def test_only_the_sections_asked_for_are_read():
    read_sections: list[int] = []
    mapped = map_voxels(sectionwise(read_sections), double, np.uint32)
    assert read_sections == []
    mapped[2:4].read()
    assert sorted(read_sections) == [2, 3]


def test_many_nested_reads_at_once_do_not_block_each_other():
    twice = map_voxels(map_voxels(sectionwise([]), double, np.uint32), double, np.uint32)
    reads = [twice.read_async() for _ in range(32)]
    for read in reads:
        np.testing.assert_array_equal(read.result(timeout=60), double(double(ARRAY)))


def test_errors_of_the_function_reach_the_reader():
    with pytest.raises(ValueError, match="no such voxels"):
        map_voxels(from_array(ARRAY, (30.0, 6.0, 6.0)), fail, np.uint32).read()


def test_it_can_be_pickled():
    mapped = map_voxels(from_array(ARRAY, (30.0, 6.0, 6.0)), double, np.uint32)
    np.testing.assert_array_equal(pickle.loads(pickle.dumps(mapped)).read(), double(ARRAY))


def test_remembered_blocks_are_read_once():
    voxels = np.arange(64, dtype=np.uint16).reshape(4, 4, 4)
    reads = []

    def read(domain: ts.IndexDomain, block: np.ndarray, _: object) -> None:
        reads.append(domain.origin)
        block[...] = voxels[domain.index_exp]

    layout = ts.ChunkLayout(read_chunk_shape=[1, 4, 4])
    store = ts.virtual_chunked(read, dtype=ts.uint16, shape=[4, 4, 4], chunk_layout=layout)
    volume = remembered(Volume(store, (30.0, 6.0, 6.0), (1, 2, 3), "source"))
    for _ in range(3):
        np.testing.assert_array_equal(volume[1:3, 1:2].read(), voxels[1:3, 1:2])
    assert sorted(reads) == [(1, 0, 0), (2, 0, 0)]
    assert volume.offset == (1, 2, 3)
