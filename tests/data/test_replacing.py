"""What a conversion never deletes: files of others, and the only copy of a volume."""

import os
import signal
import subprocess
import sys

import h5py
import numpy as np
import pytest
import zarr

from data import creating
from data.conversion import copying, job, locking, partial, replacing
from data.conversion.job import Options, convert
from data.opening import create_volume, open_volume

SHAPE = (4, 6, 8)
OVERWRITE = Options(overwrite=True)


def make(path, seed=0, shape=SHAPE, chunk_shape=None):
    voxels = np.random.default_rng(seed).integers(1, 250, shape, np.uint8)
    create_volume(
        str(path), shape=shape, dtype="uint8", voxel_size_nm=(30, 6, 6), chunk_shape=chunk_shape
    ).write(voxels)
    return voxels


@pytest.mark.parametrize("name", ["new.zarr.old", "new.zarr.replaced", "new.old"])
def test_a_neighbour_with_a_likely_name_is_kept(tmp_path, name):
    make(tmp_path / "old.zarr")
    make(tmp_path / "new.zarr", seed=1)
    (tmp_path / name).mkdir()
    (tmp_path / name / "only_copy.txt").write_text("mine")
    convert(f"{tmp_path}/old.zarr", f"{tmp_path}/new.zarr", OVERWRITE)
    assert (tmp_path / name / "only_copy.txt").read_text() == "mine"


@pytest.mark.parametrize(
    "kept",
    [
        "new.zarr.partial",
        "new.zarr.partial/mine.txt",
        "new.zarr.progress.json",
        "new.zarr.lock",
        replacing.old_path("new.zarr"),
        replacing.old_path("new.zarr") + "/mine.txt",
    ],
)
def test_a_name_that_others_use_is_refused_and_kept(tmp_path, kept):
    make(tmp_path / "old.zarr")
    (tmp_path / kept).parent.mkdir(exist_ok=True)
    (tmp_path / kept).write_text('{"thesis": 1}')
    name = kept.partition("/")[0]
    with pytest.raises(FileExistsError, match=rf"{tmp_path}/new.zarr: got .*{name}"):
        convert(f"{tmp_path}/old.zarr", f"{tmp_path}/new.zarr", Options())
    assert (tmp_path / kept).read_text() == '{"thesis": 1}'
    assert set(os.listdir(tmp_path)) == {"old.zarr", name}


KILLED = """
import os, signal, sys
from data.conversion import job, replacing
original, calls = os.rename, []
def rename(*arguments):
    calls.append(None)
    if len(calls) == int(sys.argv[3]):
        os.kill(os.getpid(), signal.SIGKILL)
    original(*arguments)
replacing.os.rename = rename
replacing.remove = lambda path: os.kill(os.getpid(), signal.SIGKILL)
job.convert(sys.argv[1], sys.argv[2], job.Options(overwrite=True))
"""


@pytest.mark.parametrize("at", [1, 2, 3])
def test_killed_while_it_replaces(tmp_path, at):
    """Before, between and after the two renames: a whole volume is there, or comes back."""
    voxels = make(tmp_path / "src.zarr")
    before = make(tmp_path / "dst.zarr", seed=1)
    path = f"{tmp_path}/dst.zarr"
    command = [sys.executable, "-c", KILLED, f"{tmp_path}/src.zarr", path, str(at)]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    with pytest.raises(FileExistsError, match="overwrite=true"):
        convert(f"{tmp_path}/src.zarr", path, Options())
    np.testing.assert_array_equal(open_volume(path).read(), voxels if at == 3 else before)
    convert(f"{tmp_path}/src.zarr", path, OVERWRITE)
    np.testing.assert_array_equal(open_volume(path).read(), voxels)
    assert set(os.listdir(tmp_path)) == {"src.zarr", "dst.zarr"}


def test_a_rename_that_fails_is_undone(tmp_path, monkeypatch):
    make(tmp_path / "src.zarr")
    before = make(tmp_path / "dst.zarr", seed=1)
    original = os.rename

    def rename(old, new):
        if str(old).endswith(".partial"):
            raise PermissionError(13, "no")
        original(old, new)

    monkeypatch.setattr(replacing.os, "rename", rename)
    with pytest.raises(PermissionError):
        convert(f"{tmp_path}/src.zarr", f"{tmp_path}/dst.zarr", OVERWRITE)
    np.testing.assert_array_equal(open_volume(f"{tmp_path}/dst.zarr").read(), before)
    assert set(os.listdir(tmp_path)) == {"src.zarr", "dst.zarr"}


