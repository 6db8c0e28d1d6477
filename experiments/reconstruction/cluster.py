"""Engine `dask`: workers on this machine, of a scheduler that is there, or of a SLURM cluster.

All machines must see the run directory and this clone under the same paths. A block that runs on
another machine when this process is killed still ends there: before another run with other
settings in that directory, see that the jobs are gone.
"""

import collections
import contextlib
import functools
from collections.abc import Generator, Sequence
from typing import Any

from configs.reconstruction import DaskEngine, Slurm
from experiments.reconstruction.attempt import Attempt, Engine, Failure, Outcome
from experiments.reconstruction.grid import Block
from experiments.reconstruction.processes import thread_settings
from experiments.run_record import usable_threads

try:
    import dask
    from distributed import Client, Future, KilledWorker, LocalCluster, as_completed
except ImportError as error:
    raise ImportError(
        f"engine=dask: got no package {error.name}; needs pip install -e '.[cluster]'"
    ) from error


@contextlib.contextmanager
def workers(settings: DaskEngine) -> Generator[Engine]:
    """An engine of Dask workers, which do one block at a time each.

    Raises:
        ImportError: without dask-jobqueue, for SLURM; says how to install it.
        OSError: if no scheduler answers at the address.
    """
    count = settings.workers or max(1, usable_threads() // settings.threads)
    options = {
        "distributed.scheduler.allowed-failures": 1,  # workers may die of a block once
        "distributed.nanny.pre-spawn-environ": thread_settings(settings.threads),
    }
    with dask.config.set(options):
        if settings.address:
            with Client(settings.address) as client:
                yield functools.partial(_run, client, 1)
            return
        slurm, threads = settings.slurm, settings.threads
        with slurm_cluster(slurm, threads) if slurm else _local(count) as cluster:
            if slurm:  # replaces jobs that end at their walltime
                cluster.adapt(minimum_jobs=count, maximum_jobs=count)
            with Client(cluster) as client:
                yield functools.partial(_run, client, count)


def slurm_cluster(slurm: Slurm, threads: int) -> Any:
    """A `dask_jobqueue.SLURMCluster` without jobs yet, each of which is one worker."""
    try:
        from dask_jobqueue import SLURMCluster
    except ImportError as error:
        raise ImportError(
            "engine.slurm: got no package dask_jobqueue; needs pip install -e '.[cluster]'"
        ) from error
    exports = [f"export {name}={value}" for name, value in thread_settings(threads).items()]
    return SLURMCluster(
        queue=slurm.queue,
        account=slurm.account,
        memory=slurm.memory,
        walltime=slurm.walltime,
        interface=slurm.interface,
        cores=1,  # blocks that a worker does at a time
        processes=1,
        job_cpu=threads,
        job_name="neuropil",
        job_extra_directives=list(slurm.directives),
        job_script_prologue=exports + list(slurm.prologue),
        scheduler_options={"dashboard_address": None},
    )


def _local(count: int) -> LocalCluster:
    """Workers that have started; where they cannot, this raises instead of waiting for ever."""
    return LocalCluster(
        n_workers=count,
        threads_per_worker=1,
        processes=True,
        dashboard_address=None,
        memory_limit=0,  # the system's own; below it Dask would pause workers, for ever
    )


def _run(
    client: Client, count: int, attempt: Attempt, blocks: Sequence[Block]
) -> Generator[Outcome]:
    """Has as many blocks at work as there are workers, or are expected."""
    waiting, running = collections.deque(blocks), dict[Future, Block]()
    finished, failed = as_completed(), False
    while running or (waiting and not failed):
        places = max(count, sum(client.nthreads().values()))
        while waiting and not failed and len(running) < places:
            future = client.submit(attempt, waiting[0], pure=False)
            running[future] = waiting.popleft()
            finished.add(future)
        future = next(finished)
        failure = _failure(future)
        failed = failed or failure is not None
        yield running.pop(future), failure


def _failure(future: Future) -> Failure | None:
    try:
        return future.result()
    except KilledWorker:
        return Failure(
            "its worker died, and so did the next one; needs more memory, a smaller block_shape "
            "or fewer workers, if the system ran out"
        )
    except Exception as error:  # of Dask, such as a worker that cannot import the work
        return Failure(f"{type(error).__name__}: {error}")
