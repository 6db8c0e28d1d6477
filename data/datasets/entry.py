"""What the catalog says of a named dataset."""

import dataclasses
from collections.abc import Callable, Mapping
from pathlib import Path

from data.volume import Volume


@dataclasses.dataclass(frozen=True)
class SourceFile:
    """A file of a dataset.

    Attributes:
        path: relative to the data root, with forward slashes.
        size_bytes: its size; None where none is on record.
        sha256: its SHA-256 in lower-case hexadecimal; None where none is on record.
    """

    path: str
    size_bytes: int | None = None
    sha256: str | None = None


@dataclasses.dataclass(frozen=True)
class Stack:
    """One block of tissue of a dataset: layers of one shape, and how it is split.

    Attributes:
        title: what tells this stack from the dataset's others.
        open_layers: from the data root to layer names and volumes; reads no voxel.
        splits: split name to the crop (z, y, x) in voxels that belongs to it; an empty crop
            is the whole stack. A stack without splits belongs to `split="all"` only.
        file: the one file that it needs and no other stack does; where it is missing, the stack
            is left out, unless none remains. None where stacks share files.
    """

    title: str
    open_layers: Callable[[Path], dict[str, Volume]]
    splits: Mapping[str, tuple[slice, ...]]
    file: SourceFile | None = None


@dataclasses.dataclass(frozen=True)
class Entry:
    """One named dataset.

    Attributes:
        name: how it is called in `data=NAME` and `load(NAME)`.
        title: what it shows, in a few words.
        size: its shape in words.
        voxel_size_nm: edge lengths (z, y, x) of a voxel, nm; None where there is no grid.
        layers: layer name to what its values mean. Volumes keep to one convention, whatever
            the files hold: image uint8; ids unsigned, 0 = background; masks uint8, 1 = structure.
        label_convention: what the published labels mean, and where they cannot be trusted.
        files: what must lie under the data root.
        origin: where it was published.
        preparation: how `files` were made from what was published.
        terms: licence or terms of use, as far as known.
        non_commercial: whether the terms rule out commercial use.
        citations: what to cite.
        stacks: the volumes; empty for sets that are no volumes.
        item_splits: split name to its items in words, for sets that are no volumes.
        read_with: the function that reads what `load` does not.
    """

    name: str
    title: str
    size: str
    voxel_size_nm: tuple[float, float, float] | None
    layers: Mapping[str, str]
    label_convention: str
    files: tuple[SourceFile, ...]
    origin: str
    preparation: str
    terms: str
    citations: tuple[str, ...]
    non_commercial: bool = False
    stacks: tuple[Stack, ...] = ()
    item_splits: Mapping[str, str] = dataclasses.field(default_factory=dict)
    read_with: str = "data.datasets.load"

    @property
    def generated(self) -> bool:
        """Whether the set is made on demand, so that there are no files."""
        return not self.files

    def describe_splits(self) -> dict[str, str]:
        """Split name to what belongs to it, in words; bounds are inclusive."""
        words: dict[str, list[str]] = {split: [text] for split, text in self.item_splits.items()}
        for stack in self.stacks:
            for split, crop in stack.splits.items():
                words.setdefault(split, []).append(_describe_crop(crop) or stack.title)
        return {split: ", ".join(dict.fromkeys(texts)) for split, texts in words.items()}


def _describe_crop(crop: tuple[slice, ...]) -> str:
    """Such as "z 0-79"; empty for a whole stack."""
    bounded = [(axis, s) for axis, s in zip("zyx", crop, strict=False) if s != slice(None)]
    return " ".join(f"{axis} {s.start}-{s.stop - 1}" for axis, s in bounded)
