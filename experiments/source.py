"""From the `data` part of a config to volumes."""

import dataclasses
from typing import cast

import numpy as np

from configs.sources import Data, DigitsData, FilesData, NamedData, PhantomData
from data.checks import check_image_volume, check_label_volume
from data.datasets import load
from data.datasets.mnist import read_mnist
from data.moving_digits import moving_digits
from data.opening import open_volume
from data.synthetic import Imaging, Phantom, PhantomParameters, Tissue
from data.volume import Volume, check_same_grid, check_voxel_size, from_array

PHANTOM_SPLITS = ("train", "validation", "test")
PIXEL_NM = (30.0, 6.0, 6.0)  # of digits, as if they were cells


@dataclasses.dataclass(frozen=True)
class Source:
    """Volumes to work on.

    Attributes:
        name: of the dataset, "phantom" or "files".
        split: of it.
        volumes: one dict for each stack, layer name ("image", "neurites", ...) to voxels; the
            layers of a stack share one grid.
    """

    name: str
    split: str
    volumes: tuple[dict[str, Volume], ...]


def open_source(data: Data, seed: int) -> Source:
    """The volumes of a config, opened without reading a voxel; `seed` chooses a phantom.

    Raises:
        ValueError, FileNotFoundError: as the data asked for does; the message says what to do.
    """
    match data:
        case PhantomData():
            volumes = (Phantom(phantom_parameters(data, seed)).volumes(),)
        case DigitsData():
            volumes = (_moving_digits(data, seed),)
        case NamedData():
            volumes = load(data.name, data.root, data.split).volumes
        case FilesData():
            volumes = (_open_files(data),)
        case _:
            raise ValueError(f"got data of {type(data).__name__}; needs one of configs/data")
    return Source(data.name, data.split, volumes)


def phantom_parameters(data: PhantomData, seed: int) -> PhantomParameters:
    """The parameters of a split's phantom.

    Every split is tissue of its own: "train" grows from the seed given, the others from seeds
    derived from it.

    Raises:
        ValueError: an unknown split, a negative seed, or parameters that make no phantom.
    """
    if data.split not in PHANTOM_SPLITS:
        raise ValueError(
            f"phantom: got split {data.split!r}; needs one of {', '.join(PHANTOM_SPLITS)}"
        )
    return PhantomParameters(
        shape=cast(tuple[int, int, int], tuple(data.shape)),
        voxel_size_nm=check_voxel_size(data.voxel_size_nm, "phantom"),
        seed=split_seed(seed, data.split),
        tissue=Tissue(**dataclasses.asdict(data.tissue)),
        imaging=Imaging(**dataclasses.asdict(data.imaging)),
    )


def split_seed(seed: int, split: str) -> int:
    """The seed of a phantom's split, from that of the run: in [0, 2 ** 31).

    Raises:
        ValueError: unless the seed is itself in that range.
    """
    if not 0 <= seed < 2**31:
        raise ValueError(f"got seed={seed}; needs a whole number from 0 to {2**31 - 1}")
    number = PHANTOM_SPLITS.index(split)
    if number == 0:
        return seed
    return int(np.random.SeedSequence([seed, number]).generate_state(1)[0] >> 1)


def _moving_digits(data: DigitsData, seed: int) -> dict[str, Volume]:
    """Every split drifts by itself; the digits to test with are those to validate with."""
    images, _ = read_mnist(data.root, "train" if data.split == "train" else "validation")
    shape = cast(tuple[int, int, int], tuple(data.shape))
    image, ids = moving_digits(images, shape, data.count, split_seed(seed, data.split))
    layers = {"image": image, "neurites": ids}
    return {name: from_array(a, PIXEL_NM, name=f"digits, {name}") for name, a in layers.items()}


def _open_files(data: FilesData) -> dict[str, Volume]:
    if data.split != "all":
        raise ValueError(
            f"files: got split {data.split!r}; needs 'all', as files have no splits: name other "
            "files in data.image and data.labels instead"
        )
    paths = {"image": data.image, "neurites": data.labels}
    layers = {
        name: open_volume(path, voxel_size_nm=data.voxel_size_nm, offset=data.offset)
        for name, path in paths.items()
        if path is not None
    }
    check_image_volume(layers["image"])
    if "neurites" in layers:
        check_label_volume(layers["neurites"])
        check_same_grid(layers["image"], layers["neurites"])
    return layers
