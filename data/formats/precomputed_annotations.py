"""Directed lines between points in neuroglancer's precomputed format of annotations.

Source: github.com/google/neuroglancer, src/datasource/precomputed/annotations.md, unsharded, with a
spatial index of one cell. A folder holds `info`, a JSON object, and files of little-endian numbers:

    by_id/ID          one line, then for each relationship uint32 1 and uint64 id of the object
    RELATIONSHIP/ID   the lines of an object: uint64 count n, n lines, n x uint64 ids of the lines
    spatial0/0_0_0    all lines, likewise

where a line is float32 x 6, both ends (x, y, z), and float32 for each property.
"""

from collections.abc import Mapping

import numpy as np
import tensorstore as ts
from jaxtyping import Float32, Float64, UInt64

from data.conversion import partial
from data.creating import check_free
from data.formats import stores

BATCH = 1000  # files that are in the writing at a time


def write_lines(
    path: str,
    first_nm: Float64[np.ndarray, "n 3"],
    last_nm: Float64[np.ndarray, "n 3"],
    related: Mapping[str, UInt64[np.ndarray, " n"]],
    properties: Mapping[str, Float32[np.ndarray, " n"]],
) -> None:
    """Writes a folder of lines 1, 2, ..., whole or not at all, at a local path or a URL.

    Args:
        path: of the folder, which must not be there yet.
        first_nm, last_nm: their ends (z, y, x).
        related: the object of each line by relationship, such as the segment that it starts from.
        properties: what is shown beside a line, by name: lower-case letters, digits, underscores.

    Raises:
        FileExistsError: if something is there.
        OSError: if it cannot be written.
    """
    with partial.locked(path):
        check_free(path, overwrite=False)
        partial.prepare(path)
        try:
            folder = partial.partial_path(path)
            _write_files(stores.kvstore(folder), encode(first_nm, last_nm, related, properties))
            stores.write_json(folder, "info", _info(first_nm, last_nm, related, properties))
            partial.publish(path)
        except Exception:
            partial.discard(path)
            raise


def encode(
    first_nm: Float64[np.ndarray, "n 3"],
    last_nm: Float64[np.ndarray, "n 3"],
    related: Mapping[str, UInt64[np.ndarray, " n"]],
    properties: Mapping[str, Float32[np.ndarray, " n"]],
) -> dict[str, bytes]:
    """The files of the folder, but for `info`; arguments are those of `write_lines`."""
    parts = [first_nm[:, ::-1], last_nm[:, ::-1], *(p[:, None] for p in properties.values())]
    lines = np.concatenate(parts, axis=1).astype("<f4")
    ids = np.arange(1, len(lines) + 1, dtype="<u8")
    files = {"spatial0/0_0_0": _several(lines, ids)}
    for name, objects in related.items():
        for number in np.unique(objects).tolist():
            chosen = objects == number
            files[f"{name}/{number}"] = _several(lines[chosen], ids[chosen])
    for row, number in enumerate(ids.tolist()):
        ends = b"".join(
            np.array([1], "<u4").tobytes() + objects[row : row + 1].astype("<u8").tobytes()
            for objects in related.values()
        )
        files[f"by_id/{number}"] = lines[row].tobytes() + ends
    return files


def _several(lines: np.ndarray, ids: np.ndarray) -> bytes:
    return np.array([len(ids)], "<u8").tobytes() + lines.tobytes() + ids.tobytes()


def _info(first_nm, last_nm, related, properties) -> dict:
    ends = np.concatenate([first_nm, last_nm])[:, ::-1].astype(np.float32)
    low = np.floor(ends.min(axis=0)) if len(ends) else np.zeros(3)
    high = np.ceil(ends.max(axis=0)) + 1 if len(ends) else np.ones(3)
    return {
        "@type": "neuroglancer_annotations_v1",
        "dimensions": {axis: [1e-9, "m"] for axis in "xyz"},
        "lower_bound": low.tolist(),
        "upper_bound": high.tolist(),
        "annotation_type": "LINE",
        "properties": [{"id": name, "type": "float32"} for name in properties],
        "relationships": [{"id": name, "key": name} for name in related],
        "by_id": {"key": "by_id"},
        "spatial": [
            {
                "key": "spatial0",
                "grid_shape": [1, 1, 1],
                "chunk_size": (high - low).tolist(),
                "limit": max(1, len(first_nm)),
            }
        ],
    }


def _write_files(folder: ts.KvStore, files: Mapping[str, bytes]) -> None:
    names = list(files)
    for start in range(0, len(names), BATCH):
        some = names[start : start + BATCH]
        for written in [folder.write(name, files[name]) for name in some]:
            written.result()
