"""A training of no network, for tests of sweeps: the loss is known beforehand.

It takes part in sweeps as `experiments.train` does. `fail_at` is a seed that ends in an error.
Where the environment variable MEETING names a pipe, an even seed waits there for an odd one.
"""

import dataclasses
import os
from pathlib import Path
from typing import Any

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import MISSING, DictConfig, OmegaConf

from configs.schema import register
from configs.sources import Tracker

DEFAULTS = ["record", {"tracker": "disabled"}, "_self_", {"experiment": None}]


@dataclasses.dataclass
class FakeRun:
    """What can be chosen."""

    defaults: list[Any] = dataclasses.field(default_factory=lambda: DEFAULTS)
    tracker: Tracker = MISSING
    rate: float = 0.5
    width: int = 8
    steps: int = 3
    fail_at: int | None = None
    seed: int = 0


register()
ConfigStore.instance().store(name="fake_training", node=FakeRun)


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="fake_training")
def main(config: DictConfig) -> None:
    """Notes in the folder's file `started` who ran there, then leaves a record."""
    from experiments.training.earlier import already_done
    from experiments.training.tracking import keep_until, track
    from experiments.training.workers import take_share

    take_share(HydraConfig.get().launcher)
    folder = Path(HydraConfig.get().runtime.output_dir)
    values = OmegaConf.to_container(config, resolve=True, enum_to_str=True)
    assert isinstance(values, dict)
    values = {str(key): value for key, value in values.items()}
    if already_done(folder, values):
        return
    with (folder / "started").open("a") as stream:
        stream.write(f"{os.getpid()} {sorted(os.sched_getaffinity(0))}\n")
    if "MEETING" in os.environ:
        open(os.environ["MEETING"], "w" if config.seed % 2 else "r").close()
    keep_until(folder, -1)
    with track(values, folder, config.tracker) as record:
        for step in range(config.steps):
            record(step, {"loss": config.rate / (step + 1) + config.seed})
        if config.seed == config.fail_at:
            raise RuntimeError(f"seed {config.seed} fails")
        record.finish({"loss": (config.rate - 0.1) ** 2 + config.seed, "width": config.width})


if __name__ == "__main__":
    main()
