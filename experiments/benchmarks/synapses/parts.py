"""Parts of a tissue: what a forest learns from, what constants are chosen on, what is scored.

The phantom's are three tissues of their own seeds. VNC has two splits: rows 0-255 and 256-511 of
the training rows are the first two, the validation rows the last.
"""

import dataclasses
from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Bool, UInt

from configs.sources import NamedData, PhantomData
from data.volume import Volume, from_array
from experiments.source import open_source

Slices = tuple[slice, ...]


@dataclasses.dataclass(frozen=True)
class Part:
    """Voxels in memory.

    Attributes:
        image: grey values, uint8.
        clefts: the true ones.
        neurites: true ids; None where they are not known.
        vesicles: not 0 where there is a true one; None where they are not known.
    """

    image: Volume
    clefts: Bool[np.ndarray, "z y x"]
    neurites: UInt[np.ndarray, "z y x"] | None
    vesicles: UInt[np.ndarray, "z y x"] | None


@dataclasses.dataclass(frozen=True)
class Parts:
    """Of one tissue; none of them overlap.

    Attributes:
        learn: what a forest learns from, at first; for its scores, also from the next.
        choose: what constants are chosen on.
        score: what is scored, and nothing else.
    """

    learn: Part
    choose: Part
    score: Part


def phantom_parts(data: PhantomData, seed: int, crop: Slices) -> Parts:
    """Tissue of the splits train, validation and test."""
    splits = (dataclasses.replace(data, split=s) for s in ("train", "validation", "test"))
    learn, choose, score = (_part(open_source(d, seed).volumes[0], crop) for d in splits)
    return Parts(learn, choose, score)


def vnc_parts(data: NamedData, crop: Slices) -> Parts:
    """Rows of the splits train (its halves) and validation.

    Raises:
        FileNotFoundError: no such data; says where they are to be had.
    """
    train, score = (
        open_source(dataclasses.replace(data, split=split), 0).volumes[0]
        for split in ("train", "validation")
    )
    middle = train["image"].shape[1] // 2
    halves = (
        {name: volume[:, rows] for name, volume in train.items()}
        for rows in (slice(0, middle), slice(middle, None))
    )
    learn, choose = (_part(half, crop) for half in halves)
    return Parts(learn, choose, _part(score, crop))


def cropped_part(part: Part, crop: Slices) -> Part:
    """Some of the voxels."""
    neurites, vesicles = (
        None if labels is None else labels[crop] for labels in (part.neurites, part.vesicles)
    )
    return Part(part.image[crop], part.clefts[crop], neurites, vesicles)


def crop_to(shape: Sequence[int] | None) -> Slices:
    """The first voxels of a part, at most so many along (z, y, x); None takes all."""
    return (slice(None),) * 3 if shape is None else tuple(map(slice, shape))


def _part(layers: Mapping[str, Volume], crop: Slices) -> Part:
    image = layers["image"][crop]
    arrays = {
        name: layers[name][crop].read() if name in layers else None
        for name in ("neurites", "vesicles")
    }
    return Part(
        from_array(image.read(), image.voxel_size_nm, name=image.name),
        np.not_equal(layers["clefts"][crop].read(), 0),
        arrays["neurites"],
        arrays["vesicles"],
    )
