"""What a file says of its voxels: their axes, size and place, in this framework's terms.

Axes here are those of the file until `arrange` has put them into (z, y, x[, channel]).
"""

from collections.abc import Sequence
from typing import NamedTuple

import tensorstore as ts

from data.volume import AXES

NANOMETRES = {
    "angstrom": 0.1,
    "nanometer": 1.0,
    "micrometer": 1e3,
    "millimeter": 1e6,
    "centimeter": 1e7,
    "meter": 1e9,
}
ALIASES = {
    "Å": "angstrom",
    "å": "angstrom",
    "nm": "nanometer",
    "nanometre": "nanometer",
    "um": "micrometer",
    "µm": "micrometer",
    "μm": "micrometer",
    "\\u00b5m": "micrometer",
    "micron": "micrometer",
    "microns": "micrometer",
    "micrometre": "micrometer",
    "mm": "millimeter",
    "cm": "centimeter",
    "m": "meter",
}
AXIS_NAMES = {"c": "channel", "channels": "channel", "t": "time"}


class Scale(NamedTuple):
    """Voxel size (z, y, x) in nm and offset (z, y, x) in voxels; None where the file is silent."""

    voxel_size_nm: tuple[float, ...] | None = None
    offset: tuple[int, ...] | None = None


def nanometres(unit: str | None) -> float | None:
    """Nanometres in one `unit`, as in "um", "micrometer" or "nanometers"; None if unknown."""
    if not unit:
        return None
    known = ALIASES.get(unit) or ALIASES.get(unit.lower()) or unit.lower().removesuffix("s")
    return NANOMETRES.get(known)


def scale_of(
    sizes: Sequence[int | float],
    offsets: Sequence[int | float] | None,
    units: Sequence[str | None],
) -> Scale:
    """The `Scale` of lengths (z, y, x) in `units`; the offset is rounded to whole voxels.

    Empty where a unit is no length that we know.
    """
    nm = [nanometres(unit) for unit in units]
    if None in nm or not all(size > 0 for size in sizes):
        return Scale()
    voxel_size_nm = tuple(size * (n or 1.0) for size, n in zip(sizes, nm, strict=True))
    if offsets is None:
        return Scale(voxel_size_nm)
    return Scale(voxel_size_nm, tuple(round(o / s) for o, s in zip(offsets, sizes, strict=True)))


def name_axes(
    shape: Sequence[int],
    given: Sequence[str] | None,
    stated: Sequence[str] | None,
    path: str,
    usual: Sequence[str] = "zyx",
) -> Sequence[str]:
    """The axes of an array: those given, or else those the file states, or else the usual three.

    Raises:
        ValueError: if the names given are not as many as the axes, or more than three have none.
    """
    if given is not None and len(given) != len(shape):
        raise ValueError(
            f"{path}: got axes={given} for sizes {tuple(shape)}; needs a name for each, as in "
            f"axes={'tczyx'[-len(shape) :]}"
        )
    if given is not None:
        return given
    if stated is not None and len(stated) == len(shape):
        return stated
    if len(shape) <= 3:
        return usual[: len(shape)]
    raise ValueError(
        f"{path}: got sizes {tuple(shape)} without names of axes; needs them: give axes= in this "
        f"order, as in axes={'tczyx'[-len(shape) :]} or axes=zyxc"
    )


def arrange(store: ts.TensorStore, names: Sequence[str], path: str) -> ts.TensorStore:
    """The store with axes (z, y, x) or (z, y, x, channel), whatever order the file has.

    Time and channel axes of size 1 are dropped.

    Raises:
        ValueError: unless the axes are z, y and x, and at most one with several channels.
    """
    axes = [AXIS_NAMES.get(name.lower(), name.lower()) for name in names]
    single = [i for i, axis in enumerate(axes) if axis not in AXES[:3] and store.shape[i] == 1]
    first = tuple(store.domain.inclusive_min[i] for i in single)
    store = store[ts.d[tuple(single)][first]] if single else store
    axes = [axis for i, axis in enumerate(axes) if i not in single]
    if sorted(axes) not in (sorted(AXES[:3]), sorted(AXES)):
        raise ValueError(
            f"{path}: got axes ({', '.join(names)}) of sizes {tuple(store.shape)}; needs z, y, x "
            "and at most a channel axis; convert one time point or one image of it"
        )
    return store.transpose([axes.index(axis) for axis in AXES[: len(axes)]])
