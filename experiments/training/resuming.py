"""Going on with a training: its own settings, in its own folder."""

from pathlib import Path

from hydra import compose
from omegaconf import DictConfig, OmegaConf


def resumed(config: DictConfig, folder: Path) -> tuple[DictConfig, Path]:
    """The settings and folder to train by: those given, or those of the training to go on with.

    Raises:
        FileNotFoundError: no training there.
        ValueError: settings that today's configs turn into others than it had.
    """
    if config.resume is None:
        return config, folder
    run = Path(config.resume).resolve()
    saved = run / ".hydra" / "config.yaml"
    if not saved.is_file():
        raise FileNotFoundError(
            f"{run}: got no .hydra/config.yaml; needs resume= to name a training's run directory"
        )
    overrides = OmegaConf.to_container(OmegaConf.load(run / ".hydra" / "overrides.yaml"))
    assert isinstance(overrides, list)
    settings = compose("train", [str(o) for o in overrides])
    before, now = OmegaConf.load(saved), OmegaConf.create(OmegaConf.to_yaml(settings))
    if before != now:
        raise ValueError(
            f"{run}: got settings that differ from those of {saved}, whose YAML files have changed "
            f"since: {_differences(before, now)}; needs them as they were"
        )
    settings.resume = str(run)
    return settings, run


def _differences(before, now) -> str:
    old, new = (OmegaConf.to_yaml(c).splitlines() for c in (before, now))
    return "; ".join(sorted(set(old) ^ set(new))[:6])
