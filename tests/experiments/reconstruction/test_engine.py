"""What is done is not done again, and a block that fails is named; all in this process."""

import functools
import logging
import os
import signal

import numpy as np
import pytest

from configs.reconstruction import DaskEngine, ProcessesEngine, SerialEngine
from experiments.reconstruction import attempt as attempts
from experiments.reconstruction import engine as engines
from experiments.reconstruction import stopping
from experiments.reconstruction.attempt import Failure
from experiments.reconstruction.durable import load_arrays, save_arrays
from experiments.reconstruction.engine import BlockError, Stage, open_engine, run_blocks
from experiments.reconstruction.grid import Grid

GRID = Grid((4, 4, 6), (2, 2, 4))
SERIAL = SerialEngine("serial")


def stage(run, work, key="1", **settings):
    folder = run / "fill"
    return Stage("fill", key, GRID.blocks, work, (folder,), folder.mkdir, **settings)


def run_serially(run, work, key="1", **settings):
    with open_engine(SERIAL, run) as engine:
        return run_blocks(stage(run, work, key, **settings), run, engine)


def fill(run, value, done, block):
    done.append(block.index)
    save_arrays(run / "fill", block, {"value": np.asarray(value)})


@pytest.mark.parametrize("settings", [SERIAL, ProcessesEngine("processes", 2, 1)])
def test_every_block_is_done_once(tmp_path, settings):
    work = functools.partial(save_arrays, tmp_path / "fill", arrays={"value": np.arange(3)})
    for number in (len(GRID.blocks), 0):
        with open_engine(settings, tmp_path) as engine:
            assert run_blocks(stage(tmp_path, work), tmp_path, engine) == number
            assert run_blocks(stage(tmp_path, work), tmp_path, engine) == 0
    assert len(list((tmp_path / "fill").iterdir())) == len(GRID.blocks)


def test_another_key_has_all_blocks_done_anew(tmp_path):
    done: list = []
    assert run_serially(tmp_path, functools.partial(fill, tmp_path, 1, done)) == 8
    (tmp_path / "fill" / "of_the_first.npz").write_text("")
    assert run_serially(tmp_path, functools.partial(fill, tmp_path, 2, done), "2") == 8
    assert done == [block.index for block in GRID.blocks] * 2
    assert not (tmp_path / "fill" / "of_the_first.npz").exists()
    assert all(load_arrays(tmp_path / "fill", b)["value"] == 2 for b in GRID.blocks)
    assert run_serially(tmp_path, functools.partial(fill, tmp_path, 1, done)) == 8


def test_outputs_that_were_deleted_are_made_anew(tmp_path):
    work = functools.partial(fill, tmp_path, 1, [])
    run_serially(tmp_path, work)
    for path in (tmp_path / "fill").iterdir():
        path.unlink()
    (tmp_path / "fill").rmdir()
    assert run_serially(tmp_path, work) == 8


def test_a_stage_that_was_stopped_while_it_prepared_begins_anew(tmp_path):
    def prepare():
        (tmp_path / "fill").mkdir()
        (tmp_path / "fill" / "half").write_text("")
        raise KeyboardInterrupt

    work = functools.partial(fill, tmp_path, 1, [])
    broken = Stage("fill", "1", GRID.blocks, work, (tmp_path / "fill",), prepare)
    with pytest.raises(KeyboardInterrupt), open_engine(SERIAL, tmp_path) as engine:
        run_blocks(broken, tmp_path, engine)
    assert run_serially(tmp_path, work) == 8
    assert not (tmp_path / "fill" / "half").exists()


def test_files_of_somebody_else_are_kept(tmp_path):
    (tmp_path / "fill").mkdir()
    (tmp_path / "fill" / "thesis.tex").write_text("It was a dark night")
    with pytest.raises(FileExistsError, match=r"no run in .* has written it"):
        run_serially(tmp_path, functools.partial(fill, tmp_path, 1, []))
    assert (tmp_path / "fill" / "thesis.tex").exists()