@pytest.mark.parametrize("name", ["dst.zarr", "dst.tif", "dst.h5:raw"])
def test_the_target_of_a_link_is_replaced(tmp_path, name):
    voxels = make(tmp_path / "src.zarr")
    (tmp_path / "disk").mkdir()
    make(f"{tmp_path}/disk/{name}", seed=1)
    link = tmp_path / name.partition(":")[0]
    link.symlink_to(tmp_path / "disk" / link.name)
    convert(f"{tmp_path}/src.zarr", f"{tmp_path}/{name}", OVERWRITE)
    assert link.is_symlink()
    np.testing.assert_array_equal(open_volume(f"{tmp_path}/disk/{name}").read(), voxels)
    assert os.listdir(tmp_path / "disk") == [link.name]


def test_a_link_to_a_folder_is_removed_alone(tmp_path):
    make(tmp_path / "a.zarr")
    (tmp_path / "link").symlink_to(tmp_path / "a.zarr")
    creating.remove(f"{tmp_path}/link")
    assert os.listdir(tmp_path) == ["a.zarr"]


def test_a_lock_that_vanishes_is_taken_again(tmp_path, monkeypatch):
    """The holder before deletes its lock file between our opening it and our lock on it."""
    flock, calls = locking.fcntl.flock, []

    def after_deletion(file, how):
        if not calls:
            os.remove(tmp_path / "a.zarr.lock")
        calls.append(None)
        flock(file, how)

    monkeypatch.setattr(locking.fcntl, "flock", after_deletion)
    with partial.locked(f"{tmp_path}/a.zarr"):
        assert os.listdir(tmp_path) == ["a.zarr.lock"]
    assert len(calls) == 2


def test_a_group_of_an_hdf5_file_is_never_overwritten(tmp_path):
    make(tmp_path / "src.zarr")
    with h5py.File(tmp_path / "a.h5", "w") as file:
        file["volumes/raw"] = np.zeros(SHAPE)
    for path, message in [
        ("a.h5:volumes", "a.h5:volumes: is a group of datasets"),
        ("a.h5:volumes/raw/level", "got volumes/raw, which is a dataset; needs a group"),
    ]:
        with pytest.raises(FileExistsError, match=message):
            convert(f"{tmp_path}/src.zarr", f"{tmp_path}/{path}", OVERWRITE)
        with pytest.raises(FileExistsError, match=message):
            make_over(tmp_path / path)
    with h5py.File(tmp_path / "a.h5") as file:
        assert file["volumes/raw"].shape == SHAPE


def test_a_folder_called_h5_is_never_overwritten(tmp_path):
    make(tmp_path / "src.zarr")
    (tmp_path / "a.h5").mkdir()
    with pytest.raises(FileExistsError, match=r"a.h5: is a folder; needs an HDF5 file"):
        convert(f"{tmp_path}/src.zarr", f"{tmp_path}/a.h5:raw", OVERWRITE)


def make_over(path):
    create_volume(str(path), shape=SHAPE, dtype="uint8", voxel_size_nm=(1, 1, 1), overwrite=True)


@pytest.mark.parametrize("marker", ["info", "attributes.json", ".zattrs", "zarr.json"])
@pytest.mark.parametrize("text", ["{}", '{"name": "my web site"}', '{"n5": "4.0.0"}'])
def test_a_folder_that_only_looks_like_a_volume_is_kept(tmp_path, marker, text):
    folder = tmp_path / "site.zarr"
    folder.mkdir()
    (folder / marker).write_text(text)
    (folder / "thesis.tex").write_text("It was a dark night")
    with pytest.raises(FileExistsError, match=r"site.zarr: is a folder without a volume"):
        make_over(folder)
    assert (folder / "thesis.tex").exists()


@pytest.mark.parametrize("name", ["a.zarr", "b.zarr", "a.n5", "a.precomputed"])
@pytest.mark.parametrize("other", ["labels/zarr.json", "notes.txt", "0/notes.txt"])
def test_a_volume_with_other_files_in_its_folder_is_kept(tmp_path, name, other):
    path = tmp_path / name
    make_volume_of(path)
    (path / other).parent.mkdir(exist_ok=True)
    (path / other).write_text("{}")
    with pytest.raises(FileExistsError, match=rf"{name}: .* {other} is no part of it"):
        make_over(path)
    assert open_volume(str(path)).read().any()
    (path / other).unlink()
    make_over(path)
    assert not open_volume(str(path)).read().any()


