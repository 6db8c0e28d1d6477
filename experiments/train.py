"""Trains a model, and keeps all that is needed to go on, to judge it and to use it.

    python -m experiments.train model=membrane data=phantom
    python -m experiments.train model=cleft data=vnc data.root=DIR steps=3000
    python -m experiments.train model=agglomeration data=vnc weights=MY_RUN_DIR
    python -m experiments.train resume=RUN_DIR        goes on where a training stopped, bit for bit

Models: membrane, membrane_fast, cleft, vesicle, joint, affinity, affinity_fast and
affinity_isotropic; agglomeration, which learns what to join from the supervoxels of a trained
network (weights=); cross_classifier, which follows objects from section to section; mergenet, which
tells from the shape of an object whether it is two, merged by mistake (data=mnist: digits). The run
directory holds metrics.jsonl (a line for each report), metrics.json (the final figures), best.npz
(the weights that validated best), checkpoints/ and samples/ (prediction beside truth).
"""

from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.schema import register
from configs.training import CrossClassifierConfig, EdgeClassifier, MergeNetConfig, TrainRun

register()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="train")
def main(config: DictConfig) -> None:
    """Runs what the command line asks for, in Hydra's run directory or in that of `resume`."""
    # Imported late, so that --help and mistakes in the config answer before JAX is loaded.
    from experiments.training.workers import take_share

    take_share(HydraConfig.get().launcher)
    from experiments.training import crossing, edges, merging, run
    from experiments.training.resuming import resumed

    folder = Path(HydraConfig.get().runtime.output_dir)
    settings, folder = resumed(config, folder)
    typed = cast(TrainRun, OmegaConf.to_object(settings))
    match typed.model:
        case EdgeClassifier():
            edges.run(typed, folder)
        case CrossClassifierConfig():
            crossing.run(typed, folder)
        case MergeNetConfig():
            merging.run(typed, folder)
        case _:
            run.run(typed, folder)


if __name__ == "__main__":
    main()
