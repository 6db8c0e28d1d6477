"""Labels are unsigned integers, images are grey values, and casts lose nothing."""

import numpy as np
import pytest
from hypothesis import assume, given
from hypothesis import strategies as st
from hypothesis.extra import numpy as npst

from data.checks import cast_exactly, check_image_volume, check_label_volume, check_voxels
from data.volume import from_array


def volume(dtype, shape=(2, 3, 4)):
    return from_array(np.zeros(shape, dtype), (30, 6, 6), name="a.h5:labels")


@pytest.mark.parametrize("dtype", ["float32", "int64", "float64", "int8"])
def test_labels_are_unsigned(dtype):
    with pytest.raises(
        ValueError, match=rf"a.h5:labels: got labels of dtype {dtype}.*dtype=uint64"
    ):
        check_label_volume(volume(dtype))


def test_good_labels_and_images_pass():
    assert check_label_volume(volume("uint64")).dtype == np.uint64
    assert check_image_volume(volume("float32")).dtype == np.float32


@pytest.mark.parametrize(("dtype", "shape"), [("uint64", (2, 3, 4)), ("uint8", (2, 3, 4, 3))])
def test_images_are_grey_values(dtype, shape):
    with pytest.raises(ValueError, match=r"a.h5:labels: got an image .* needs axes \(z, y, x\)"):
        check_image_volume(volume(dtype, shape))


@pytest.mark.parametrize("dtype", ["complex64", "O", "S3", "bool", "M8[s]"])
def test_voxels_are_numbers(dtype):
    with pytest.raises(ValueError, match="got voxels of dtype"):
        check_voxels(np.dtype(dtype), "a.h5:raw")


@pytest.mark.parametrize(
    ("values", "dtype"),
    [
        (np.array([0, 256], np.uint16), "uint8"),
        (np.array([0, -1], np.int64), "uint64"),
        (np.array([0, 2**63], np.uint64), "int64"),
        (np.array([0, 0.5], np.float32), "uint8"),
        (np.array([0, -1], np.float32), "uint64"),
        (np.array([0, np.nan], np.float64), "float32"),
        (np.array([0, np.inf], np.float32), "uint32"),
        (np.array([0, 1e300], np.float64), "float32"),
        (np.array([0, 2**24 + 1], np.uint32), "float32"),
        (np.array([0, 2**53 + 1], np.uint64), "float64"),
    ],
)
def test_a_cast_that_would_change_a_value_says_where(values, dtype):
    block = values.reshape(1, 1, 2)
    with pytest.raises(ValueError, match=rf"em: got the value .* at voxel \(10, 0, 6\).*{dtype}"):
        cast_exactly(block, np.dtype(dtype), (10, 0, 5), "em")


@given(
    npst.arrays(st.sampled_from([np.uint8, np.int16, np.uint32, np.uint64, np.float32]), (2, 2, 2)),
    st.sampled_from(["uint8", "uint16", "uint64", "int64", "float32", "float64"]),
)
def test_a_cast_gives_equal_values_or_none(block, dtype):
    """As exact integers and fractions of Python see it."""
    assume(not np.isnan(block.astype(np.float64)).any())
    try:
        cast = cast_exactly(block, np.dtype(dtype), (0, 0, 0), "em")
    except ValueError:
        limits = np.iinfo(dtype) if np.dtype(dtype).kind in "iu" else None
        exact = [
            limits is not None and v == int(v) and limits.min <= v <= limits.max
            for v in block.ravel().tolist()
            if np.isfinite(v)
        ]
        assert len(exact) < block.size or not all(exact)
    else:
        assert cast.dtype == dtype
        assert [*cast.ravel().tolist()] == [*block.ravel().tolist()]
