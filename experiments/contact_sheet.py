"""Draws real tissue and phantoms side by side, to judge by eye how alike they are.

    python -m experiments.contact_sheet [output=PATH] [seed=N]

Writes one PNG to the run directory, and the same to `output`. A real set that is not under
`NEUROPIL_DATA` leaves its panel empty, and such a sheet does not replace one that is there.
"""

from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.schema import ContactSheetRun, register

register()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="contact_sheet")
def main(config: DictConfig) -> None:
    """Runs what the command line asks for, in Hydra's run directory."""
    # Imported late, so that --help and mistakes in the config answer before JAX is loaded.
    from experiments.sheet.run import run

    run(
        cast(ContactSheetRun, OmegaConf.to_object(config)),
        Path(HydraConfig.get().runtime.output_dir),
    )


if __name__ == "__main__":
    main()
