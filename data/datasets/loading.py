"""Opening a named dataset: its split as volumes, lazily, in one convention of labels."""

import dataclasses
from pathlib import Path

from data.datasets.entry import Entry, Stack
from data.datasets.known import DATASETS
from data.datasets.root import find_root
from data.datasets.verification import require_files
from data.mapped import remembered
from data.volume import Volume


@dataclasses.dataclass(frozen=True)
class Dataset:
    """A split of a named dataset.

    Attributes:
        name: of the dataset.
        split: of the dataset, or "all".
        volumes: one dict for each stack of the split, layer name to volume. Layers of a stack
            share shape, voxel size and offset; the offset is the place in the whole stack.
        entry: what the catalog says of it.
    """

    name: str
    split: str
    volumes: tuple[dict[str, Volume], ...]
    entry: Entry


def load(name: str, root: str | Path | None = None, split: str = "train") -> Dataset:
    """Opens a split of a named dataset without reading voxels.

    Args:
        name: a key of `data.datasets.DATASETS`.
        root: the data root; without it, the environment variable NEUROPIL_DATA.
        split: "train", "validation", another split of the entry, or "all" (everything with
            labels).

    Raises:
        ValueError: an unknown name or split, a set without volumes, no data root, or a file
            that has the wrong size.
        FileNotFoundError: a missing file, unless other stacks do without it; says from where to
            get it, and its terms.
    """
    entry = find_entry(name)
    parts = _stacks_of(entry, split)
    folder = find_root(root)
    parts = [part for part in parts if not _is_missing(part[0], folder)] or parts
    used = {stack.file for stack, _ in parts}
    own = {stack.file for stack in entry.stacks if stack.file is not None}
    require_files(entry, folder, left_out=own - used)
    volumes = tuple(_open(entry, stack, crop, folder, split) for stack, crop in parts)
    return Dataset(name, split, volumes, entry)


def _is_missing(stack: Stack, root: Path) -> bool:
    return stack.file is not None and not (root / stack.file.path).is_file()


def find_entry(name: str) -> Entry:
    """The catalog's entry of that name.

    Raises:
        ValueError: an unknown name; says which there are.
    """
    if name not in DATASETS:
        raise ValueError(f"got dataset {name!r}; needs one of {', '.join(DATASETS)}")
    return DATASETS[name]


def _stacks_of(entry: Entry, split: str) -> list[tuple[Stack, tuple[slice, ...]]]:
    """The stacks with a part in the split, each with the crop that is its part."""
    parts: list[tuple[Stack, tuple[slice, ...]]]
    if split == "all":
        parts = [(stack, ()) for stack in entry.stacks if "test" not in stack.splits]
    else:
        parts = [(stack, stack.splits[split]) for stack in entry.stacks if split in stack.splits]
    if not parts:
        raise ValueError(_no_such_split(entry, split))
    return parts


def _no_such_split(entry: Entry, split: str) -> str:
    if not entry.stacks:
        return f"{entry.name} has no volumes to load; {entry.read_with} gives it"
    of_volumes = [*sorted({name for stack in entry.stacks for name in stack.splits}), "all"]
    hint = f"; {entry.read_with} reads its other parts" if entry.item_splits else ""
    return f"{entry.name}: got split {split!r}; needs one of {', '.join(of_volumes)}{hint}"


def _open(
    entry: Entry, stack: Stack, crop: tuple[slice, ...], root: Path, split: str
) -> dict[str, Volume]:
    label = f"{entry.name} ({stack.title}, {split})"
    return {
        layer: dataclasses.replace(remembered(volume)[crop], name=f"{label} {layer}")
        for layer, volume in stack.open_layers(root).items()
    }
