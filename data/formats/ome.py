"""OME-Zarr metadata: which arrays of a zarr group are the levels of one volume, and their scale.

Version 0.5 lies in zarr.json (zarr 3), versions up to 0.4 in .zattrs (zarr 2). Axes are as on
disk: (channel, z, y, x), where channel may be missing.
"""

from collections.abc import Sequence
from typing import NamedTuple

from data.formats.scale import Scale, scale_of
from data.formats.stores import read_json, write_json


class Level(NamedTuple):
    """One array of a multiscale group: its key, the names of its axes as on disk, its scale."""

    path: str
    axes: list[str]
    scale: Scale


class Placed(NamedTuple):
    """One level to write: its key, voxel size and centre of its first voxel, (z, y, x) in nm."""

    path: str
    voxel_size_nm: tuple[float, ...]
    translation_nm: tuple[float, ...]


def read_levels(path: str) -> list[Level]:
    """The levels of the OME-Zarr group at `path`, finest first; none if it is no such group.

    Raises:
        ValueError: if the metadata is there but makes no sense; the message names the file.
    """
    zarr3 = read_json(path, "zarr.json") or {}
    attributes = zarr3.get("attributes", {}).get("ome") or read_json(path, ".zattrs") or {}
    if not attributes.get("multiscales"):
        return []
    try:
        multiscale = attributes["multiscales"][0]
        return [_level(dataset, multiscale) for dataset in multiscale["datasets"]]
    except KeyError as error:
        raise ValueError(f"{path}: got OME-Zarr metadata without {error}") from None
    except (TypeError, IndexError, ValueError, AttributeError) as error:
        raise ValueError(
            f"{path}: got OME-Zarr metadata that cannot be read ({error}); needs a name, a scale "
            "and a translation for each axis; mend zarr.json or .zattrs"
        ) from None


def _level(dataset: dict, multiscale: dict) -> Level:
    axes = multiscale.get("axes") or [*"tczyx"]
    axes = [axis if isinstance(axis, dict) else {"name": axis} for axis in axes]
    names = [axis["name"].lower() for axis in axes]
    sizes, shifts = [1.0] * len(axes), [0.0] * len(axes)
    scaled = False
    for source in (dataset, multiscale):
        for transform in source.get("coordinateTransformations", []):
            if transform["type"] == "scale":
                scaled = True
                sizes = [s * t for s, t in zip(sizes, transform["scale"], strict=True)]
                shifts = [s * t for s, t in zip(shifts, transform["scale"], strict=True)]
            elif transform["type"] == "translation":
                shifts = [s + t for s, t in zip(shifts, transform["translation"], strict=True)]
    spatial = [names.index(axis) for axis in "zyx" if axis in names]
    if not scaled or len(spatial) < 3 or not all(axes[i].get("unit") for i in spatial):
        return Level(dataset["path"], names, Scale())
    units = [axes[i]["unit"] for i in spatial]
    scale = scale_of([sizes[i] for i in spatial], [shifts[i] for i in spatial], units)
    return Level(dataset["path"], names, scale)


def write_group(path: str, driver: str, levels: Sequence[Placed], channels: bool) -> None:
    """Writes the group metadata for `levels`: OME-Zarr 0.5 for "zarr3", 0.4 for "zarr"."""
    multiscale = {
        "axes": [{"name": "c", "type": "channel"}] * channels
        + [{"name": axis, "type": "space", "unit": "nanometer"} for axis in "zyx"],
        "datasets": [_dataset(level, channels) for level in levels],
    }
    if driver == "zarr3":
        attributes = {"ome": {"version": "0.5", "multiscales": [multiscale]}}
        group = {"zarr_format": 3, "node_type": "group", "attributes": attributes}
        write_json(path, "zarr.json", group)
    else:
        write_json(path, ".zgroup", {"zarr_format": 2})
        write_json(path, ".zattrs", {"multiscales": [{"version": "0.4", **multiscale}]})


def _dataset(level: Placed, channels: bool) -> dict:
    scale = {"type": "scale", "scale": [1.0] * channels + [*level.voxel_size_nm]}
    shift = {"type": "translation", "translation": [0.0] * channels + [*level.translation_nm]}
    return {"path": level.path, "coordinateTransformations": [scale, shift]}
