"""Conversion: any format to any, exactly; resumed after a kill; nothing left after an error."""

import dataclasses
import json
import os
import signal
import subprocess
import sys
from pathlib import Path

import numpy as np
import pytest
import tifffile
from hypothesis import given, settings
from hypothesis import strategies as st

from data import convert, creating
from data.blocks import blocks
from data.conversion import copying, job, partial
from data.conversion.job import Options
from data.convert import main, parse
from data.formats import tiff_stack
from data.opening import create_volume, open_volume

FORMATS = {
    "zarr3": "a.zarr",
    "zarr2": "b.zarr",
    "n5": "a.n5",
    "precomputed": "a.precomputed",
    "tif": "a.tif",
    "hdf5": "a.h5:raw",
}
SHAPE = (9, 40, 30)


def make(path, dtype="uint16", format=None, shape=SHAPE, seed=0):
    """A volume of random voxels."""
    rng = np.random.default_rng(seed)
    voxels = rng.integers(1, 250, shape).astype(dtype)
    volume = create_volume(
        str(path),
        shape=shape,
        dtype=dtype,
        voxel_size_nm=(30, 6, 6.5),
        offset=(5, -6, 7),
        format=format,
    )
    volume.write(voxels)
    return voxels


def files(folder):
    """Every file under a folder and what is in it."""
    found = sorted(p for p in Path(folder).rglob("*") if p.is_file())
    return {str(p.relative_to(folder)): p.read_bytes() for p in found}


@pytest.fixture
def small_blocks(monkeypatch):
    """Small chunks and blocks of one chunk or so: a volume of these tests has many."""
    monkeypatch.setattr(job, "BLOCK_BYTES", 2000)
    monkeypatch.setattr(creating, "CHUNK", (4, 16, 16))
    monkeypatch.setattr(tiff_stack, "WRITE_BYTES", 600)


@pytest.mark.parametrize("target", FORMATS)
@pytest.mark.parametrize("source", FORMATS)
def test_every_pair_of_formats(tmp_path, small_blocks, source, target):
    old, new = f"{tmp_path}/old/{FORMATS[source]}", f"{tmp_path}/new/{FORMATS[target]}"
    voxels = make(old, "uint64" if "zarr3" in (source, target) else "uint16", source)
    chunk = None if target == "tif" else [4, 16, 16]
    report = job.convert(old, new, Options(format=target, chunk_shape=chunk))
    volume = open_volume(new)
    np.testing.assert_array_equal(volume.read(), voxels, strict=True)
    assert (volume.voxel_size_nm, volume.offset) == ((30, 6, 6.5), (5, -6, 7))
    assert os.listdir(f"{tmp_path}/new") == [FORMATS[target].partition(":")[0]]
    assert (report.shape, report.written, report.resumed) == (SHAPE, voxels.nbytes, 0)


@pytest.mark.parametrize("dtype", ["uint8", "uint32", "float32"])
@pytest.mark.parametrize("target", FORMATS)
def test_dtypes(tmp_path, small_blocks, target, dtype):
    voxels = make(tmp_path / "old.h5:raw", dtype)
    path = f"{tmp_path}/{FORMATS[target]}"
    job.convert(f"{tmp_path}/old.h5:raw", path, Options(format=target))
    np.testing.assert_array_equal(open_volume(path).read(), voxels, strict=True)


def test_channels(tmp_path, small_blocks):
    voxels = make(tmp_path / "old.h5:affinities", "float32", shape=(*SHAPE, 3))
    for name in ("a.zarr", "a.n5", "a.precomputed", "a.h5:affinities"):
        job.convert(f"{tmp_path}/old.h5:affinities", f"{tmp_path}/{name}", Options())
        np.testing.assert_array_equal(open_volume(f"{tmp_path}/{name}").read(), voxels)
    with pytest.raises(ValueError, match=r"TIFF holds \(z, y, x\)"):
        job.convert(f"{tmp_path}/a.zarr", f"{tmp_path}/a.tif", Options())
    assert not [name for name in os.listdir(tmp_path) if "tif" in name]


def test_options_win(tmp_path):
    make(tmp_path / "a.zarr", "uint16")
    options = Options([40.0, 4.0, 4.0], [1, 2, 3], dtype="uint32", pyramid=True)
    job.convert(f"{tmp_path}/a.zarr", f"{tmp_path}/b.zarr", options)
    volume = open_volume(f"{tmp_path}/b.zarr")
    assert (volume.voxel_size_nm, volume.offset) == ((40, 4, 4), (1, 2, 3))
    assert volume.dtype == np.uint32


