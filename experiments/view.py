"""Shows a reconstruction in the browser: volumes, neurites, synapses and merge errors.

    python -m experiments.view run=DIR            DIR: a run directory of experiments.reconstruct
    python -m experiments.view run=DIR port=8889  at a port of one's choice, for ssh -L

It prints an address for the browser and serves until Ctrl-C, to this machine alone (127.0.0.1).
What a run has not made yet is left out. Nothing is written. Needs pip install -e '.[viewer]'.
"""

import importlib.util
from typing import cast

import hydra
from omegaconf import DictConfig, OmegaConf

from configs.schema import ViewRun, register

register()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="view")
def main(config: DictConfig) -> None:
    """Serves what the command line names, until it is stopped."""
    if importlib.util.find_spec("neuroglancer") is None:
        raise ImportError("got no package neuroglancer; needs pip install -e '.[viewer]'")
    # Imported late, so that --help and mistakes in the config answer before all else is loaded.
    from experiments.viewing.run import run

    run(cast(ViewRun, OmegaConf.to_object(config)))


if __name__ == "__main__":
    main()
