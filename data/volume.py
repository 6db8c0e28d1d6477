"""A volume: voxels on disk (or made on demand) that know their axes, voxel size and place.

Every source (zarr, N5, precomputed, TIFF, HDF5, the phantom) is one `Volume` over a TensorStore,
so everything downstream reads lazily and asynchronously through one interface. Axes are
(z, y, x), or (z, y, x, channel) for affinities and the like.
"""

import dataclasses
import math
from collections.abc import Sequence

import numpy as np
import tensorstore as ts
from jaxtyping import Shaped

AXES = ("z", "y", "x", "channel")


@dataclasses.dataclass(frozen=True)
class Volume:
    """Voxels with axes (z, y, x[, channel]), read lazily.

    Attributes:
        store: TensorStore of rank 3 or 4; its domain starts at 0.
        voxel_size_nm: edge lengths (z, y, x) of one voxel, in nanometres, all > 0.
        offset: voxel coordinates (z, y, x) of this volume's first voxel in its dataset.
        name: where the voxels come from, for error messages.
    """

    store: ts.TensorStore
    voxel_size_nm: tuple[float, float, float]
    offset: tuple[int, int, int] = (0, 0, 0)
    name: str = "volume"

    def __post_init__(self):
        if self.store.rank not in (3, 4):
            raise ValueError(
                f"{self.name}: got {self.store.rank} axes of sizes {tuple(self.store.shape)}; "
                "a volume needs (z, y, x) or (z, y, x, channel)"
            )
        object.__setattr__(self, "store", self.store[ts.d[:].translate_to[0]])
        object.__setattr__(self, "voxel_size_nm", check_voxel_size(self.voxel_size_nm, self.name))
        object.__setattr__(self, "offset", check_offset(self.offset, self.name))

    @property
    def shape(self) -> tuple[int, ...]:
        """Sizes in voxels along `axes`."""
        return tuple(self.store.shape)

    @property
    def axes(self) -> tuple[str, ...]:
        """("z", "y", "x") or ("z", "y", "x", "channel")."""
        return AXES[: self.store.rank]

    @property
    def dtype(self) -> np.dtype:
        """NumPy dtype of a voxel."""
        return self.store.dtype.numpy_dtype

    @property
    def chunk_shape(self) -> tuple[int, ...]:
        """Shape of the smallest piece that is cheap to read alone."""
        chunk = self.store.chunk_layout.read_chunk.shape or self.shape
        return tuple(c or s for c, s in zip(chunk, self.shape, strict=True))

    def __getitem__(self, index: slice | tuple[slice, ...]) -> "Volume":
        """The sub-volume of a NumPy-like tuple of slices (step 1), without reading it.

        Indices count from this volume's first voxel; the offset moves along.
        """
        slices = index if isinstance(index, tuple) else (index,)
        if not all(isinstance(s, slice) and s.step in (None, 1) for s in slices):
            raise IndexError(f"{self.name}: got index {index}; needs slices of step 1")
        if len(slices) > len(self.shape):
            raise IndexError(
                f"{self.name}: got {len(slices)} slices; needs one for each {self.axes}"
            )
        bounds = [s.indices(n)[:2] for s, n in zip(slices, self.shape, strict=False)]
        crop = tuple(slice(start, max(start, stop)) for start, stop in bounds)
        starts = [s.start for s in crop[:3]] + [0] * (3 - len(crop[:3]))
        offset = tuple(o + s for o, s in zip(self.offset, starts, strict=True))
        return dataclasses.replace(self, store=self.store[crop], offset=offset)

    def read(self) -> Shaped[np.ndarray, "z y x *channel"]:
        """All voxels of this volume, as an array of its shape and dtype.

        Raises:
            ValueError: if a float voxel is NaN; the message says where the first one is.
        """
        array = self.store.read().result()
        check_no_nan(array, self.offset, self.name)
        return array

    def read_async(self) -> ts.Future:
        """Starts a read; `.result()` of what is returned gives the array."""
        return self.store.read()

    def write(self, array: np.ndarray) -> None:
        """Writes voxels; the array must have exactly this volume's shape and dtype.

        Raises:
            ValueError: on another shape or dtype (nothing is written).
        """
        if array.shape != self.shape or array.dtype != self.dtype:
            raise ValueError(
                f"{self.name}: got an array of {array.dtype} {array.shape}; "
                f"needs {self.dtype} {self.shape}"
            )
        self.store.write(array).result()


def from_array(
    array: np.ndarray,
    voxel_size_nm: Sequence[int | float],
    offset: Sequence[int] = (0, 0, 0),
    name: str = "array",
) -> Volume:
    """A volume over an array (z, y, x[, channel]) in memory."""
    size, place = check_voxel_size(voxel_size_nm, name), check_offset(offset, name)
    return Volume(ts.array(array), size, place, name)


def check_voxel_size(voxel_size_nm: Sequence[int | float], name: str) -> tuple[float, float, float]:
    """The voxel size as three floats.

    Raises:
        ValueError: unless it is three finite numbers > 0.
    """
    sizes = [float(size) for size in voxel_size_nm]
    if len(sizes) != 3 or not all(math.isfinite(size) and size > 0 for size in sizes):
        raise ValueError(
            f"{name}: got voxel_size_nm={list(voxel_size_nm)}; needs three numbers > 0, "
            "(z, y, x) in nanometres, as in voxel_size_nm=[30,6,6]"
        )
    return sizes[0], sizes[1], sizes[2]


def check_offset(offset: Sequence[int], name: str) -> tuple[int, int, int]:
    """The offset as three integers.

    Raises:
        ValueError: unless it is three whole numbers.
    """
    if len(offset) != 3 or any(o != int(o) for o in offset):
        raise ValueError(
            f"{name}: got offset={list(offset)}; needs three whole numbers, (z, y, x) in voxels, "
            "as in offset=[0,0,0]"
        )
    return int(offset[0]), int(offset[1]), int(offset[2])


def check_no_nan(
    array: Shaped[np.ndarray, "z y x *channel"], offset: Sequence[int], name: str
) -> None:
    """Raises ValueError, with the place of the first NaN, if floats (z, y, x[, channel]) have one.

    The place is in voxels, counted from voxel 0 of the dataset: `offset` is the first voxel's.
    """
    if array.dtype.kind != "f" or not array.size or not np.isnan(array.min()):
        return
    where = np.unravel_index(np.argmax(np.isnan(array)), array.shape)
    place = tuple(int(w) + o for w, o in zip(where, offset, strict=False))
    raise ValueError(
        f"{name}: got NaN at voxel (z, y, x) = {place}; needs numbers; "
        "replace it in the source, for instance by 0"
    )


def check_same_grid(first: Volume, second: Volume) -> None:
    """Raises ValueError unless both volumes have the same (z, y, x) shape and voxel size."""
    if first.shape[:3] != second.shape[:3]:
        raise ValueError(
            f"{second.name}: got shape {second.shape[:3]}; needs {first.shape[:3]}, "
            f"the shape of {first.name}"
        )
    if not np.allclose(first.voxel_size_nm, second.voxel_size_nm, rtol=1e-3):
        raise ValueError(
            f"{second.name}: got voxel size {second.voxel_size_nm} nm; needs "
            f"{first.voxel_size_nm} nm, that of {first.name}"
        )
