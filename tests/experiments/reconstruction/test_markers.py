"""Markers count for the very stage that they were written by, and for no other."""

import itertools
import json
import subprocess
import sys
from typing import Any

import pytest

from experiments.reconstruction import markers
from experiments.reconstruction.grid import Grid
from experiments.reconstruction.markers import stage_key

GRID = Grid((4, 4, 4), (2, 2, 2))
SAME: dict[str, Any] = {
    "name": "a",
    "version": 1,
    "grid": GRID,
    "parameters": {"threshold": 0.5, "ids": [1, 2]},
}
CHANGED: list[dict[str, Any]] = [
    {"name": "b"},
    {"version": 2},
    {"grid": Grid((4, 4, 5), (2, 2, 2))},
    {"grid": Grid((4, 4, 4), (2, 2, 4))},
    {"grid": Grid((4, 4, 4), (2, 2, 2), (0, 0, 1))},
    {"parameters": {"threshold": 0.25, "ids": [1, 2]}},
    {"parameters": {"threshold": 0.5}},
    {"reads": ["0123456789abcdef"]},
    {"source": {"path": "image.zarr", "bytes": 10}},
]


def test_a_key_changes_with_all_that_the_outputs_depend_on():
    keys = [stage_key(**SAME)] + [stage_key(**{**SAME, **change}) for change in CHANGED]
    assert all(a != b for a, b in itertools.combinations(keys, 2))
    assert all(len(key) == markers.KEY_DIGITS and int(key, 16) >= 0 for key in keys)


def test_a_key_is_the_same_in_another_process_and_for_equal_parameters():
    same: dict[str, Any] = {**SAME, "parameters": {"ids": (1, 2), "threshold": 0.5}}
    code = (
        "import json, sys; from experiments.reconstruction.grid import Grid; "
        "from experiments.reconstruction.markers import stage_key; "
        "print(stage_key('a', 1, Grid((4, 4, 4), (2, 2, 2)), json.loads(sys.argv[1])))"
    )
    command = [sys.executable, "-c", code, json.dumps(SAME["parameters"])]
    other = subprocess.run(command, capture_output=True, text=True, check=True).stdout.strip()
    assert stage_key(**same) == stage_key(**SAME) == other


@pytest.mark.parametrize(
    ("value", "error"),
    [(object(), TypeError), (GRID, TypeError), (float("nan"), ValueError)],
)
def test_a_parameter_that_is_not_plain_is_refused(value, error):
    with pytest.raises(error):
        stage_key("a", 1, GRID, {"value": value})


def test_what_was_written_is_found_again_whatever_lies_beside_it(tmp_path):
    folder, done = markers.begin(tmp_path, "a", "1", ())
    assert done == set()
    for block in GRID.blocks[2:4]:
        markers.write(folder, block)
        markers.write(folder, block)
    (folder / "notes.txt").write_text("mine")
    assert markers.begin(tmp_path, "a", "1", ())[1] == {(0, 1, 0), (0, 1, 1)}


def test_another_key_deletes_the_markers_of_this_stage_alone(tmp_path):
    for name in ("a", "a-b", "b"):
        markers.write(markers.begin(tmp_path, name, "1", ())[0], GRID.blocks[0])
    assert markers.begin(tmp_path, "a", "2", ())[1] == set()
    assert markers.begin(tmp_path, "a", "1", ())[1] == set()
    assert markers.begin(tmp_path, "a-b", "1", ())[1] == {(0, 0, 0)}
    assert markers.begin(tmp_path, "b", "1", ())[1] == {(0, 0, 0)}


def test_markers_of_outputs_that_are_gone_are_deleted(tmp_path):
    outputs = [tmp_path / "a.zarr", tmp_path / "b.zarr"]
    folder, _ = markers.begin(tmp_path, "a", "1", outputs)
    for path in outputs:
        path.mkdir()
    markers.write(folder, GRID.blocks[0])
    assert markers.begin(tmp_path, "a", "1", outputs)[1] == {(0, 0, 0)}
    outputs[1].rmdir()
    assert markers.begin(tmp_path, "a", "1", outputs)[1] == set()
    outputs[1].mkdir()
    assert markers.begin(tmp_path, "a", "1", outputs)[1] == set()


def test_an_output_of_somebody_else_is_refused(tmp_path):
    (tmp_path / "a.zarr").mkdir()
    markers.begin(tmp_path, "b", "1", ())
    with pytest.raises(FileExistsError, match=r"a.zarr: is there already"):
        markers.begin(tmp_path, "a", "1", [tmp_path / "a.zarr"])
    assert (tmp_path / "a.zarr").is_dir()