def test_a_block_that_fails_is_named_and_the_others_are_kept(tmp_path):
    done: list = []

    def work(block):
        if block.index == (1, 0, 1):
            raise ValueError("got a bad voxel")
        fill(tmp_path, 1, done, block)

    message = (
        r"stage fill, block \(1, 0, 1\) of voxels \[2:4, 0:2, 4:6\] \(z, y, x\): "
        r"ValueError: got a bad voxel; correct the cause: the same run then goes on"
    )
    with pytest.raises(BlockError, match=message) as caught:
        run_serially(tmp_path, work)
    assert "in work" in caught.value.__notes__[0]
    assert done == [block.index for block in GRID.blocks[:5]]
    assert run_serially(tmp_path, functools.partial(fill, tmp_path, 1, done)) == 3
    assert done == [block.index for block in GRID.blocks]


def test_of_several_blocks_that_fail_the_first_in_their_order_is_named(tmp_path):
    def engine(attempt, blocks):
        yield blocks[3], Failure("late")
        yield blocks[0], attempt(blocks[0])
        yield blocks[1], Failure("early")

    work = functools.partial(fill, tmp_path, 1, [])
    with pytest.raises(BlockError, match=r"block \(0, 0, 1\).* \(and 1 more failed\): early"):
        run_blocks(stage(tmp_path, work), tmp_path, engine)
    assert run_serially(tmp_path, work) == 7


@pytest.mark.parametrize(
    "error",
    [
        OSError(28, "No space left on device"),
        ValueError("RESOURCE_EXHAUSTED: Failed to write: No space left on device"),
    ],
)
def test_a_full_disk_says_how_much_space_is_needed(tmp_path, monkeypatch, error):
    def full(folder, block):
        if block.index == (1, 0, 0):
            raise error
        write(folder, block)

    write = attempts.markers.write
    work = functools.partial(fill, tmp_path, 1, [])
    with monkeypatch.context() as patch:
        patch.setattr(attempts.markers, "write", full)
        patch.setattr(engines.shutil, "disk_usage", lambda path: Usage)
        message = r"block \(1, 0, 0\).* needs up to 12.000 GB more and 0.500 GB are free"
        with pytest.raises(OSError, match=message) as caught:
            run_serially(tmp_path, work, block_bytes=3 * 10**9)
        assert caught.value.errno == 28
        with pytest.raises(OSError, match=r"device; 0.500 GB are free; make room"):
            run_serially(tmp_path, work)
    assert run_serially(tmp_path, work) == 4


class Usage:
    free = 5 * 10**8


def test_a_second_run_in_the_same_directory_is_refused(tmp_path):
    with (
        open_engine(SERIAL, tmp_path),
        pytest.raises(BlockingIOError, match=f"process {os.getpid()} on"),
        open_engine(SERIAL, tmp_path),
    ):
        pass


@pytest.mark.parametrize("number", [signal.SIGTERM, signal.SIGINT])
def test_a_signal_ends_the_run_with_its_number(tmp_path, caplog, number):
    def work(block):
        if block.index == (0, 1, 0):
            os.kill(os.getpid(), number)
        fill(tmp_path, 1, [], block)

    before = signal.getsignal(number)
    with caplog.at_level(logging.WARNING), pytest.raises(SystemExit) as caught:
        run_serially(tmp_path, work)
    assert caught.value.code == 128 + number
    assert f"stopped by {number.name}" in caplog.text
    assert signal.getsignal(number) is before
    assert run_serially(tmp_path, functools.partial(fill, tmp_path, 1, [])) == 6


@pytest.fixture
def interruptible():
    """Ctrl-C as at a terminal: a shell lets what it starts in the background ignore it."""
    before = signal.signal(signal.SIGINT, signal.default_int_handler)
    yield
    signal.signal(signal.SIGINT, before)


def test_a_second_signal_acts_as_it_did_before(interruptible):
    with stopping.exit_on_signals():
        with pytest.raises(SystemExit):
            os.kill(os.getpid(), signal.SIGINT)
        with pytest.raises(KeyboardInterrupt):
            os.kill(os.getpid(), signal.SIGINT)


def test_dask_that_is_not_installed(tmp_path, monkeypatch):
    monkeypatch.delitem(engines.sys.modules, "experiments.reconstruction.cluster", raising=False)
    monkeypatch.delattr("experiments.reconstruction.cluster", raising=False)
    monkeypatch.setitem(engines.sys.modules, "dask", None)
    settings = DaskEngine("dask", 1, 1)
    with (
        pytest.raises(ImportError, match=r"engine=dask: got no package dask; needs pip install -e"),
        open_engine(settings, tmp_path),
    ):
        pass
