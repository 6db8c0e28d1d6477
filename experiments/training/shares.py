"""How frequent positives are in the training data, by which the loss is balanced."""

from collections.abc import Sequence

import numpy as np

from experiments.training.layers import TrainingData
from experiments.training.targets import KINDS, targets_of

SAMPLE = (16, 512, 512)  # voxels (z, y, x) of a stack, at most, that affinities are counted in


def positive_shares(data: TrainingData, outputs: Sequence[str]) -> list[float]:
    """For each output, the share of positives among voxels that are known."""
    return [
        _share_of_layer(data, name) if name in KINDS else _share_of_pairs(data, name)
        for name in outputs
    ]


def _share_of_layer(data: TrainingData, output: str) -> float:
    positives, known = 0, 0
    for stack in data.stacks:
        labels = stack[KINDS[output]].read() != 0
        sure = stack["known"].read() != 0 if "known" in stack else np.ones_like(labels)
        positives, known = positives + int((labels & sure).sum()), known + int(sure.sum())
    return positives / max(known, 1)


def _share_of_pairs(data: TrainingData, output: str) -> float:
    positives, known = 0.0, 0.0
    for stack in data.stacks:
        part = tuple(slice(0, n) for n in SAMPLE)
        crops = {"neurites": stack["neurites"][part].read()[None]}
        targets, sure = targets_of(crops, (output,))
        positives, known = positives + float((targets * sure).sum()), known + float(sure.sum())
    return positives / max(known, 1.0)
