"""The image stack, as stages find it again in whatever process they run."""

import dataclasses
import functools
import os
import pickle
from typing import Any

from configs.reconstruction import ReconstructRun
from configs.sources import Data, FilesData
from data.resampling import resampled
from data.volume import Volume
from experiments.source import open_source


@dataclasses.dataclass(frozen=True)
class Origin:
    """Where the stack comes from, as plain values that can be sent to other processes.

    Attributes:
        pickled: the config of the data, and the seed.
        voxel_size_nm: at which the stack is to be had; by default as it is.
    """

    pickled: bytes
    voxel_size_nm: tuple[float, float, float] | None = None

    def layers(self) -> dict[str, Volume]:
        """The layers by name, opened once in each process."""
        return _open(self.pickled, self.voxel_size_nm)

    def image(self) -> Volume:
        """The image stack."""
        return self.layers()["image"]


def with_split(config: ReconstructRun) -> ReconstructRun:
    """The config with its own split in place of that of its data, if it names one."""
    if config.split is None:
        return config
    data = dataclasses.replace(config.data, split=config.split)
    return dataclasses.replace(config, data=data, split=None)


def origin_of(data: Data, seed: int) -> Origin:
    """Where the stack of a config comes from; it must be one stack.

    Raises:
        ValueError, FileNotFoundError: as `open_source`, or a split of several stacks.
    """
    count = len(open_source(data, seed).volumes)
    if count != 1:
        raise ValueError(
            f"{data.name}, split {data.split}: got {count} stacks; needs one: name "
            "one by data=files"
        )
    return Origin(pickle.dumps((data, seed)))


def identity(data: Data, seed: int, image: Volume) -> dict[str, Any]:
    """What tells this image from another one, as plain values."""
    told = {key: value for key, value in dataclasses.asdict(data).items() if key != "root"}
    told |= {"shape": image.shape, "dtype": str(image.dtype), "voxel_size_nm": image.voxel_size_nm}
    if data.name.startswith("phantom"):
        told["seed"] = seed
    if isinstance(data, FilesData) and os.path.isfile(data.image):
        found = os.stat(data.image)
        told["file"] = [found.st_size, found.st_mtime_ns]
    return told


@functools.lru_cache(maxsize=2)
def _open(pickled: bytes, voxel_size_nm: tuple[float, float, float] | None) -> dict[str, Volume]:
    data, seed = pickle.loads(pickled)
    layers = open_source(data, seed).volumes[0]
    if voxel_size_nm is None:
        return layers
    return {
        name: resampled(layer, voxel_size_nm, labels=name != "image")
        for name, layer in layers.items()
    }