def test_pyramid(tmp_path):
    make(tmp_path / "a.zarr", "uint8", shape=(4, 300, 300))
    report = job.convert(f"{tmp_path}/a.zarr", f"{tmp_path}/b.zarr", Options(pyramid=True))
    assert report.levels == 3
    assert open_volume(f"{tmp_path}/b.zarr/2").shape == (4, 75, 75)
    with pytest.raises(ValueError, match=r"pyramid=true; needs a .zarr, not n5"):
        job.convert(f"{tmp_path}/a.zarr", f"{tmp_path}/b.n5", Options(pyramid=True))


@pytest.mark.parametrize(
    ("labels", "reduction"), [(True, "the commonest id"), (False, "means"), (None, "means")]
)
def test_a_pyramid_of_labels_has_no_new_ids(tmp_path, labels, reduction):
    ids = np.random.default_rng(0).choice(np.array([1, 201], np.uint16), (4, 300, 300))
    tifffile.imwrite(tmp_path / "ids.tif", ids, photometric="minisblack")
    options = Options([30.0, 6.0, 6.0], labels=labels, pyramid=True)
    report = job.convert(f"{tmp_path}/ids.tif", f"{tmp_path}/ids.zarr", options)
    found = np.unique(open_volume(f"{tmp_path}/ids.zarr/1").read())
    assert (set(found.tolist()) == {1, 201}) == bool(labels)
    assert f"3 levels by {reduction}" in str(report)


def test_precomputed_labels(tmp_path):
    make(tmp_path / "a.zarr", "uint16")
    options = Options(labels=True)
    job.convert(f"{tmp_path}/a.zarr", f"{tmp_path}/a.precomputed", options)
    assert json.loads((tmp_path / "a.precomputed/info").read_text())["type"] == "segmentation"


def test_peak_memory_is_this_process_s_own():
    """Not that of the large process that has started it."""
    code = "from data.conversion.job import peak_memory; print(peak_memory())"
    held = np.ones(6 * 10**8, np.uint8)
    command = [sys.executable, "-c", code]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert int(printed) < held.nbytes


MEMORY = """
import sys
from data.conversion.job import Options, convert
report = convert(sys.argv[1], sys.argv[2], Options())
print(report.peak_memory)
"""


def test_memory_does_not_grow_with_the_volume(tmp_path):
    """A gigabyte, of which the disk holds none, passes through a part of that."""
    shape, row = (256, 2048, 2048), 16 * 2048 * 2048
    create_volume(
        f"{tmp_path}/old.zarr",
        shape=shape,
        dtype="uint8",
        voxel_size_nm=(30, 6, 6),
        chunk_shape=(1, 2048, 2048),
    )
    command = [sys.executable, "-c", MEMORY, f"{tmp_path}/old.zarr", f"{tmp_path}/new.n5"]
    printed = subprocess.run(command, check=True, capture_output=True, text=True).stdout
    assert open_volume(f"{tmp_path}/new.n5").shape == shape
    assert int(printed) < 4 * row + 500e6 < np.prod(shape)


@pytest.mark.parametrize("target", [name for name in FORMATS if name != "hdf5"])
def test_interrupted_and_run_again(tmp_path, small_blocks, monkeypatch, target):
    """Finished blocks are not written again, and the bytes are those of an undisturbed run."""
    voxels = make(tmp_path / "old.zarr")
    path = f"{tmp_path}/{FORMATS[target]}"
    options = Options(format=target, chunk_shape=None if target == "tif" else [4, 16, 16])
    original = copying.checked

    def interrupt_at(count):
        seen = []

        def checked(*arguments):
            seen.append(None)
            if len(seen) > count:
                raise KeyboardInterrupt
            return original(*arguments)

        monkeypatch.setattr(copying, "checked", checked)
        return seen

    all_blocks = interrupt_at(1000)
    job.convert(f"{tmp_path}/old.zarr", f"{tmp_path}/calm/{FORMATS[target]}", options)
    interrupt_at(3)
    with pytest.raises(KeyboardInterrupt):
        job.convert(f"{tmp_path}/old.zarr", path, options)
    assert not os.path.exists(path)
    assert os.path.exists(f"{path}.partial")
    assert not os.path.exists(f"{path}.lock")
    seen = interrupt_at(1000)
    report = job.convert(f"{tmp_path}/old.zarr", path, options)
    assert 0 < report.resumed < voxels.nbytes
    assert report.resumed + report.written == voxels.nbytes
    assert len(seen) == len(all_blocks) - 2
    np.testing.assert_array_equal(open_volume(path).read(), voxels)
    produced = {
        name: data for name, data in files(tmp_path).items() if name.startswith(FORMATS[target])
    }
    assert produced == files(tmp_path / "calm")


