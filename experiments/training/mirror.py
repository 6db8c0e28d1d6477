"""A copy of a run's record for wandb, which may fail without harm.

Offline it is a file in the run directory, for `wandb sync` to send one day; no account, network
or terminal is needed, and nothing is sent to anyone.
"""

import contextlib
import logging
import os
import secrets
from collections.abc import Callable, Generator, Mapping
from pathlib import Path
from typing import Any

from configs.sources import Tracker, TrackerMode
from experiments.run_record import REPOSITORY, git_state

START_SECONDS, END_SECONDS = 30.0, 60.0  # how long a server may keep a run waiting
# Read by wandb when it is loaded: no talk on the console (nor questions), no reports to its makers.
QUIET = {"WANDB_SILENT": "true", "WANDB_ERROR_REPORTING": "false"}
log = logging.getLogger(__name__)


class Mirror:
    """A run of wandb, or none; the first failure is logged, and ends it."""

    def __init__(self) -> None:
        self._run: Any = None

    def start(self, config: Mapping[str, Any], folder: Path, settings: Tracker) -> None:
        """Opens the run."""
        with self._harmless():
            self._run = _start(config, folder, settings)

    def log(self, step: int, values: Mapping[str, Any], pictures: Mapping[str, Path]) -> None:
        """Copies the values of a step and its pictures."""
        self._attempt(lambda run: run.log({**values, **_images(pictures)}, step=step))

    def summarise(self, values: Mapping[str, Any]) -> None:
        """Copies the final values."""
        self._attempt(lambda run: run.summary.update(dict(values)))

    def end(self, exit_code: int) -> None:
        """Closes the run."""
        self._attempt(lambda run: run.finish(exit_code=exit_code))

    def _attempt(self, action: Callable[[Any], object]) -> None:
        if self._run is not None:
            with self._harmless():
                action(self._run)

    @contextlib.contextmanager
    def _harmless(self) -> Generator[None]:
        try:
            yield
        except Exception as error:  # whatever it is, the training and its record go on
            self._run = None
            reason = str(error).splitlines()[0] if str(error) else type(error).__name__
            log.warning("wandb: %s; the run goes on without it, with its own record", reason)


@contextlib.contextmanager
def mirrored(config: Mapping[str, Any], folder: Path, settings: Tracker) -> Generator[Mirror]:
    """A mirror that is closed at the end, as failed if an error ends the block."""
    mirror = Mirror()
    if settings.mode is not TrackerMode.disabled:
        mirror.start(config, folder, settings)
    exit_code = 1
    try:
        yield mirror
        exit_code = 0
    finally:
        mirror.end(exit_code)


def _start(config: Mapping[str, Any], folder: Path, settings: Tracker) -> Any:
    for name, value in QUIET.items():
        os.environ.setdefault(name, value)
    import wandb  # two seconds, which only those pay who want it

    online = settings.mode is TrackerMode.online
    commit = git_state(REPOSITORY)
    run = wandb.init(
        mode=settings.mode.value,
        project=settings.project,
        group=settings.group,
        tags=settings.tags,
        name=f"{folder.parent.name}/{folder.name}",
        config=dict(config),
        dir=folder,
        id=_identity(folder),
        resume="allow" if online else None,
        reinit="create_new",
        settings=wandb.Settings(
            console="off",
            disable_code=True,
            disable_git=True,
            git_commit=commit["commit"] if commit else None,
            silent=True,
            symlink=False,
            x_disable_stats=True,
            x_save_requirements=False,
            init_timeout=START_SECONDS,
            finish_timeout=END_SECONDS,
        ),
    )
    if online:
        log.info("wandb: %s", run.url)
    return run


def _identity(folder: Path) -> str:
    """What a resumed run is known by, so that it goes on there too."""
    path = folder / "wandb" / "id"
    if not path.exists():
        path.parent.mkdir(exist_ok=True)
        path.write_text(secrets.token_hex(4))
    return path.read_text()


def _images(pictures: Mapping[str, Path]) -> dict[str, Any]:
    if not pictures:
        return {}
    import wandb

    return {name: wandb.Image(str(path)) for name, path in pictures.items()}
