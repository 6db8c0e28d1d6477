"""Trained weights on a dataset: what they predict, and by which task and thresholds it is scored.

Thresholds are those that the training chose on its validation data, never on the split scored.
The grey scale is measured on the images themselves, as it would be of a stranger's.
"""

import dataclasses
from collections.abc import Mapping, Sequence
from importlib import resources
from pathlib import Path
from typing import Any

from flax import nnx
from omegaconf import DictConfig, OmegaConf

from configs.schema import (
    TASKS,
    AffinityTask,
    CleftTask,
    EvaluationRun,
    InstanceTask,
    MembraneTask,
    Task,
)
from configs.sources import Data, FilesData
from configs.training import TrainingTargets
from experiments.evaluation.inputs import check_no_baseline, check_resampling
from experiments.evaluation.provenance import provenance
from experiments.evaluation.stacks import gap_sections, predict_layers, write_layers
from experiments.evaluation.voxels import THRESHOLD
from experiments.training.layers import load_layers
from experiments.training.targets import kinds_of
from experiments.training.validation import name_of
from models.architecture import build
from models.outputs import offset_of
from models.pretrained_weights import find_weights
from models.weights import load_weights, read_card

AFFINITY = "affinity"
TASK_OF = {"membrane": "membrane", "cleft": "cleft", "vesicle": "instance", AFFINITY: AFFINITY}
DEFAULT_TASK = "segmentation"  # of configs/evaluate.yaml, which no output is scored by


def predict_split(config: EvaluationRun, folder: Path) -> tuple[EvaluationRun, tuple[str, ...]]:
    """Predicts a split, writes what is to be compared into the folder, and says how to score it.

    Args:
        config: with `checkpoint` and `data`.
        folder: prediction.zarr, truth.zarr, image.zarr and, where not all is to be scored,
            mask.zarr are written there.

    Returns:
        The config with these paths, the task of the output, and thresholds; and what a reader of
        the scores should know.

    Raises:
        ValueError, FileNotFoundError: no such weights, output, split or labels, or a task that
            does not fit, before anything is predicted.
    """
    path = find_weights(str(config.checkpoint))
    architecture, params = load_weights(path)
    outputs = choose_outputs(architecture.outputs, config.output, str(path))
    task = fitting_task(config.task, outputs)
    data = at_split(config.data, config.split)
    config = dataclasses.replace(config, data=data, task=task)
    check_resampling(config)
    if task.name != "membrane":
        check_no_baseline(config)
    card = read_card(path)
    loaded = load_layers(data, kinds_of(outputs), _targets(card, path), config.seed)

    network = build(architecture, nnx.Rngs(0))
    nnx.update(network, params)
    layers = predict_layers(network, architecture.outputs, outputs, loaded, augment=config.augment)
    images = [stack["image"] for stack in loaded.stacks]
    gap = gap_sections(images[0].voxel_size_nm, getattr(task, "distance_nm", None))
    paths = write_layers(layers, images, gap, folder)
    notes = provenance(config, path, card, outputs, len(images), gap)
    chosen = with_thresholds(task, outputs, card.get("validation", {}))
    return dataclasses.replace(config, task=chosen, **paths), notes


def choose_outputs(every: Sequence[str], wanted: str | None, name: str) -> tuple[str, ...]:
    """The outputs to be scored together: all affinities, or one other.

    Args:
        every: output of the network.
        wanted: one of them, as it is or as figures name it (affinity_0_-1_0), or "affinity" for all
            affinities; by default all, if they can be scored together.
        name: of the weights.

    Raises:
        ValueError: none of them, or several to choose from.
    """
    groups: dict[str, tuple[str, ...]] = {}
    for output in every:
        kind = AFFINITY if offset_of(output) else output
        groups[kind] = (*groups.get(kind, ()), output)
    if wanted is None and len(groups) == 1:
        return next(iter(groups.values()))
    single = {spelling: (o,) for o in every for spelling in (o, name_of(o))}
    if wanted is not None and wanted in groups | single:
        return (groups | single)[wanted]
    choices = dict.fromkeys([*groups, *map(name_of, every)])
    raise ValueError(
        f"{name}: got output={wanted}; needs output={' or '.join(choices)}, which this network has"
        + (f": -m output={','.join(groups)} scores each in turn" if len(groups) > 1 else "")
    )


def fitting_task(task: Task, outputs: Sequence[str]) -> Task:
    """The task given, or the default settings of that by which the outputs are scored.

    Raises:
        ValueError: another task, which does not fit.
    """
    wanted = TASK_OF.get(outputs[0], AFFINITY)
    if task.name == wanted:
        return task
    if task.name != DEFAULT_TASK:
        raise ValueError(
            f"got task={task.name} for output {', '.join(outputs)}; needs task={wanted}, which it "
            "is scored by if no task is given"
        )
    return default_task(wanted)


def default_task(name: str) -> Task:
    """The settings of configs/task/NAME.yaml."""
    settings = OmegaConf.load(str(resources.files("configs") / "task" / f"{name}.yaml"))
    assert isinstance(settings, DictConfig)
    del settings["defaults"]  # which name the schema that is merged here
    found = OmegaConf.to_object(OmegaConf.merge(TASKS[name], settings))
    assert isinstance(found, Task)
    return found


def at_split(data: Data | None, split: str) -> Data:
    """The data, at a split of it; files have none.

    Raises:
        ValueError: data that name another split themselves.
    """
    assert data is not None
    if isinstance(data, FilesData):
        return data
    if data.split not in ("train", split):  # by default it is train
        raise ValueError(
            f"got data.split={data.split} and split={split}; needs split={data.split} alone"
        )
    return dataclasses.replace(data, split=split)


def with_thresholds(task: Task, outputs: Sequence[str], validation: Mapping[str, Any]) -> Task:
    """The task with the thresholds of a card's validation figures, where it has none itself."""
    names = [name_of(output) for output in outputs]
    chosen = [float(validation.get(f"{name}/threshold", THRESHOLD)) for name in names]
    match task:
        case MembraneTask(threshold=None) | InstanceTask(threshold=None):
            return dataclasses.replace(task, threshold=chosen[0])
        case CleftTask(threshold=None):
            least = task.least_voxels
            if least is None:
                least = int(validation.get("cleft/least_voxels", 0))
            return dataclasses.replace(task, threshold=chosen[0], least_voxels=least)
        case AffinityTask():
            channels = task.channels or [name.removeprefix("affinity_") for name in names]
            thresholds = task.thresholds or chosen
            return dataclasses.replace(task, channels=channels, thresholds=thresholds)
    return task


def _targets(card: Mapping[str, Any], path: Path) -> TrainingTargets:
    """How the labels were drawn that the network learnt from."""
    try:
        return TrainingTargets(**card["config"]["model"]["targets"])
    except (KeyError, TypeError) as error:
        raise ValueError(
            f"{path}: got a card without config.model.targets ({error}); needs weights that "
            "experiments.train saved, as labels are drawn as for the training"
        ) from error
