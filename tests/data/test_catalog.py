"""The catalog as a command."""

import dataclasses
import re
import subprocess
import sys
from pathlib import Path

import pytest

from data.catalog import main, read_options
from data.datasets import DATASETS, SourceFile
from data.datasets.listing import WIDTH

NAMES = [
    "phantom",
    "snemi3d",
    "isbi2012",
    "vnc",
    "fib25",
    "fib_tiny",
    "hydra_vesicles",
    "pinky40",
    "hemibrain_skeletons",
    "mnist",
    "cremi",
]


def rows(text: str) -> dict[str, str]:
    """The table's text from each name to the next."""
    parts = re.split(rf"^({'|'.join(NAMES)})(?= )", text, flags=re.MULTILINE)
    return dict(zip(parts[1::2], parts[2::2], strict=True))


@pytest.fixture
def small_set(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Path:
    """Root with one damaged file of the set `pinky40`, which alone has it."""
    file = SourceFile("folder/labels.h5", 9, "0" * 64)
    (tmp_path / "folder").mkdir()
    (tmp_path / file.path).write_bytes(b"truncate")
    entry = dataclasses.replace(DATASETS["pinky40"], files=(file,))
    monkeypatch.setitem(DATASETS, "pinky40", entry)
    return tmp_path


def test_empty_root_lists_every_set_as_missing_and_is_no_error(tmp_path, capsys):
    assert main([f"root={tmp_path}"]) == 0
    table = rows(capsys.readouterr().out)
    assert list(table) == NAMES
    assert "embedded" in table.pop("phantom")
    assert all("missing" in row and "verified" not in row for row in table.values())


def test_table_fits_the_terminal(tmp_path, capsys):
    main([f"root={tmp_path}"])
    assert WIDTH <= 120
    assert max(len(line) for line in capsys.readouterr().out.splitlines()) <= WIDTH


def test_terms_that_rule_out_commercial_use_show(tmp_path, capsys):
    main([f"root={tmp_path}"])
    table = rows(capsys.readouterr().out)
    assert {name for name, row in table.items() if "[non-commercial]" in row} == {"isbi2012", "vnc"}


def test_without_a_root_the_sets_are_listed_and_it_says_how_to_set_one(monkeypatch, capsys):
    monkeypatch.delenv("NEUROPIL_DATA", raising=False)
    assert main([]) == 0
    text = capsys.readouterr().out
    assert "snemi3d" in text
    assert "NEUROPIL_DATA=FOLDER" in text


def test_damaged_file_is_named_and_the_exit_code_is_1(small_set, capsys):
    assert main([f"root={small_set}"]) == 1
    captured = capsys.readouterr()
    assert "damaged" in rows(captured.out)["pinky40"]
    assert "folder/labels.h5: size: got 8 bytes, needs 9; SHA-256: got" in captured.err
    assert main([f"root={small_set}", "name=pinky40"]) == 1


@pytest.mark.parametrize("name", NAMES)
def test_one_set_in_full(name, tmp_path, capsys):
    assert main([f"root={tmp_path}", f"name={name}"]) == 0
    text = capsys.readouterr().out
    entry, words = DATASETS[name], " ".join(text.split())
    for file in entry.files:
        assert file.path in words
        assert (file.sha256 or "not on record") in words
    for fact in (*entry.layers, *entry.citations, entry.origin, entry.terms):
        assert fact in words
    assert max(len(line) for line in text.splitlines()) <= WIDTH


@pytest.mark.parametrize(
    ("argument", "named"),
    [("nmae=vnc", "nmae"), ("vnc", "vnc"), ("name=vncc", "vncc"), ("root=/no/such", "/no/such")],
)
def test_wrong_options_are_named(argument, named, capsys):
    assert main([argument]) == 2
    assert named in capsys.readouterr().err


def test_options_may_hold_any_characters():
    assert read_options(["root=/a b/[c]=d"]).root == "/a b/[c]=d"


def test_help_tells_the_options(capsys):
    assert main(["--help"]) == 0
    assert "root=FOLDER" in capsys.readouterr().out


def test_as_a_command_it_does_not_import_jax(tmp_path):
    code = "import sys, data.catalog; print('jax' in sys.modules)"
    done = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, check=True)
    assert done.stdout.strip() == "False"
    command = [sys.executable, "-m", "data.catalog", f"root={tmp_path}", "name=mnist"]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout.startswith("mnist")
    assert done.stderr == ""
