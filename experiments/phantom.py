"""Makes a phantom, writes it with its truth, and reports on what came out.

    python -m experiments.phantom [data.shape=[z,y,x]] [data=phantom_fly] [data/imaging=defects]

The run directory holds one OME-Zarr volume per layer, synapses.csv, neurites.csv, skeletons/,
metrics.json, environment.json and report.html, which opens in any browser.
"""

from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.schema import PhantomRun, register

register()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="phantom")
def main(config: DictConfig) -> None:
    """Runs what the command line asks for, in Hydra's run directory."""
    # Imported late, so that --help and mistakes in the config answer before JAX is loaded.
    from experiments.phantom_report.run import run

    run(cast(PhantomRun, OmegaConf.to_object(config)), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    main()