KILLED = """
import os, signal, sys
from data.conversion import job, partial
job.BLOCK_BYTES = 2000
original = partial.write_finished
def write_finished(path, job, finished):
    if finished == 3:
        os.kill(os.getpid(), signal.SIGKILL)
    original(path, job, finished)
partial.write_finished = write_finished
job.convert(sys.argv[1], sys.argv[2], job.Options(chunk_shape=[4, 16, 16]))
"""


@pytest.mark.parametrize("target", ["zarr3", "n5", "hdf5"])
def test_killed_and_run_again(tmp_path, small_blocks, target):
    voxels = make(tmp_path / "old.zarr")
    path = f"{tmp_path}/{FORMATS[target]}"
    code = (
        KILLED
        if target != "hdf5"
        else KILLED.replace(
            "partial.write_finished = write_finished",
            "from data.conversion import copying\n"
            "copying.check_no_nan = lambda voxels, place, name: "
            "place[0] > 5 and os.kill(os.getpid(), signal.SIGKILL)",
        )
    )
    command = [sys.executable, "-c", code, f"{tmp_path}/old.zarr", path]
    assert subprocess.run(command, check=False).returncode == -signal.SIGKILL
    left = set(os.listdir(tmp_path))
    file = FORMATS[target].partition(":")[0]
    assert file not in left
    assert {f"{file}.partial", f"{file}.lock"} <= left
    options = Options(chunk_shape=[4, 16, 16])
    report = job.convert(f"{tmp_path}/old.zarr", path, options)
    assert (report.resumed > 0) == (target != "hdf5")
    np.testing.assert_array_equal(open_volume(path).read(), voxels)
    assert set(os.listdir(tmp_path)) == {"old.zarr", file}


@pytest.mark.parametrize(
    "change",
    [
        {"dtype": "uint32"},
        {"voxel_size_nm": [1.0, 1.0, 1.0]},
        {"offset": [0, 0, 1]},
        {"chunk_shape": [2, 16, 16]},
        "source",
    ],
)
def test_another_job_starts_anew(tmp_path, small_blocks, monkeypatch, change):
    make(tmp_path / "old.tif")
    options = Options(chunk_shape=[4, 16, 16])
    with monkeypatch.context() as patch:
        original = partial.write_finished

        def interrupted(path, job, finished):
            original(path, job, finished)
            if finished == 2:
                raise KeyboardInterrupt

        patch.setattr(partial, "write_finished", interrupted)
        with pytest.raises(KeyboardInterrupt):
            job.convert(f"{tmp_path}/old.tif", f"{tmp_path}/new.zarr", options)
    if change == "source":
        (tmp_path / "old.tif").unlink()
        voxels = make(tmp_path / "old.tif", seed=1)
        os.utime(tmp_path / "old.tif", ns=(0, 0))
    else:
        voxels = tifffile.imread(tmp_path / "old.tif")
        options = dataclasses.replace(options, **change)
    report = job.convert(f"{tmp_path}/old.tif", f"{tmp_path}/new.zarr", options)
    assert report.resumed == 0
    np.testing.assert_array_equal(open_volume(f"{tmp_path}/new.zarr").read(), voxels)


def test_remote_output_is_resumed_in_place(tmp_path, small_blocks, monkeypatch):
    voxels = make(tmp_path / "old.zarr")
    path = "memory://bucket/new.zarr"
    options = Options(chunk_shape=[4, 16, 16])
    with monkeypatch.context() as patch:
        patch.setattr(copying, "cast_exactly", raise_at_call(4, copying.cast_exactly))
        with pytest.raises(KeyboardInterrupt):
            job.convert(f"{tmp_path}/old.zarr", path, options)
    report = job.convert(f"{tmp_path}/old.zarr", path, options)
    assert report.resumed > 0
    np.testing.assert_array_equal(open_volume(path).read(), voxels)
    with pytest.raises(FileExistsError, match="overwrite=true"):
        job.convert(f"{tmp_path}/old.zarr", path, options)
    overwrite = dataclasses.replace(options, overwrite=True)
    assert job.convert(f"{tmp_path}/old.zarr", path, overwrite).resumed == 0
    with pytest.raises(ValueError, match="one URL as SRC and DST"):
        job.convert(path, path, overwrite)


