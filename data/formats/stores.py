"""Chunked stores on disk or in the cloud: zarr 3, zarr 2, N5 and neuroglancer precomputed.

Every store comes out with axes (z, y, x[, channel]). On disk zarr has (channel, z, y, x), as OME
asks for, and N5 and precomputed have x first.
"""

import json
import os
import re
from collections.abc import Sequence

import numpy as np
import tensorstore as ts

from data.checks import are_labels
from data.formats.n5_scale import n5_scale
from data.formats.scale import Scale, arrange, name_axes

# One cache for the whole process bounds its memory. Chunks are not flushed to the disk one by one,
# which halves the speed: a killed process loses nothing by that, only a power cut does.
CONTEXT = ts.Context({"cache_pool": {"total_bytes_limit": 32 * 2**20}, "file_io_sync": False})


def is_url(path: str) -> bool:
    """Whether a path is s3://, gs://, http(s)://, memory:// or the like."""
    return re.match(r"[a-z][a-z0-9+]*://", path) is not None


def kvstore_spec(path: str) -> dict:
    """TensorStore's spec of the folder at a local path or a URL."""
    folder = path.rstrip("/") + "/"
    if is_url(path):
        return ts.KvStore.Spec(folder).to_json()
    return {"driver": "file", "path": os.path.abspath(folder) + "/"}


def kvstore(path: str) -> ts.KvStore:
    """The folder at a local path or a URL, as keys and values."""
    return ts.KvStore.open(kvstore_spec(path), context=CONTEXT).result()


def read_json(path: str, key: str) -> dict | None:
    """The JSON object in file `key` of a folder; None if there is no such file."""
    found = kvstore(path).read(key).result()
    if found.state != "value":
        return None
    try:
        content = json.loads(found.value)
    except ValueError as error:
        raise ValueError(f"{path}/{key}: got text that is not JSON ({error})") from None
    if not isinstance(content, dict):
        raise ValueError(f"{path}/{key}: got a JSON {type(content).__name__}; needs an object")
    return content


def write_json(path: str, key: str, content: dict) -> None:
    """Writes file `key` of a folder, whole or not at all."""
    kvstore(path).write(key, json.dumps(content, indent=2).encode()).result()


def list_files(path: str) -> list[str]:
    """The paths of all files under a local path or a URL, relative to it."""
    return [key.decode() for key in kvstore(path).list().result()]


def delete_folder(path: str) -> None:
    """Deletes all files under a local path or a URL."""
    kvstore(path).delete_range(ts.KvStore.KeyRange()).result()


def open_zarr(
    path: str, driver: str, axes: str | None, stated: Sequence[str] | None
) -> ts.TensorStore:
    """The zarr array ("zarr3" or, for version 2, "zarr") at `path`.

    Its axes are those given, or else those that the group around it or the array itself states.
    """
    store = _open({"driver": driver, "kvstore": kvstore_spec(path)}, path)
    stated = stated or [label for label in store.domain.labels if label]
    return arrange(store, name_axes(store.shape, axes, stated, path), path)


def open_n5(path: str, attributes: dict, axes: str | None = None) -> tuple[ts.TensorStore, Scale]:
    """The N5 dataset at `path`, whose attributes.json holds `attributes`."""
    store = _open({"driver": "n5", "kvstore": kvstore_spec(path)}, path)
    names = name_axes(store.shape, axes, attributes.get("axes"), path, usual="xyz")
    return arrange(store, names, path), n5_scale(attributes, names, path)


def open_precomputed(path: str) -> tuple[ts.TensorStore, Scale]:
    """The finest scale of the neuroglancer precomputed volume at `path`."""
    spec = {"driver": "neuroglancer_precomputed", "kvstore": kvstore_spec(path), "scale_index": 0}
    store = _open(spec, path)
    units = store.dimension_units[2::-1]
    size = tuple(unit.multiplier if unit else 1.0 for unit in units)
    offset = tuple(store.domain.inclusive_min[2::-1])
    return arrange(store, store.domain.labels, path), Scale(size, offset)


