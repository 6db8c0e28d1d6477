"""Volumes to be scored, on one grid."""

import itertools
import logging

import numpy as np

from configs.schema import EvaluationRun
from data.cremi import clear_reserved
from data.mapped import map_voxels
from data.opening import open_volume
from data.volume import Volume, check_same_grid

log = logging.getLogger(__name__)


def check_named(config: EvaluationRun) -> None:
    """Raises ValueError unless a config names a prediction and its truth, or weights and data."""
    if config.checkpoint is None:
        _check_no_checkpoint_keys(config)
        paths_of(config)
        return
    own = ("prediction", "truth", "mask", "image", "voxel_size_nm")
    for name in own:
        if (value := getattr(config, name)) is not None:
            raise ValueError(
                f"got checkpoint={config.checkpoint} and {name}={value}; needs one of both: a "
                "checkpoint makes the prediction, and all else comes from data="
            )
    if config.data is None:
        raise ValueError(
            f"got checkpoint={config.checkpoint} without data; needs data=NAME to predict and "
            "score: phantom, files, or one of `python -m data.catalog`"
        )


def _check_no_checkpoint_keys(config: EvaluationRun) -> None:
    given = {
        "data": config.data and config.data.name,
        "output": config.output,
        "augment": "true" if config.augment else None,
    }
    for name, value in given.items():
        if value is not None:
            raise ValueError(
                f"got {name}={value} without a checkpoint; needs checkpoint=RUN_DIR (a training, a "
                "file of weights or the name of shipped ones), or prediction=PATH truth=PATH alone"
            )


def paths_of(config: EvaluationRun) -> tuple[str, str]:
    """The paths of the prediction and of the truth.

    Raises:
        ValueError: one that is not given.
    """
    if config.prediction is None or config.truth is None:
        missing = [name for name in ("prediction", "truth") if getattr(config, name) is None]
        raise ValueError(
            f"got no {' and no '.join(missing)}; needs prediction=PATH truth=PATH, or "
            "checkpoint=RUN_DIR data=NAME"
        )
    return config.prediction, config.truth


def open_inputs(config: EvaluationRun, *names: str) -> dict[str, Volume]:
    """The volumes of a config by the name of their key, those that are given; reads no voxel.

    Args:
        config: of the run.
        names: keys whose volumes are wanted, the truth first.

    Raises:
        ValueError, FileNotFoundError: nothing there, no voxel size, grids that differ, or draws
            that are none.
    """
    check_resampling(config)
    volumes = {
        name: open_volume(path, voxel_size_nm=config.voxel_size_nm)
        for name in names
        if (path := getattr(config, name)) is not None
    }
    for first, second in itertools.combinations(volumes.values(), 2):
        check_same_place(first, second)
    return volumes


def check_resampling(config: EvaluationRun) -> None:
    """Raises ValueError unless there are draws, and a seed for them."""
    if config.resampling.draws < 1:
        raise ValueError(f"got resampling.draws={config.resampling.draws}; needs at least 1")
    if config.seed < 0:
        raise ValueError(f"got seed={config.seed}; needs a whole number >= 0")


def open_labels(config: EvaluationRun, *names: str) -> dict[str, Volume]:
    """`open_inputs`, where truth, prediction and baseline are labels.

    Ids that CREMI's annotation tool keeps for itself (background, voxels not to be scored) are
    read as 0.
    """
    volumes = open_inputs(config, *names)
    return {
        name: as_labels(volume) if name in ("truth", "prediction", "baseline") else volume
        for name, volume in volumes.items()
    }


def as_labels(volume: Volume) -> Volume:
    """The volume with CREMI's reserved ids as 0.

    Raises:
        ValueError: where voxels are no integers.
    """
    check_labels_volume(volume)
    if volume.dtype != np.uint64:
        return volume
    return map_voxels(volume, clear_reserved, np.uint64)


def check_labels_volume(volume: Volume) -> None:
    """Raises ValueError where voxels are no integers; negative ones are met on reading."""
    if volume.dtype.kind not in "ui" or len(volume.shape) != 3:
        raise ValueError(
            f"{volume.name}: got voxels of dtype {volume.dtype} with axes {volume.axes}; needs "
            "labels: integers >= 0 with axes (z, y, x), 0 = background"
        )


def check_no_mask(config: EvaluationRun) -> None:
    """Raises ValueError where a mask is given to a task that reads none."""
    if config.mask is not None:
        raise ValueError(
            f"got mask={config.mask} for task={config.task.name}; needs a task that scores voxels: "
            "leave out of the tables or skeletons what is not to be scored"
        )


def check_no_baseline(config: EvaluationRun) -> None:
    """Raises ValueError where a baseline is given to a task that compares none."""
    if config.baseline is not None:
        raise ValueError(
            f"got baseline={config.baseline} for task={config.task.name}; needs task=segmentation "
            "or task=membrane: score the baseline in a run of its own"
        )


def check_same_place(first: Volume, second: Volume) -> None:
    """Raises ValueError unless both have one grid and lie at one place.

    Files that state no offset begin at 0, so that only two others surely disagree; where one is
    at 0, a warning is logged.
    """
    check_same_grid(first, second)
    if len(first.shape) != 3 or len(second.shape) != 3:
        odd = first if len(first.shape) != 3 else second
        raise ValueError(f"{odd.name}: got axes {odd.axes}; needs (z, y, x), one channel alone")
    offsets = first.offset, second.offset
    if offsets[0] == offsets[1]:
        return
    if not all(any(offset) for offset in offsets):
        log.warning(
            "%s has offset %s and %s %s: they are compared voxel by voxel, as one of them may "
            "just not state it",
            first.name,
            offsets[0],
            second.name,
            offsets[1],
        )
    else:
        raise ValueError(
            f"{second.name}: got offset {offsets[1]}; needs {offsets[0]}, the offset of "
            f"{first.name}: crop both to the voxels that they share"
        )