def make_volume_of(path):
    create_volume(
        str(path),
        shape=(9, 40, 30),
        dtype="uint8",
        voxel_size_nm=(30, 6, 6),
        offset=(5, -6, 7),
        chunk_shape=(4, 16, 16),
        format="zarr2" if path.name == "b.zarr" else None,
    ).write(np.ones((9, 40, 30), np.uint8))


def test_a_container_of_arrays_is_kept(tmp_path):
    group = zarr.open_group(f"{tmp_path}/all.zarr", mode="w")
    for name in ("raw", "labels"):
        group.create_array(name, data=np.ones(SHAPE, np.uint8))
    with pytest.raises(FileExistsError, match="without a volume in it, or with several"):
        make_over(tmp_path / "all.zarr")


@pytest.mark.parametrize("version", [2, 3])
def test_a_volume_of_another_tool_is_replaced(tmp_path, version):
    group = zarr.open_group(f"{tmp_path}/group", mode="w", zarr_format=version)
    group.create_array("a", data=np.ones(SHAPE))
    os.rename(tmp_path / "group/a", tmp_path / "a.zarr")
    make_over(tmp_path / "a.zarr")
    assert open_volume(f"{tmp_path}/a.zarr").shape == SHAPE


def test_a_folder_of_a_bucket_is_kept(tmp_path):
    make(tmp_path / "src.zarr")
    make("memory://kept/project/raw.zarr")
    with pytest.raises(FileExistsError, match="without a volume in it, or with several"):
        convert(f"{tmp_path}/src.zarr", "memory://kept/project", Options(format="zarr3"))
    assert open_volume("memory://kept/project/raw.zarr").read().any()


@pytest.mark.parametrize("source", ["src.zarr", "src.n5", "src.precomputed"])
def test_a_source_changed_meanwhile_is_copied_anew(tmp_path, monkeypatch, source):
    """Old and new voxels never come together in one output."""
    monkeypatch.setattr(job, "BLOCK_BYTES", 600)
    shape, chunk = (8, 16, 16), (2, 8, 8)
    make(tmp_path / source, shape=shape, chunk_shape=chunk)
    options = Options(chunk_shape=[*chunk])
    with monkeypatch.context() as patch:
        patch.setattr(copying, "checked", stop_at(3, copying.checked))
        with pytest.raises(KeyboardInterrupt):
            convert(f"{tmp_path}/{source}", f"{tmp_path}/dst.zarr", options)
    changed = np.full(shape, 7, np.uint8)
    open_volume(f"{tmp_path}/{source}").write(changed)
    report = convert(f"{tmp_path}/{source}", f"{tmp_path}/dst.zarr", options)
    assert report.resumed == 0
    np.testing.assert_array_equal(open_volume(f"{tmp_path}/dst.zarr").read(), changed)


def stop_at(count, function):
    calls = []

    def wrapped(*arguments):
        calls.append(None)
        if len(calls) == count:
            raise KeyboardInterrupt
        return function(*arguments)

    return wrapped


@pytest.mark.parametrize(
    ("name", "options", "message"),
    [
        ("a.tif", Options(chunk_shape=[1, 2, 2]), "without chunks"),
        ("a.zarr", Options(chunk_shape=[0, 2, 2]), "sizes >= 1"),
        ("a.zarr", Options(dtype="object"), "got dtype=object; needs one of"),
        ("a.zarr", Options(dtype="float32", labels=True), "labels=true with dtype float32"),
        ("a.precomputed", Options(dtype="float64"), "cannot be opened"),
        ("file/a.zarr", Options(), "cannot be written"),
    ],
)
def test_errors_name_the_output_that_was_asked_for(tmp_path, name, options, message):
    make(tmp_path / "src.zarr")
    (tmp_path / "file").write_text("")
    with pytest.raises((ValueError, OSError), match=message) as caught:
        convert(f"{tmp_path}/src.zarr", f"{tmp_path}/{name}", options)
    assert "dtype=object" in message or f"{tmp_path}/{name}: " in str(caught.value)
    assert ".partial" not in str(caught.value) and ".lock" not in str(caught.value)
    assert set(os.listdir(tmp_path)) == {"src.zarr", "file"}


def test_mistakes_are_found_before_the_lock(tmp_path, monkeypatch):
    make(tmp_path / "src.zarr")
    monkeypatch.setattr(partial, "locked", None)
    for options in (Options(chunk_shape=[0, 1, 1]), Options(dtype="O"), Options(format="mrc")):
        with pytest.raises(ValueError, match="needs"):
            convert(f"{tmp_path}/src.zarr", f"{tmp_path}/a.zarr", options)
