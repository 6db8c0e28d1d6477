"""What Dask asks of a SLURM cluster, and of a scheduler that is there."""

import functools
import subprocess
import sys

import numpy as np

from configs.reconstruction import DaskEngine
from experiments.reconstruction.durable import save_arrays
from experiments.reconstruction.engine import Stage, open_engine, run_blocks
from experiments.reconstruction.grid import Grid

JOB = """
from configs.reconstruction import Slurm
from experiments.reconstruction.cluster import slurm_cluster
slurm = Slurm("long", "brains", "16GB", "12:00:00", None, ["--exclusive"], ["module load gcc"])
with slurm_cluster(slurm, 4) as cluster:
    print(cluster.job_script())
"""
GRID = Grid((4, 4, 4), (2, 2, 4))


def test_a_job_of_slurm():
    script = subprocess.run(
        [sys.executable, "-c", JOB], capture_output=True, text=True, check=True
    ).stdout
    for line in ("-p long", "-A brains", "--cpus-per-task=4", "--mem=15G", "-t 12:00:00"):
        assert f"#SBATCH {line}\n" in script
    assert "#SBATCH --exclusive\n" in script
    before, _, command = script.partition("distributed.cli.dask_worker")
    assert "export NPROC=4\n" in before and "module load gcc\n" in before
    assert "--nthreads 1 " in command


def test_a_scheduler_that_is_there(tmp_path):
    """Its workers are threads of this process, so that the test is quick."""
    from distributed import LocalCluster

    work = functools.partial(save_arrays, tmp_path / "out", arrays={"a": np.arange(3)})
    stage = Stage(
        "out",
        "1",
        GRID.blocks,
        work,
        (tmp_path / "out",),
        functools.partial((tmp_path / "out").mkdir),
    )
    with LocalCluster(
        n_workers=1, threads_per_worker=2, processes=False, dashboard_address=None
    ) as cluster:
        settings = DaskEngine("dask", None, 1, cluster.scheduler_address)
        with open_engine(settings, tmp_path) as engine:
            assert run_blocks(stage, tmp_path, engine) == 4
            assert run_blocks(stage, tmp_path, engine) == 0
    assert len(list((tmp_path / "out").iterdir())) == 4
