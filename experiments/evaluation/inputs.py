"""Volumes to be scored, on one grid."""

from configs.schema import EvaluationRun
from data.opening import open_volume
from data.volume import Volume, check_same_grid


def open_inputs(config: EvaluationRun, *names: str) -> dict[str, Volume]:
    """The volumes of a config by the name of their key, those that are given; reads no voxel.

    Args:
        config: of the run.
        names: keys whose volumes are wanted, the truth first.

    Raises:
        ValueError, FileNotFoundError: nothing there, no voxel size, or grids that differ.
    """
    volumes = {
        name: open_volume(path, voxel_size_nm=config.voxel_size_nm)
        for name in names
        if (path := getattr(config, name)) is not None
    }
    first, *others = volumes.values()
    for other in others:
        _check_same_place(first, other)
    return volumes


def check_labels_volume(volume: Volume) -> None:
    """Raises ValueError where voxels are no integers; negative ones are met on reading."""
    if volume.dtype.kind not in "ui" or len(volume.shape) != 3:
        raise ValueError(
            f"{volume.name}: got voxels of dtype {volume.dtype} with axes {volume.axes}; needs "
            "labels: integers >= 0 with axes (z, y, x), 0 = background"
        )


def check_no_baseline(config: EvaluationRun) -> None:
    """Raises ValueError where a baseline is given to a task that compares none."""
    if config.baseline is not None:
        raise ValueError(
            f"got baseline={config.baseline} for task={config.task.name}; needs task=segmentation "
            "or task=membrane: score the baseline in a run of its own"
        )


def _check_same_place(first: Volume, second: Volume) -> None:
    """Files without an offset begin at 0, so that only two that state one can disagree."""
    check_same_grid(first, second)
    offsets = first.offset, second.offset
    if all(any(offset) for offset in offsets) and offsets[0] != offsets[1]:
        raise ValueError(
            f"{second.name}: got offset {offsets[1]}; needs {offsets[0]}, the offset of "
            f"{first.name}: crop both to the voxels that they share"
        )