def raise_at_call(count, function, error=KeyboardInterrupt):
    calls = []

    def wrapped(*arguments):
        calls.append(None)
        if len(calls) == count:
            raise error
        return function(*arguments)

    return wrapped


@pytest.mark.parametrize("target", FORMATS)
def test_an_error_leaves_what_was_there(tmp_path, small_blocks, monkeypatch, target):
    """An existing output is as it was, and nothing partial lies beside it."""
    path = f"{tmp_path}/out/{FORMATS[target]}"
    make(path, format=target, seed=1)
    before = files(f"{tmp_path}/out")
    make(tmp_path / "old.zarr")
    broken = raise_at_call(4, copying.cast_exactly, ValueError("broken section"))
    monkeypatch.setattr(copying, "cast_exactly", broken)
    with pytest.raises(ValueError, match="broken section"):
        job.convert(f"{tmp_path}/old.zarr", path, Options(format=target, overwrite=True))
    assert files(f"{tmp_path}/out") == before


@pytest.mark.parametrize("target", FORMATS)
def test_overwrite(tmp_path, target):
    path = f"{tmp_path}/out/{FORMATS[target]}"
    make(path, format=target, seed=1)
    voxels = make(tmp_path / "old.zarr")
    with pytest.raises(FileExistsError, match=r"is there already.*overwrite=true"):
        job.convert(f"{tmp_path}/old.zarr", path, Options(format=target))
    job.convert(f"{tmp_path}/old.zarr", path, Options(format=target, overwrite=True))
    np.testing.assert_array_equal(open_volume(path).read(), voxels)
    assert os.listdir(f"{tmp_path}/out") == [FORMATS[target].partition(":")[0]]


def test_a_folder_replaces_a_file_of_its_name(tmp_path):
    voxels = make(tmp_path / "old.zarr")
    (tmp_path / "new.zarr").write_text("zarr")
    job.convert(f"{tmp_path}/old.zarr", f"{tmp_path}/new.zarr", Options(overwrite=True))
    np.testing.assert_array_equal(open_volume(f"{tmp_path}/new.zarr").read(), voxels)
    assert set(os.listdir(tmp_path)) == {"old.zarr", "new.zarr"}


def test_a_volume_is_rechunked_in_place(tmp_path, small_blocks):
    voxels = make(tmp_path / "a.zarr")
    options = Options(chunk_shape=[2, 8, 8], overwrite=True)
    job.convert(f"{tmp_path}/a.zarr", f"{tmp_path}/a.zarr", options)
    assert open_volume(f"{tmp_path}/a.zarr").chunk_shape == (2, 8, 8)
    np.testing.assert_array_equal(open_volume(f"{tmp_path}/a.zarr").read(), voxels)


def test_hdf5_output_keeps_other_datasets(tmp_path):
    make(tmp_path / "a.h5:labels", "uint64")
    make(tmp_path / "old.zarr")
    job.convert(f"{tmp_path}/old.zarr", f"{tmp_path}/a.h5:raw", Options())
    assert open_volume(f"{tmp_path}/a.h5:labels").dtype == np.uint64
    assert open_volume(f"{tmp_path}/a.h5:raw").dtype == np.uint16


@pytest.mark.parametrize("target", ["tif", "zarr3"])
def test_full_disk(tmp_path, small_blocks, monkeypatch, target):
    make(tmp_path / "old.zarr")
    if target == "tif":
        monkeypatch.setattr(tiff_stack.os, "pwrite", full)
    else:
        monkeypatch.setattr(partial, "write_finished", full)
    path = f"{tmp_path}/{FORMATS[target]}"
    with pytest.raises(OSError, match=r"disk full.*needs up to 21600 bytes") as caught:
        job.convert(f"{tmp_path}/old.zarr", path, Options())
    assert caught.value.errno == 28
    assert caught.value.filename == path
    assert os.listdir(tmp_path) == ["old.zarr"]


