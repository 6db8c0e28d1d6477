"""Checkpoints of a training: the whole state, written whole or not at all."""

import logging
from pathlib import Path
from typing import Any

from jaxtyping import PyTree
from orbax.checkpoint import v1 as ocp

KEPT = 2
logging.getLogger("absl").setLevel(logging.WARNING)  # orbax tells every step of its own


def save(folder: Path, step: int, state: PyTree) -> None:
    """Writes the state after a step; the newest two are kept."""
    policy: Any = ocp.training.preservation_policies.LatestN(KEPT)
    with ocp.training.Checkpointer(
        str(folder.resolve()), preservation_policy=policy
    ) as checkpointer:
        if checkpointer.latest is None or checkpointer.latest.step < step:
            checkpointer.save(step, state)


def latest_step(folder: Path) -> int | None:
    """The step of the newest complete checkpoint, or None."""
    if not folder.is_dir():
        return None
    with ocp.training.Checkpointer(str(folder.resolve())) as checkpointer:
        return None if checkpointer.latest is None else checkpointer.latest.step


def restore(folder: Path, like: PyTree) -> tuple[int, PyTree]:
    """The newest state, and its step.

    Args:
        folder: of the checkpoints.
        like: a state of the same structure and shapes.

    Raises:
        FileNotFoundError: no checkpoint there.
        ValueError: a checkpoint of another structure; says what differs.
    """
    step = latest_step(folder)
    if step is None:
        raise FileNotFoundError(
            f"{folder}: got no checkpoint; needs resume= to name a run directory that has one"
        )
    with ocp.training.Checkpointer(str(folder.resolve())) as checkpointer:
        return step, checkpointer.load(step, like)
