"""Runs that are killed, stopped, starved of space or given damaged files; the next one goes on."""

import contextlib
import os
import select
import shutil
import signal
import subprocess
import sys
from collections.abc import Generator
from pathlib import Path

import psutil
import pytest

HERE = Path(__file__).parent
MAIN = "import toy_stages; toy_stages.main()"
MAKE = "import sys, toy_stages, pathlib; toy_stages.make_source(pathlib.Path(sys.argv[1]))"
BLOCKS = [f"{z}_{y}_{x}" for z in range(2) for y in range(2) for x in range(2)]
EVERY = {f"{stage}-{b}" for stage in ("smooth", "count") for b in BLOCKS} | {"total-0_0_0"}


def python(code: str, *arguments: object) -> subprocess.Popen[str]:
    """Starts code in a session of its own, as a terminal would."""
    return subprocess.Popen(
        [sys.executable, "-c", code, *map(str, arguments)],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
        start_new_session=True,
    )


def finish(process: subprocess.Popen[str]) -> tuple[int, str]:
    """The exit code, and all that was said."""
    words = "".join(process.communicate(timeout=60))
    return process.returncode, words


@pytest.fixture(scope="module")
def undisturbed(tmp_path_factory) -> Path:
    """A run that nothing happened to, by engine `serial`."""
    folder = tmp_path_factory.mktemp("undisturbed")
    (folder / "faults").mkdir()
    assert finish(python(MAKE, folder / "run"))[0] == 0
    code, words = finish(python(MAIN, folder / "run", folder / "faults", "serial"))
    assert code == 0, words
    assert attempted(folder / "faults") == sorted(EVERY)
    return folder / "run"


@pytest.fixture
def run(tmp_path, undisturbed) -> Path:
    """A run directory with its source only, beside an empty folder for faults."""
    shutil.copytree(undisturbed / "source.zarr", tmp_path / "run" / "source.zarr")
    (tmp_path / "faults").mkdir()
    return tmp_path / "run"


def start(run: Path, engine: str) -> subprocess.Popen[str]:
    return python(MAIN, run, run.parent / "faults", engine)


def put(run: Path, fault: str) -> Path:
    path = run.parent / "faults" / fault
    os.mkfifo(path) if fault.startswith("stay") else path.touch()
    return path


def attempted(faults: Path) -> list[str]:
    """Stage and block of every attempt."""
    return sorted(line.split()[0] for line in (faults / "attempts").read_text().splitlines())


def done(run: Path) -> set[str]:
    """Stage and block of every marker."""
    files = (run / ".done").glob("*/*")
    return {f"{path.parent.name.rpartition('-')[0]}-{path.name}" for path in files}


def contents(run: Path) -> dict[str, bytes]:
    """Every file of a run but markers and lock."""
    files = (path for path in run.rglob("*") if path.is_file())
    names = {str(path.relative_to(run)): path for path in files}
    return {name: path.read_bytes() for name, path in names.items() if name[0] != "."}


def goes_on(run: Path, undisturbed: Path) -> None:
    """The next run does what was not done, and leaves what an undisturbed one leaves."""
    before = done(run)
    (run.parent / "faults" / "attempts").write_text("")
    code, words = finish(start(run, "serial"))
    assert code == 0, words
    assert attempted(run.parent / "faults") == sorted(EVERY - before)
    assert contents(run) == contents(undisturbed)


@contextlib.contextmanager
def staying(run: Path, engine: str, block: str, when: str = "before") -> Generator[psutil.Process]:
    """A run one of whose blocks never ends, while that is at work."""
    pipe = put(run, f"stay_{when}-{block}")
    file = os.open(pipe, os.O_RDWR)
    process = start(run, engine)
    try:
        assert select.select([file], [], [], 60)[0], finish(process)
        os.read(file, 100)
        pipe.unlink()
        yield psutil.Process(process.pid)
    finally:
        with contextlib.suppress(ProcessLookupError):
            os.killpg(process.pid, signal.SIGKILL)
        finish(process)
        os.close(file)


def gone(processes: list[psutil.Process]) -> bool:
    return not psutil.wait_procs(processes, timeout=60)[1]


def test_workers_leave_the_bytes_that_one_process_leaves(run, undisturbed):
    code, words = finish(start(run, "processes"))
    assert code == 0, words
    assert words.startswith("8 8 1\n")
    assert contents(run) == contents(undisturbed)
    lines = (run.parent / "faults" / "attempts").read_text().splitlines()
    assert {line.split()[2] for line in lines} == {"1"}  # threads
    assert len({line.split()[1] for line in lines}) <= 2  # workers live through all stages


@pytest.mark.parametrize(
    ("engine", "block", "when"),
    [
        ("serial", "count-1_0_0", "after"),
        ("processes", "smooth-1_0_0", "before"),
        ("processes", "total-0_0_0", "after"),
        ("dask", "smooth-1_0_0", "after"),
    ],
)
def test_a_run_that_is_killed(run, undisturbed, engine, block, when):
    with staying(run, engine, block, when) as process:
        workers = process.children(recursive=True)
        process.kill()
        assert gone(workers)
    assert block not in done(run)
    assert len(done(run)) >= 3
    goes_on(run, undisturbed)


