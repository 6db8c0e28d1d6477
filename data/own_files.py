"""Which files a zarr, N5 or precomputed volume consists of: what may be deleted to replace it."""

import re

from data.formats import ome, stores

ZARR = (r"zarr\.json", r"\.zarray", r"\.zattrs", r"(c[./])?\d+([./]\d+)*", "c")
N5 = (r"attributes\.json", r"\d+(/\d+)*")
PRECOMPUTED = (r"-?\d+--?\d+(_-?\d+--?\d+){2}(\.gz)?", r"[0-9a-f]+\.shard")
GROUP = (r"zarr\.json", r"\.zgroup", r"\.zattrs", r"\.zmetadata")


def check_nothing_else(folder: str) -> None:
    """Raises FileExistsError if a folder, local or at a URL, holds files that are not a volume's.

    An empty folder is well; so is one with a single volume, all levels of a pyramid included.
    """
    found = stores.list_files(folder)
    patterns = own_files(folder) if found else []
    foreign = next((f for f in found if not any(re.fullmatch(p, f) for p in patterns)), None)
    if found and not patterns:
        raise FileExistsError(
            f"{folder}: is a folder without a volume in it, or with several; needs a free name; "
            "it is not overwritten"
        )
    if foreign:
        raise FileExistsError(
            f"{folder}: holds more than one volume: {foreign} is no part of it; needs a folder "
            "of its own; move what you keep, or give another name; it is not overwritten"
        )


def own_files(folder: str) -> list[str]:
    """Patterns of the paths of the files of the volume in a folder; none if no volume is there."""
    levels = ome.read_levels(folder)
    if levels:
        return [*GROUP, *(f"{re.escape(level.path)}/{f}" for level in levels for f in ZARR)]
    metadata = [stores.read_json(folder, key) or {} for key in ("zarr.json", ".zarray")]
    if any("shape" in content for content in metadata):
        return [*ZARR]
    if "dimensions" in (stores.read_json(folder, "attributes.json") or {}):
        return [*N5]
    if "dimensions" in (stores.read_json(f"{folder}/s0", "attributes.json") or {}):
        return [r"attributes\.json", *(rf"s\d+/{f}" for f in N5)]
    scales = (stores.read_json(folder, "info") or {}).get("scales")
    keys = [re.escape(scale["key"]) for scale in scales or ()]
    return ["info", *(f"{key}/{f}" for key in keys for f in PRECOMPUTED)] if keys else []
