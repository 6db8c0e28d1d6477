"""The config of a reconstruction, where another entry point needs it."""

import contextlib
from collections.abc import Sequence
from pathlib import Path
from typing import cast

from hydra import compose, initialize_config_module
from hydra.core.global_hydra import GlobalHydra
from omegaconf import OmegaConf

from configs.reconstruction import ReconstructRun
from configs.schema import register
from experiments.reconstruction.source import with_split


def composed(overrides: Sequence[str] = ()) -> ReconstructRun:
    """The config of these words of a command line."""
    register()
    with _hydra():
        found = OmegaConf.to_object(compose("reconstruct", list(overrides)))
    return cast(ReconstructRun, found)


def _hydra() -> contextlib.AbstractContextManager:
    """Hydra over our configs; an entry point that it runs has begun it already."""
    if GlobalHydra.instance().is_initialized():
        return contextlib.nullcontext()
    return initialize_config_module("configs", version_base="1.3")


def config_of(run: Path) -> ReconstructRun:
    """The config that a run directory was last given, with its split as that of the data.

    Raises:
        FileNotFoundError: a folder that is no run directory.
    """
    path = run / ".hydra" / "overrides.yaml"
    if not path.exists():
        raise FileNotFoundError(f"{run}: needs a run directory of experiments.reconstruct")
    return with_split(composed([str(word) for word in OmegaConf.load(path)]))