@pytest.mark.parametrize(
    ("engine", "number"),
    [("processes", signal.SIGTERM), ("processes", signal.SIGINT), ("dask", signal.SIGTERM)],
)
def test_a_run_that_is_stopped_leaves_no_process(run, undisturbed, engine, number):
    with staying(run, engine, "smooth-1_0_0") as process:
        workers = process.children(recursive=True)
        if number == signal.SIGINT:
            os.killpg(process.pid, number)  # as a terminal does
        else:
            process.send_signal(number)
        assert process.wait(60) == 128 + number
        assert gone(workers)
    goes_on(run, undisturbed)


def test_a_block_whose_worker_is_killed_once_is_done_by_another(run, undisturbed):
    put(run, "kill_once-smooth-0_1_0")
    code, words = finish(start(run, "one process"))
    assert code == 0, words
    assert "its worker was killed by SIGKILL" in words and "trying again" in words
    assert attempted(run.parent / "faults") == sorted([*EVERY, "smooth-0_1_0"])
    assert contents(run) == contents(undisturbed)


@pytest.mark.parametrize(
    ("engine", "reason"), [("processes", "was killed by SIGKILL"), ("dask", "worker died")]
)
def test_a_block_whose_worker_is_killed_twice_ends_the_run(run, undisturbed, engine, reason):
    fault = put(run, "kill-count-1_0_0")
    code, words = finish(start(run, engine))
    assert code == 1
    assert "BlockError: stage count, block (1, 0, 0) of voxels [2:4, 0:4, 0:4] (z, y, x)" in words
    assert reason in words.splitlines()[-1]
    assert attempted(run.parent / "faults").count("count-1_0_0") == 2
    fault.unlink()
    goes_on(run, undisturbed)


def test_a_damaged_chunk_of_the_input(run, undisturbed):
    chunk = run / "source.zarr" / "0" / "c" / "3" / "0" / "2"
    whole = chunk.read_bytes()
    chunk.write_bytes(whole[:-3])
    code, words = finish(start(run, "processes"))
    assert code == 1
    assert "stage smooth, block (1, 0, 0) of voxels [2:4, 0:4, 0:4]" in words  # by its halo
    assert "source.zarr/0/c/3/0/2" in words
    assert ", in smooth" in words  # the trace of the worker
    chunk.write_bytes(whole)
    goes_on(run, undisturbed)


def test_two_runs_at_once(run, undisturbed):
    with staying(run, "processes", "smooth-0_0_1") as process:
        code, words = finish(start(run, "serial"))
        assert code == 1
        assert f"BlockingIOError: {run}: got a run directory that process {process.pid} on" in words
        process.kill()
    goes_on(run, undisturbed)


FULL = """
import os, pathlib, shutil, sys, toy_stages
tmpfs, source = pathlib.Path(sys.argv[1]), pathlib.Path(sys.argv[2])
run, faults = tmpfs / "run", tmpfs / "faults"
faults.mkdir()
shutil.copytree(source, run / "source.zarr")
with open(tmpfs / "filler", "wb") as filler:
    filler.truncate(0)
    os.posix_fallocate(filler.fileno(), 0, os.statvfs(tmpfs).f_bavail * 4096 - 160 * 1024)
for room in (False, True):
    if room:
        os.remove(tmpfs / "filler")
    try:
        print(toy_stages.run_stages(run, faults, toy_stages.ENGINES["processes"]))
    except OSError as error:
        print(type(error).__name__, error)
shutil.copytree(run, source.parent, dirs_exist_ok=True)
"""


def test_a_disk_that_is_really_full(run, undisturbed):
    """On a small file system in memory, which only this process and its children see."""
    tmpfs = run.parent / "tmpfs"
    tmpfs.mkdir()
    mount = f"mount -t tmpfs -o size=4m tmpfs {tmpfs} && exec "
    inside = ("unshare", "--user", "--map-root-user", "--mount", "sh", "-c")
    if not shutil.which("unshare") or subprocess.run([*inside, f"{mount} true"]).returncode:
        pytest.skip("this system lets its users mount nothing")
    command = [sys.executable, "-c", FULL, str(tmpfs), str(run / "source.zarr")]
    found = subprocess.run(
        [*inside, f'{mount} "$@"', "sh", *command],
        env={**os.environ, "PYTHONPATH": str(HERE)},
        stdout=subprocess.PIPE,
        text=True,
        check=True,
    )
    first, second = found.stdout.splitlines()
    assert first.startswith("OSError [Errno 28] stage smooth, block")
    assert "GB more and 0.000 GB are free; make room on this disk" in first
    assert second.endswith("8, 1]") and second != "[8, 8, 1]"
    assert contents(run) == contents(undisturbed)