def full(*arguments):
    raise OSError(28, "No space left on device")


def test_disk_full_in_tensorstore_s_words():
    error = ValueError("RESOURCE_EXHAUSTED: Failed to write: No space left on device")
    assert job.is_disk_full(error)
    assert not job.is_disk_full(ValueError("NaN"))


def test_unwritable_output(tmp_path):
    make(tmp_path / "old.zarr")
    (tmp_path / "file").write_text("")
    with pytest.raises(OSError, match="cannot be written"):
        job.convert(f"{tmp_path}/old.zarr", f"{tmp_path}/file/a.zarr", Options())


def test_two_at_once(tmp_path):
    make(tmp_path / "old.zarr")
    path = f"{tmp_path}/new.zarr"
    with (
        partial.locked(path),
        pytest.raises(BlockingIOError, match="being written by another process"),
    ):
        job.convert(f"{tmp_path}/old.zarr", path, Options())
    job.convert(f"{tmp_path}/old.zarr", path, Options())


def test_nan_is_refused_with_its_place(tmp_path, small_blocks):
    voxels = np.zeros(SHAPE, np.float32)
    voxels[8, 20, 3] = np.nan
    tifffile.imwrite(tmp_path / "a.tif", voxels, photometric="minisblack")
    for dtype in (None, "uint64"):
        options = Options([30.0, 6.0, 6.0], dtype=dtype)
        with pytest.raises(ValueError, match=r"a.tif: got NaN at voxel .* = \(8, 20, 3\)"):
            job.convert(f"{tmp_path}/a.tif", f"{tmp_path}/a.zarr", options)
    assert os.listdir(tmp_path) == ["a.tif"]


def test_values_that_do_not_fit(tmp_path, small_blocks):
    voxels = np.zeros(SHAPE, np.float32)
    voxels[1, 2, 3] = 7.5
    tifffile.imwrite(tmp_path / "a.tif", voxels, photometric="minisblack")
    with pytest.raises(ValueError, match=r"a.tif: got the value 7.5 .* \(1, 2, 3\).*uint32"):
        job.convert(
            f"{tmp_path}/a.tif", f"{tmp_path}/a.zarr", Options([1.0, 1.0, 1.0], dtype="uint32")
        )


def test_section_damaged_in_the_middle(tmp_path, small_blocks):
    tifffile.imwrite(
        tmp_path / "a.tif", np.ones(SHAPE, np.uint8), photometric="minisblack", compression="zlib"
    )
    with tifffile.TiffFile(tmp_path / "a.tif") as tif:
        page = tif.pages[6]
        start, count = page.dataoffsets[0], page.databytecounts[0]
    data = bytearray((tmp_path / "a.tif").read_bytes())
    data[start + 2 : start + count] = bytes(count - 2)
    (tmp_path / "a.tif").write_bytes(bytes(data))
    with pytest.raises(ValueError, match=r"a.tif: section 6 cannot be decoded"):
        job.convert(f"{tmp_path}/a.tif", f"{tmp_path}/a.zarr", Options([1.0, 1.0, 1.0]))
    assert os.listdir(tmp_path) == ["a.tif"]


@settings(max_examples=200, deadline=None)
@given(
    shape=st.tuples(*[st.integers(1, 60)] * 3),
    source=st.tuples(*[st.integers(1, 60)] * 3),
    target=st.tuples(*[st.integers(1, 60)] * 3),
    nbytes=st.integers(1, 10**5),
)
def test_blocks_cover_a_volume_once_in_whole_chunks(shape, source, target, nbytes):
    seen = np.zeros(shape, np.uint8)
    chunk = [min(c, n) for c, n in zip(target, shape, strict=True)]
    for block in blocks(shape, source, target, 2, nbytes):
        seen[block] += 1
        assert all(s.start % c == 0 for s, c in zip(block, chunk, strict=True))
        assert all(
            s.stop % c == 0 or s.stop == n for s, c, n in zip(block, chunk, shape, strict=True)
        )
        size = 2 * np.prod([s.stop - s.start for s in block])
        assert size <= max(nbytes, 2 * np.prod(chunk))
    assert (seen == 1).all()


