"""Runs the experiment behind a figure once more, and stores its result.

    python -m experiments.reproduce experiment=NAME [size=laptop|paper] [results=FOLDER]

Every step is a run of its own in a folder of the run directory, and NAME.json there is the result
in the form of experiments/results, which `python -m experiments.figures results=RUN_DIR figure=...`
draws. Stopped, it goes on by hydra.run.dir=RUN_DIR. Names, sizes and times: docs/figures.md.
"""

from pathlib import Path
from typing import cast

import hydra
from hydra.core.config_store import ConfigStore
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.schema import ReproduceRun, register
from experiments.reproduction.table import EXPERIMENTS

register()
for _name in EXPERIMENTS:  # as trainings have made `experiment` a group of options for Hydra
    _chosen = {"experiment": _name}
    ConfigStore.instance().store(_name, _chosen, group="experiment", package="_global_")


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="reproduce")
def main(config: DictConfig) -> None:
    """Runs what the command line asks for, in Hydra's run directory."""
    # Imported late, so that --help and mistakes in the config answer at once.
    from experiments.reproduction.run import run

    run(cast(ReproduceRun, OmegaConf.to_object(config)), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    main()
