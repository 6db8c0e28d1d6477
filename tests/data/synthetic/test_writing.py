"""Phantoms on disk: complete, resumable, or not there at all."""

import csv
import errno
import json
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest

from data.opening import open_volume
from data.skeletons import read_swc
from data.synthetic import Phantom, PhantomParameters, write_phantom
from data.synthetic.__main__ import main, read_options
from data.volume import Volume

SMALL = PhantomParameters(shape=(20, 130, 330), seed=8)


@pytest.fixture(scope="module")
def small() -> Phantom:
    return Phantom(SMALL)


def _files(folder: Path) -> dict[str, bytes]:
    return {str(p.relative_to(folder)): p.read_bytes() for p in folder.rglob("*") if p.is_file()}


def test_everything_is_written(small, tmp_path):
    write_phantom(small, tmp_path / "phantom")
    image = open_volume(str(tmp_path / "phantom/image.zarr"))
    assert image.voxel_size_nm == (30, 6, 6)
    np.testing.assert_array_equal(image.read(), small.volume("image").read())
    neurites = open_volume(str(tmp_path / "phantom/neurites.zarr")).read()
    assert {int(p.stem) for p in (tmp_path / "phantom/skeletons").iterdir()} == set(
        np.unique(neurites).tolist()
    )
    label, skeleton = next(iter(small.skeletons().items()))
    written = read_swc(tmp_path / f"phantom/skeletons/{label}.swc")
    np.testing.assert_allclose(written.positions_nm, skeleton.positions_nm, atol=0.06)
    with (tmp_path / "phantom/synapses.csv").open() as stream:
        rows = list(csv.DictReader(stream))
    assert [int(row["pre"]) for row in rows] == small.synapse_table()["pre"].tolist()
    assert json.loads((tmp_path / "phantom/phantom.json").read_text())["seed"] == 8
    assert not list(tmp_path.glob("phantom.*"))


KILLED = """
import os, signal, sys
from data.conversion import partial
from data.synthetic.__main__ import main
original = partial.write_finished
def write_finished(path, job, finished):
    original(path, job, finished)
    if finished == 2:
        os.kill(os.getpid(), signal.SIGKILL)
partial.write_finished = write_finished
main([sys.argv[1], "shape=[20,130,330]", "seed=8"])
"""


def test_killed_and_run_again(small, tmp_path):
    write_phantom(small, tmp_path / "calm")
    command = [sys.executable, "-c", KILLED, str(tmp_path / "killed")]
    assert subprocess.run(command, capture_output=True, timeout=300).returncode == -9
    assert (tmp_path / "killed.partial").is_dir() and not (tmp_path / "killed").exists()
    write_phantom(small, tmp_path / "killed")
    assert _files(tmp_path / "killed") == _files(tmp_path / "calm")


def test_an_existing_folder_is_kept_unless_told_otherwise(small, tmp_path):
    (tmp_path / "phantom").mkdir()
    (tmp_path / "phantom/notes.txt").write_text("mine")
    with pytest.raises(FileExistsError, match="overwrite"):
        write_phantom(small, tmp_path / "phantom")
    with pytest.raises(FileExistsError, match="holds no phantom"):
        write_phantom(small, tmp_path / "phantom", overwrite=True)
    assert _files(tmp_path) == {"phantom/notes.txt": b"mine"}
    (tmp_path / "phantom/phantom.json").write_text("{}")
    write_phantom(small, tmp_path / "phantom", overwrite=True, layers=("image",))
    assert not (tmp_path / "phantom/notes.txt").exists()


def test_a_full_disk_leaves_nothing_behind(small, tmp_path, monkeypatch):
    def full(*_):
        raise OSError(errno.ENOSPC, "No space left on device")

    monkeypatch.setattr(Volume, "write", full)
    with pytest.raises(OSError, match="disk full"):
        write_phantom(small, tmp_path / "phantom")
    assert not list(tmp_path.iterdir())


def test_command_line(tmp_path, capsys):
    assert main([str(tmp_path / "out"), "shape=[4,40,40]", "tissue.mitochondria=0"]) == 0
    assert "Mvoxel/s" in capsys.readouterr().out
    assert main([str(tmp_path / "out"), "shape=[4,40,40]"]) == 2
    assert "overwrite" in capsys.readouterr().err
    assert main(["--help"]) == 0
    assert "tissue.pitch_nm=210.0" in capsys.readouterr().out


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        ([], "needs DST"),
        (["shape=[4,40,40]"], "needs DST"),
        (["out", "shap=[4,40,40]"], "shap"),
        (["out", "tissue.pich_nm=3"], "pich_nm"),
        (["out", "tissue.pitch_nm=wide"], "tissue"),
        (["out", "shape=40"], "shape"),
        (["out", "shape=[4.9,40,40]"], "whole number"),
        (["out", "overwrite=flase"], "overwrite"),
        (["out", "shape=[4,40]"], "needs three numbers"),
    ],
)
def test_bad_options_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        read_options(arguments)