def create_zarr(
    path: str, driver: str, shape: Sequence[int], dtype: np.dtype, chunk_shape: Sequence[int]
) -> ts.TensorStore:
    """A new zarr array, compressed with zstd; shapes are (z, y, x[, channel])."""
    order = [3, 0, 1, 2][-len(shape) :] if len(shape) == 4 else [0, 1, 2]
    sizes, chunks = [shape[i] for i in order], [chunk_shape[i] for i in order]
    names = ["czyx"[i] for i in range(4 - len(shape), 4)]
    if driver == "zarr3":
        metadata = {
            "shape": sizes,
            "data_type": dtype.name,
            "chunk_grid": {"name": "regular", "configuration": {"chunk_shape": chunks}},
            "dimension_names": names,
            "codecs": [
                {"name": "bytes", "configuration": {"endian": "little"}},
                {"name": "zstd", "configuration": {"level": 3}},
            ],
        }
    else:
        metadata = {
            "shape": sizes,
            "dtype": dtype.newbyteorder("<").str,
            "chunks": chunks,
            "dimension_separator": "/",
            "compressor": {"id": "zstd", "level": 3},
            "fill_value": 0,
        }
    spec = {"driver": driver, "kvstore": kvstore_spec(path), "metadata": metadata}
    return arrange(_open({**spec, "create": True}, path), names, path)


def create_n5(
    path: str,
    shape: Sequence[int],
    dtype: np.dtype,
    chunk_shape: Sequence[int],
    voxel_size_nm: Sequence[int | float],
    offset: Sequence[int],
) -> ts.TensorStore:
    """A new N5 dataset with axes, resolution, units and offset in its attributes."""
    channels = len(shape) - 3
    size = voxel_size_nm[::-1]
    shift = [o * s for o, s in zip(offset[::-1], size, strict=True)]
    metadata = {
        "n5": "4.0.0",
        "dimensions": [*shape[2::-1], *shape[3:]],
        "blockSize": [*chunk_shape[2::-1], *chunk_shape[3:]],
        "dataType": dtype.name,
        "axes": [*"xyzc"[: len(shape)]],
        "resolution": [*size, *[1.0] * channels],
        "units": ["nm"] * 3 + [""] * channels,
        "offset": [*shift, *[0.0] * channels],
        "pixelResolution": {"dimensions": [*size], "unit": "nm"},
        "compression": {"type": "gzip", "level": 1},
    }
    spec = {"driver": "n5", "kvstore": kvstore_spec(path), "metadata": metadata}
    return arrange(_open({**spec, "create": True}, path), metadata["axes"], path)


def create_precomputed(
    path: str,
    shape: Sequence[int],
    dtype: np.dtype,
    chunk_shape: Sequence[int],
    voxel_size_nm: Sequence[int | float],
    offset: Sequence[int],
    labels: bool,
) -> ts.TensorStore:
    """A new precomputed volume: a segmentation of labels, else an image."""
    packed = labels and are_labels(dtype)  # the encoding knows no smaller ids
    scale_metadata = {
        "key": "_".join(f"{s:g}" for s in voxel_size_nm[::-1]),
        "size": [*shape[2::-1]],
        "resolution": [*voxel_size_nm[::-1]],
        "voxel_offset": [*offset[::-1]],
        "chunk_size": [*chunk_shape[2::-1]],
        "encoding": "compressed_segmentation" if packed else "raw",
    }
    if packed:
        scale_metadata["compressed_segmentation_block_size"] = [8, 8, 8]
    multiscale = {
        "type": "segmentation" if labels else "image",
        "data_type": dtype.name,
        "num_channels": shape[3] if len(shape) == 4 else 1,
    }
    spec = {
        "driver": "neuroglancer_precomputed",
        "kvstore": kvstore_spec(path),
        "multiscale_metadata": multiscale,
        "scale_metadata": scale_metadata,
    }
    store = _open({**spec, "create": True}, path)
    return arrange(store, store.domain.labels, path)


def _open(spec: dict, path: str) -> ts.TensorStore:
    try:
        return ts.open(spec, context=CONTEXT).result()
    except ValueError as error:
        raise ValueError(f"{path}: cannot be opened as {spec['driver']}: {error}") from None