def test_blocks_of_sections_are_slabs():
    """So that no section is decoded twice."""
    first = blocks((100, 1024, 1024), (1, 1024, 1024), (16, 256, 256), 1, 2**26)[0]
    assert first == (slice(0, 64), slice(0, 1024), slice(0, 1024))
    wide = blocks((100, 4096, 4096), (1, 1024, 4096), (16, 256, 256), 1, 2**26)[0]
    assert wide == (slice(0, 16), slice(0, 1024), slice(0, 4096))


def test_command_line(tmp_path, capsys):
    voxels = make(tmp_path / "old.zarr")
    arguments = ["voxel_size_nm=[40,4,4]", "offset=[1,2,3]", "format=zarr2", "chunk_shape=[4,8,8]"]
    assert main([f"{tmp_path}/old.zarr", f"{tmp_path}/new.zarr", *arguments]) == 0
    printed = capsys.readouterr()
    assert "new.zarr: 9 x 40 x 30 uint16; 0.0 MB in" in printed.out
    assert "MB/s" in printed.out and "peak memory" in printed.out
    assert "B/s" in printed.err
    volume = open_volume(f"{tmp_path}/new.zarr")
    np.testing.assert_array_equal(volume.read(), voxels)
    assert (volume.voxel_size_nm, volume.offset) == ((40, 4, 4), (1, 2, 3))
    assert volume.chunk_shape == (4, 8, 8)
    assert json.loads((tmp_path / "new.zarr/0/.zarray").read_text())["zarr_format"] == 2


@pytest.mark.parametrize(
    ("arguments", "message"),
    [
        (["a.zarr"], "needs SRC and DST"),
        (["a.zarr", "b.zarr", "overwrite"], "got 'overwrite' after SRC and DST"),
        (["a.zarr", "b.zarr", "voxelsize=[1,1,1]"], "option voxelsize: .*voxel_size_nm"),
        (["a.zarr", "b.zarr", "voxel_size_nm=[a,b,c]"], "option voxel_size_nm"),
        (["a.zarr", "b.zarr", "voxel_size_nm=6"], "option voxel_size_nm"),
        (["a.zarr", "b.zarr", "offset=[1.5,0,0]"], "option offset"),
        (
            ["a.zarr", "b.zarr", "voxel_size_nm=30,6,6"],
            r"^option voxel_size_nm: got 30,6,6; needs \[30,6,6\]$",
        ),
        (["a.zarr", "b.zarr", "labels=perhaps"], "option labels"),
        (["a.zarr", "b.zarr", "pyramid=maybe"], "option pyramid"),
    ],
)
def test_mistyped_options_are_named(arguments, message):
    with pytest.raises(ValueError, match=message):
        parse(arguments)


def test_errors_end_the_command_in_one_line(tmp_path, capsys):
    make(tmp_path / "a.zarr")
    assert main([f"{tmp_path}/none.zarr", f"{tmp_path}/b.zarr"]) == 1
    assert capsys.readouterr().err.startswith(f"error: {tmp_path}/none.zarr: there is no such")
    assert main([f"{tmp_path}/a.zarr", f"{tmp_path}/b.zarr", "dtype=float12"]) == 1
    assert "got dtype=float12" in capsys.readouterr().err


def test_interrupting_the_command(monkeypatch, capsys):
    monkeypatch.setattr(convert, "convert", full_stop)
    assert main(["a.zarr", "b.zarr"]) == 130
    assert "run the same command again" in capsys.readouterr().err


def full_stop(*arguments, **options):
    raise KeyboardInterrupt


def test_help(capsys):
    assert main(["--help"]) == 0
    text = capsys.readouterr().out
    assert all(field.name in text for field in dataclasses.fields(Options))
    assert "examples" in text


def test_nothing_heavy_is_imported():
    """The command starts at once: jax stays out."""
    code = "import sys, data.convert; assert 'jax' not in sys.modules"
    subprocess.run([sys.executable, "-c", code], check=True)


@pytest.mark.parametrize("target", ["zarr3", "n5", "precomputed"])
def test_real_stack(tmp_path, data_root, target):
    pattern = f"{data_root}/snemi3d_ac4/train-input_z*.tif"
    path = f"{tmp_path}/{FORMATS[target]}"
    job.convert(pattern, path, Options([30.0, 6.0, 6.0]))
    volume = open_volume(path)
    assert volume.voxel_size_nm == (30, 6, 6)
    source = open_volume(pattern, (30, 6, 6))
    np.testing.assert_array_equal(volume[40:60].read(), source[40:60].read())
