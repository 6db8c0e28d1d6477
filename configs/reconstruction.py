"""The typed schema of `python -m experiments.reconstruct`: what does the work."""

import dataclasses

from omegaconf import MISSING


@dataclasses.dataclass
class EngineSettings:
    """What `engine=` chooses: what does the blocks of a volume. The result is the same."""

    name: str = MISSING


@dataclasses.dataclass
class SerialEngine(EngineSettings):
    """One block after the other, with all processors, in the process itself."""


@dataclasses.dataclass
class ProcessesEngine(EngineSettings):
    """Several blocks at once on this machine.

    Attributes:
        workers: how many processes; by default as many as there are processors for.
        threads: on which each of them computes.
    """

    workers: int | None = None
    threads: int = MISSING


@dataclasses.dataclass
class Slurm:
    """Jobs that Dask submits to SLURM; each is one worker, on `DaskEngine.threads` processors.

    Attributes:
        queue: partition; by default that of the cluster.
        account: that the jobs are charged to.
        memory: of a job, as in 16GB.
        walltime: of a job, as in 24:00:00.
        interface: of the network between the nodes, such as ib0.
        directives: further lines of `#SBATCH`, such as --constraint=avx512.
        prologue: lines of shell before the worker starts, such as module load.
    """

    queue: str | None = None
    account: str | None = None
    memory: str = MISSING
    walltime: str = MISSING
    interface: str | None = None
    directives: list[str] = dataclasses.field(default_factory=list)
    prologue: list[str] = dataclasses.field(default_factory=list)


@dataclasses.dataclass
class DaskEngine(EngineSettings):
    """Several blocks at once on one machine or many that share a file system.

    Attributes:
        workers: how many processes or SLURM jobs; by default as many as this machine has
            processors for. Those of an existing scheduler are all used.
        threads: on which each of them computes.
        address: host:port of an existing scheduler; by default one is started.
        slurm: to have the workers on a SLURM cluster; by default they are on this machine.
    """

    workers: int | None = None
    threads: int = MISSING
    address: str | None = None
    slurm: Slurm | None = None
