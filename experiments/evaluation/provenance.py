"""What a reader of the scores of trained weights should know: where all of it comes from."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

from configs.schema import EvaluationRun
from configs.sources import PhantomData
from experiments.training.validation import name_of

NOT_THE_DATA = ("split", "root")  # of a `data` config


def provenance(
    config: EvaluationRun,
    path: Path,
    card: Mapping[str, Any],
    outputs: Sequence[str],
    stacks: int,
    gap: int,
) -> tuple[str, ...]:
    """Sentences on the weights, the data, the thresholds, and what the training has seen of it.

    Args:
        config: with `data` at the split that is scored, and the task as the user gave it.
        path: of the weights.
        card: of the weights.
        outputs: that are scored.
        stacks: how many there are in the split.
        gap: sections between them.
    """
    assert config.data is not None
    about = (
        f"Weights {path}, step {card.get('step', 'unknown')}, output {', '.join(outputs)}, on "
        f"{config.data.name}, split {config.data.split}, seed {config.seed}"
        f"{', averaged over the symmetries of sections' if config.augment else ''}."
    )
    notes = [about, _thresholds(config, card, outputs), *_seen(config, card)]
    if stacks > 1:
        notes.append(
            f"{stacks} stacks are scored as one volume, one below the other with {gap} sections "
            "between them that are not scored, in the order of the dataset."
        )
    return tuple(notes)


def _thresholds(config: EvaluationRun, card: Mapping[str, Any], outputs: Sequence[str]) -> str:
    given = [getattr(config.task, name, None) for name in ("threshold", "thresholds")]
    if any(value is not None for value in given):
        return "The threshold was given by the user."
    wanted = [f"{name_of(output)}/threshold" for output in outputs]
    if any(name not in card.get("validation", {}) for name in wanted):
        return "The threshold is 0.5: the weights' card states none that was chosen on other data."
    return "The threshold was chosen on the validation data of the training."


def _seen(config: EvaluationRun, card: Mapping[str, Any]) -> list[str]:
    """What the training had to do with the voxels that are scored."""
    trained = card.get("config", {})
    if not _same_data(config, trained):
        return []
    scored, notes = config.data.split if config.data else "", []
    if scored in ("all", trained["data"].get("split")):
        notes.append(
            "The network learnt from this very data: the values tell nothing of other tissue."
        )
    if scored in ("all", trained.get("validation_split")):
        notes.append(
            "Weights and thresholds were chosen on this very data, so that the values are "
            "optimistic: for fair ones score another split, or another dataset."
        )
    return notes


def _same_data(config: EvaluationRun, trained: Mapping[str, Any]) -> bool:
    """Whether both name one dataset; phantoms of different seeds are two."""
    if config.data is None or "data" not in trained:
        return False
    ours, theirs = (
        {name: value for name, value in data.items() if name not in NOT_THE_DATA}
        for data in (dataclasses.asdict(config.data), trained["data"])
    )
    same_seed = not isinstance(config.data, PhantomData) or config.seed == trained.get("seed")
    return ours == theirs and same_seed
