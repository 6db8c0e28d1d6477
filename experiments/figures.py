"""Redraws the figures of the project from stored results, which nothing is measured for.

    python -m experiments.figures [figure=NAME|all] [results=FOLDER] [hydra.run.dir=FOLDER]

Writes NAME.png, NAME.pdf and NAME.csv (what is shown) to the run directory. Results are the files
in experiments/results, unless a folder is named.
"""

from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.schema import FiguresRun, register

register()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="figures")
def main(config: DictConfig) -> None:
    """Draws what the command line asks for, in Hydra's run directory."""
    # Imported late, so that --help and mistakes in the config answer before Matplotlib is loaded.
    from experiments.drawings.run import run

    run(cast(FiguresRun, OmegaConf.to_object(config)), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    main()
