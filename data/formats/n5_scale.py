"""The scale of an N5 dataset, in the dialects of the tools that write N5.

N5 lists numbers along the stored axes, x first; only the `transform` of COSEM names its own.
"""

from collections.abc import Sequence

from data.formats.scale import Scale, scale_of


def n5_scale(attributes: dict, names: Sequence[str], path: str) -> Scale:
    """What attributes.json says of voxel size and offset; empty where it is silent.

    Raises:
        ValueError: if it makes no sense; the message names the file.
    """
    try:
        if "transform" in attributes:
            return _of_transform(**attributes["transform"])
        return _of_lists(attributes, names)
    except (TypeError, ValueError, KeyError, IndexError, AttributeError) as error:
        raise ValueError(
            f"{path}/attributes.json: got a scale that cannot be read ({error}); needs a number "
            f"for each of the axes {', '.join(names)}; mend it"
        ) from None


def _of_transform(
    axes: Sequence[str],
    scale: Sequence[int | float],
    translate: Sequence[int | float],
    units: Sequence[str],
    **_: object,
) -> Scale:
    """COSEM's `transform`, whose translation is that of the first voxel's centre."""
    return _along(axes, scale, translate, units)


def _of_lists(attributes: dict, names: Sequence[str]) -> Scale:
    """`resolution`, `units` and `offset`, in nanometres where there are no units.

    Or n5-viewer's `pixelResolution`: as a bare list it has no unit, so it says nothing.
    """
    pixel = attributes.get("pixelResolution") or {}
    pixel = {"dimensions": pixel, "unit": None} if isinstance(pixel, list) else pixel
    sizes = attributes.get("resolution") or pixel.get("dimensions")
    if sizes is None:
        return Scale()
    units = attributes.get("units") or [pixel.get("unit", "nm")] * len(sizes)
    return _along(names, sizes, attributes.get("offset"), units)


def _along(
    names: Sequence[str],
    sizes: Sequence[int | float],
    offset: Sequence[int | float] | None,
    units: Sequence[str | None],
) -> Scale:
    if not set("zyx") <= set(names):
        return Scale()
    spatial = [names.index(axis) for axis in "zyx"]
    return scale_of(
        [sizes[i] for i in spatial],
        offset and [offset[i] for i in spatial],
        [units[i] for i in spatial],
    )
