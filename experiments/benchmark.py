"""Measures how fast the project is here, side by side with peers in one run.

    python -m experiments.benchmark [suite=data] [layers=main] [rounds=N] [phantom.shape=[z,y,x]]

Writes benchmark.json (every figure, and the machine) and benchmark.md (a table) to the run
directory. Suite `data`: generating tissue, augmenting crops, and feeding a trainer; suite
`metrics`: scoring a segmentation; suite `conv`: layers forward and in training, beside XLA, the
limits of the machine and, where it can be imported, PyTorch (oneDNN), with a roofline as a picture
and as CSV (layers=main, all, or sweep: random shapes); suite `models`: whole networks in training
and at inference, beside the same in PyTorch and in stock JAX; suite `pipeline`: the main job from
raw voxels to skeletons, beside PyTorch, scikit-image and waterz put together.

Suite `accuracy`, which takes minutes and is not part of `all`, is of exactness, not of speed:
rounding errors of the convolution, and losses of networks that learn with it and with XLA's. It
writes accuracy.md, accuracy.json, errors.csv, loss_curves.csv and loss_curves.png instead.

Suite `synapses`, which takes minutes too and is not part of `all`, compares ways to find synapses:
rules over the maps of three light networks (clefts; with membranes; with vesicles) or of a joint
one of as many parameters, and VESICLE-RF; on the phantom, tissue of an unseen seed, and on VNC
(NEUROPIL_DATA or synapses.vnc.root=DIR). It writes synapses.md, synapses.json, synapses.png and
synapses.pdf: F1 with intervals, and MB/s. Its phantom is small by default; as large as that which
the networks learnt from: synapses.phantom.shape=[64,768,768]. Weights of your own:
synapses.phantom_weights.joint=RUN_DIR.

Suite `tracking` compares following all objects at once (3C) with following one after the other, on
digits that drift through a stack, and what codes, letters and directions are worth, on tissue;
networks for digits and of other letters are no part of the project: configs/experiment says how
they are trained, and tracking.four=RUN_DIR tracking.single=RUN_DIR tracking.letters=[RUN_DIR]
names them. It writes tracking.json and tracking.md; `python -m experiments.figures` draws them.
"""

from pathlib import Path
from typing import cast

import hydra
from hydra.core.hydra_config import HydraConfig
from omegaconf import DictConfig, OmegaConf

from configs.schema import BenchmarkRun, register

register()


@hydra.main(version_base="1.3", config_path="pkg://configs", config_name="benchmark")
def main(config: DictConfig) -> None:
    """Runs what the command line asks for, in Hydra's run directory."""
    # Imported late, so that --help and mistakes in the config answer before JAX is loaded.
    from experiments.benchmarks.run import run

    run(cast(BenchmarkRun, OmegaConf.to_object(config)), Path(HydraConfig.get().runtime.output_dir))


if __name__ == "__main__":
    main()
