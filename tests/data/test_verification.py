"""Files missing, damaged, truncated or whole, on a made-up dataset."""

import hashlib
from pathlib import Path

import pytest

from data.datasets import Entry, SourceFile, status
from data.datasets.root import find_root
from data.datasets.verification import overall_state, require_files

CONTENT = b"voxels, as published"
FILE = SourceFile("set/image.bin", len(CONTENT), hashlib.sha256(CONTENT).hexdigest())


def entry(*files: SourceFile) -> Entry:
    return Entry(
        name="made_up",
        title="Made-up tissue",
        size="1 x 2 x 3",
        voxel_size_nm=(30.0, 6.0, 6.0),
        layers={"image": "uint8"},
        label_convention="none",
        files=files,
        origin="github.com/someone/made-up.",
        preparation="copied.",
        terms="CC BY 4.0.",
        citations=(),
    )


def put(root: Path, content: bytes, name: str = FILE.path) -> None:
    (root / name).parent.mkdir(exist_ok=True)
    (root / name).write_bytes(content)


def test_whole_file_is_verified(tmp_path: Path):
    put(tmp_path, CONTENT)
    (found,) = status(entry(FILE), tmp_path)
    assert (found.state, found.detail) == ("verified", "")
    require_files(entry(FILE), tmp_path)


def test_absent_file_is_missing_and_loading_says_from_where_to_get_it(tmp_path: Path):
    assert [s.state for s in status(entry(FILE), tmp_path)] == ["missing"]
    with pytest.raises(FileNotFoundError) as caught:
        require_files(entry(FILE), tmp_path)
    for fact in (str(tmp_path / FILE.path), "github.com/someone/made-up", "CC BY 4.0", "made_up"):
        assert fact in str(caught.value)


def test_truncated_file_is_damaged_in_size_and_hash_and_is_not_loaded(tmp_path: Path):
    put(tmp_path, CONTENT[:-3])
    (found,) = status(entry(FILE), tmp_path)
    assert found.state == "damaged"
    assert "size: got 17 bytes, needs 20" in found.detail
    assert f"needs {FILE.sha256}" in found.detail
    with pytest.raises(ValueError, match=r"damaged \(size: got 17 bytes, needs 20\)"):
        require_files(entry(FILE), tmp_path)


def test_changed_file_of_the_same_size_is_damaged_in_its_hash_only(tmp_path: Path):
    changed = CONTENT.replace(b"v", b"V")
    put(tmp_path, changed)
    (found,) = status(entry(FILE), tmp_path)
    assert found.state == "damaged"
    assert found.detail == (
        f"SHA-256: got {hashlib.sha256(changed).hexdigest()}, needs {FILE.sha256}"
    )


def test_file_without_a_checksum_on_record_is_unchecked(tmp_path: Path):
    put(tmp_path, b"anything", "set/other.bin")
    assert [s.state for s in status(entry(SourceFile("set/other.bin")), tmp_path)] == ["unchecked"]


def test_the_worst_file_decides(tmp_path: Path):
    put(tmp_path, CONTENT)
    put(tmp_path, b"", "set/empty.bin")
    absent, empty = SourceFile("set/absent.bin"), SourceFile("set/empty.bin", 4, "0" * 64)
    assert overall_state(status(entry(FILE), tmp_path)) == "verified"
    assert overall_state(status(entry(FILE, absent), tmp_path)) == "missing"
    assert overall_state(status(entry(FILE, absent, empty), tmp_path)) == "damaged"


def test_a_folder_in_place_of_a_file_counts_as_missing(tmp_path: Path):
    (tmp_path / FILE.path).mkdir(parents=True)
    assert [s.state for s in status(entry(FILE), tmp_path)] == ["missing"]


def test_root_is_the_argument_then_the_environment(tmp_path, monkeypatch):
    monkeypatch.setenv("NEUROPIL_DATA", str(tmp_path))
    (tmp_path / "given").mkdir()
    assert find_root() == tmp_path.resolve()
    assert find_root(tmp_path / "given") == (tmp_path / "given").resolve()


def test_no_root_says_how_to_set_it(tmp_path, monkeypatch):
    monkeypatch.delenv("NEUROPIL_DATA", raising=False)
    with pytest.raises(ValueError, match=r"root=FOLDER.*NEUROPIL_DATA"):
        find_root()
    with pytest.raises(NotADirectoryError, match="absent"):
        find_root(tmp_path / "absent")
