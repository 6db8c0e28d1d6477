"""What a run is going to do and to need, in words, before it does it."""

import math
import shutil
from pathlib import Path

from data.volume import Volume
from experiments.reconstruction.markers import FOLDER
from experiments.reconstruction.planning import Plan
from experiments.report.scale import times

# Bytes on the disk for a voxel, as measured on real and generated tissue, compressed.
BYTES = {"membrane": 3.0, "supervoxels": 0.6, "segmentation": 0.3}


def describe(todo: Plan, image: Volume, folder: Path) -> str:
    """The plan: what is read, stages with blocks done and to do, and disk."""
    voxels = math.prod(image.shape[:3])
    need, free = voxels * sum(BYTES.values()) / 1e9, shutil.disk_usage(folder).free / 1e9
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
