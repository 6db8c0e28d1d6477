"""Scores what was found against the truth, every value under a named convention.

    python -m experiments.evaluate prediction=PATH truth=PATH [task=segmentation] [mask=PATH]
        [image=PATH] [baseline=PATH] [voxel_size_nm=[z,y,x]]
    python -m experiments.evaluate checkpoint=RUN_DIR data=phantom [split=validation]
        [output=NAME] [augment=true] [baseline=PATH]
    python -m experiments.evaluate task=merge_errors checkpoint=NAME data=fib25 [task.layer=NAME]

Tasks: segmentation, membrane, cleft, instance, affinity (volumes of any format), skeleton (labels
against a folder of SWC), partner and connectome (synapse tables), merge_errors (what a MergeNet
finds: merges made by program, or the real ones of a layer). The second way first predicts a split
of a dataset with trained weights, and takes the task of their output and the thresholds that their
training chose. The run directory holds metrics.json, metrics.md, tables as CSV, report.html, which
opens in any browser, and what was predicted (prediction.zarr, truth.zarr, image.zarr).
"""

from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.schema import EvaluationRun, register

register()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="evaluate")
def main(config: DictConfig) -> None:
    """Runs what the command line asks for, in Hydra's run directory."""
    # Imported late, so that --help and mistakes in the config answer before JAX is loaded.
    from experiments.evaluation.run import run

    folder = Path(HydraConfig.get().runtime.output_dir)
    run(cast(EvaluationRun, OmegaConf.to_object(config)), folder)


if __name__ == "__main__":
    main()
