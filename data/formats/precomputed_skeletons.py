"""Skeletons in neuroglancer's precomputed format, one file for each.

Source: github.com/google/neuroglancer, src/datasource/precomputed/skeletons.md, unsharded. A folder
holds `info`, a JSON object:

    "@type"              "neuroglancer_skeletons"
    "transform"          twelve numbers, row by row of a 3 x 4 matrix, from what is stored to nm
    "vertex_attributes"  [{"id": "radius", "data_type": "float32", "num_components": 1}]

and for each id (in decimal digits) a file of little-endian numbers:

    uint32   number of nodes n
    uint32   number of edges m
    float32  n x 3 positions (x, y, z)
    uint32   m x 2 nodes, both ends of every edge (here: parent, child)
    float32  n radii

A segmentation shows them where its own `info` says "skeletons": name of the folder in it.
"""

from collections.abc import Mapping

import numpy as np
import tensorstore as ts
from jaxtyping import Float64

from data.conversion import partial
from data.creating import check_free
from data.formats import stores
from ops.skeletons.rooting import root
from ops.skeletons.skeleton import Skeleton

RADIUS = {"id": "radius", "data_type": "float32", "num_components": 1}
INFO = {
    "@type": "neuroglancer_skeletons",
    "transform": [1, 0, 0, 0, 0, 1, 0, 0, 0, 0, 1, 0],
    "vertex_attributes": [RADIUS],
}
BATCH = 1000  # files that are in the writing at a time


def write_skeletons(path: str, skeletons: Mapping[int, Skeleton]) -> None:
    """Writes a folder of skeletons, whole or not at all, at a local path or a URL.

    Positions and radii are stored in nm as float32: to 0.001 of a nm at 10 µm, to 1 nm at 10 mm.

    Args:
        path: of the folder, which must not be there yet.
        skeletons: by id, in [0, 2^64).

    Raises:
        FileExistsError: if something is there.
        OSError: if it cannot be written.
    """
    with partial.locked(path):
        check_free(path, overwrite=False)
        partial.prepare(path)
        try:
            folder = partial.partial_path(path)
            _write_files(stores.kvstore(folder), skeletons)
            stores.write_json(folder, "info", INFO)
            partial.publish(path)
        except Exception:
            partial.discard(path)
            raise


def _write_files(folder: ts.KvStore, skeletons: Mapping[int, Skeleton]) -> None:
    ids = list(skeletons)
    for start in range(0, len(ids), BATCH):
        some = ids[start : start + BATCH]
        for written in [folder.write(str(i), encode(skeletons[i])) for i in some]:
            written.result()


def encode(skeleton: Skeleton) -> bytes:
    """The file of a skeleton."""
    child = np.flatnonzero(skeleton.parents >= 0)
    # The format leaves their order open, but navis takes the first for the parent.
    edges = np.stack([skeleton.parents[child], child], axis=1)
    parts = (
        np.array([len(skeleton.parents), len(edges)], "<u4"),
        skeleton.positions_nm[:, ::-1].astype("<f4"),
        edges.astype("<u4"),
        skeleton.radii_nm.astype("<f4"),
    )
    return b"".join(part.tobytes() for part in parts)


def read_skeletons(path: str) -> dict[int, Skeleton]:
    """All skeletons of an unsharded folder whose only vertex attribute is the radius.

    Edges have no direction in this format: each part is rooted at its first node, and loops are
    cut open.

    Raises:
        ValueError: a folder without such an `info`, or a file that is cut short.
    """
    info = stores.read_json(path, "info") or {}
    attributes = info.get("vertex_attributes")
    if info.get("@type") != INFO["@type"] or "sharding" in info or attributes != [RADIUS]:
        raise ValueError(
            f"{path}: got no folder of unsharded skeletons with radii; needs an info with "
            f'"@type" {INFO["@type"]!r} and "vertex_attributes" {[RADIUS]}'
        )
    transform = np.array(info["transform"], np.float64).reshape(3, 4)
    folder = stores.kvstore(path)
    names = sorted((name for name in stores.list_files(path) if name.isdecimal()), key=int)
    return {
        int(name): decode(folder.read(name).result().value, transform, f"{path}/{name}")
        for name in names
    }


def decode(content: bytes, transform: Float64[np.ndarray, "3 4"], name: str) -> Skeleton:
    """The skeleton in a file.

    Args:
        content: of the file.
        transform: from (x, y, z, 1) as stored to nm; radii grow by its mean scale.
        name: of the file, for the message.

    Raises:
        ValueError: a file that is not as long as its numbers of nodes and edges make it, or an
            edge to a node that it has not.
    """
    nodes, edges = np.frombuffer(content[:8].ljust(8, b"\0"), "<u4").tolist()
    if len(content) != 8 + 16 * nodes + 8 * edges:
        raise ValueError(
            f"{name}: got {len(content)} bytes; needs {8 + 16 * nodes + 8 * edges} for {nodes} "
            f"nodes and {edges} edges with one radius a node; it is cut short, or of another format"
        )
    ends = np.frombuffer(content, "<u4", 2 * edges, 8 + 12 * nodes).reshape(-1, 2)
    if edges and ends.max() >= nodes:
        raise ValueError(f"{name}: got an edge to node {ends.max()}; needs one of its {nodes}")
    places = np.frombuffer(content, "<f4", 3 * nodes, 8).reshape(-1, 3).astype(np.float64)
    radii = np.frombuffer(content, "<f4", nodes, 8 + 12 * nodes + 8 * edges).astype(np.float64)
    return Skeleton(
        positions_nm=(places @ transform[:, :3].T + transform[:, 3])[:, ::-1],
        parents=root(nodes, ends.astype(np.int64))[0],
        radii_nm=radii * abs(np.linalg.det(transform[:, :3])) ** (1 / 3),
    )
