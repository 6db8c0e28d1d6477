"""What a run is going to do and to need, in words, before it does it."""

import math
import shutil
from pathlib import Path

from data.volume import Volume
from experiments.reconstruction.markers import FOLDER
from experiments.reconstruction.planning import Plan
from experiments.report.scale import times

# Compressed bytes on the disk for a voxel: the most of AC4, VNC, FIB-25, the phantom, rounded up.
BYTES = {
    "membrane.zarr": 0.6,
    "affinities.zarr": 3.7,  # of six channels
    "supervoxels.zarr": 0.2,
    "region_graph": 0.15,
    "segmentation.zarr": 0.1,
    "cleft_probability.zarr": 0.3,
    "vesicles.zarr": 0.6,
    "clefts.zarr": 0.01,
}


def describe(todo: Plan, image: Volume, folder: Path) -> str:
    """The plan: what is read, stages with blocks done and to do, and disk."""
    voxels = math.prod(image.shape[:3])
    outputs = [path.name for stage in todo.stages for path in stage.outputs]
    need = voxels * sum(BYTES.get(name, 0.0) for name in outputs) / 1e9
    free = shutil.disk_usage(folder).free / 1e9
    lines = [
        f"{image.name}: {times(image.shape)} voxels of {times(image.voxel_size_nm)} nm, "
        f"{voxels / 1e6:.1f} MB; blocks of {times(todo.blocks.block_shape)}",
        f"about {need:.2f} GB of disk are needed, {free:.1f} GB are free",
    ]
    for stage in todo.stages:
        done = folder / FOLDER / f"{stage.name}-{stage.key}"
        count = sum(1 for _ in done.iterdir()) if done.is_dir() else 0
        lines.append(f"  {stage.name}: {len(stage.blocks)} blocks, {count} done")
    return "\n".join(lines)
