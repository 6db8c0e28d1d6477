"""From an image stack to segments, skeletons, a connectome and a report, in one command.

    python -m experiments.reconstruct data=phantom
    python -m experiments.reconstruct data=snemi3d split=validation data.root=DIR weights=ssem_mouse
    python -m experiments.reconstruct data=files data.image=STACK.tif data.voxel_size_nm=[30,6,6] \\
        weights=ssem_mouse
    ... dry_run=true                shows the plan and does nothing
    ... hydra.run.dir=RUN_DIR       goes on in a run directory where a run stopped
    ... engine=processes            several blocks at once

The run directory holds membrane.zarr, supervoxels.zarr, segmentation.zarr, skeletons/*.swc,
skeletons.precomputed (neuroglancer), neurites.csv, metrics.json and report.html; with weights of
clefts also clefts.zarr, vesicles.zarr, synapses.csv, connectome.graphml, adjacency.npz and
synapses.precomputed (neuroglancer).
"""

from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.schema import ReconstructRun, register

register()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="reconstruct")
def main(config: DictConfig) -> None:
    """Runs what the command line asks for, in Hydra's run directory."""
    # Imported late, so that --help and mistakes in the config answer before JAX is loaded.
    from experiments.reconstruction.run import run

    settings = cast(ReconstructRun, OmegaConf.to_object(config))
    run(settings, Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    main()
