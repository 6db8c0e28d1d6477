"""A run directory in the browser, from top to bottom."""

import logging
import socket
import time
from pathlib import Path

import neuroglancer
from hydra.errors import HydraException

from configs.schema import ViewRun
from data.volume import Volume
from experiments.reconstruction.settings import config_of
from experiments.reconstruction.source import origin_of
from experiments.viewing.scene import VOLUMES, scene
from experiments.viewing.server import serving, until_signal

log = logging.getLogger(__name__)


def run(config: ViewRun) -> None:
    """Serves a run until Ctrl-C or SIGTERM.

    Raises:
        ValueError: no run, or one that has nothing to show yet, or a port that cannot be had.
        FileNotFoundError: a folder that is no run directory.
    """
    folder = check_run(config.run)
    log.info("opening %s", folder)
    state = scene(folder, read_source(folder))
    with serving(state, config.port) as viewer, until_signal():
        log.info(in_words(folder, state, viewer))
        while True:  # signal.pause would miss a signal that comes just before it
            time.sleep(1)
    log.info("stopped")


def check_run(path: str | None) -> Path:
    """The folder of a run that has something to show."""
    if path is None:
        raise ValueError("got no run; needs run=DIR, a run directory of experiments.reconstruct")
    folder = Path(path)
    if not (folder / ".hydra" / "overrides.yaml").exists():
        raise FileNotFoundError(f"{folder}: needs a run directory of experiments.reconstruct")
    if not any((folder / name).exists() for name in VOLUMES):
        raise ValueError(
            f"{folder}: got none of {', '.join(VOLUMES)}; needs a run of experiments.reconstruct "
            "that has done its first stage: hydra.run.dir of the same command goes on with one"
        )
    return folder


def read_source(folder: Path) -> dict[str, Volume]:
    """The layers that a run was made from; none, with a warning, where they are not to be had."""
    try:
        config = config_of(folder)
        return origin_of(config.data, config.seed).layers()
    except (ValueError, FileNotFoundError, HydraException) as error:
        log.warning(
            "shown without its image (a relative path counts from where the run was begun): %s",
            error,
        )
        return {}


def in_words(folder: Path, state: neuroglancer.ViewerState, viewer: neuroglancer.Viewer) -> str:
    """What is shown, where, and how from another machine."""
    port = viewer.get_viewer_url().split(":")[2].split("/")[0]
    names = [layer.name if layer.visible else f"{layer.name} (hidden)" for layer in state.layers]
    return "\n".join(
        [
            f"{folder}: {', '.join(names)}",
            f"open {viewer.get_viewer_url()}",
            f"from another machine, first: ssh -L {port}:127.0.0.1:{port} {socket.gethostname()}",
            "Ctrl-C ends it",
        ]
    )
