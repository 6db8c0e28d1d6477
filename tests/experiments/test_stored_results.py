"""Stored results: one form, read back as they were written."""

import json

import pytest

from experiments.stored_results import RESULTS, StoredResult, read_result, write_result

RESULT = StoredResult(
    command=["python -m experiments.benchmark suite=conv"],
    commit="abc and changes",
    environment={"cpu": "a processor", "threads": 2},
    date="2026-11-22",
    notes=["It was cold."],
    rows=[{"layer": "64→128", "rounds": [1.5, 2.0]}, {"layer": "b", "rounds": None}],
)


def test_a_result_is_read_as_it_was_written_with_a_line_for_each_row(tmp_path):
    path = tmp_path / "speed.json"
    write_result(path, RESULT)
    assert read_result(path) == RESULT
    assert path.read_text().splitlines()[-4:-2] == [
        '  {"layer": "64→128", "rounds": [1.5, 2.0]},',
        '  {"layer": "b", "rounds": null}',
    ]


@pytest.mark.parametrize("path", sorted(RESULTS.iterdir()), ids=lambda path: path.stem)
def test_every_stored_result_says_how_when_and_where_it_was_made_and_is_small(path):
    found = read_result(path)
    assert all("python -m experiments." in line for line in found.command)
    assert found.commit and found.environment and len(found.date) == len("2026-11-22")
    assert path.stat().st_size < 100_000


@pytest.mark.parametrize(
    ("content", "message"),
    [
        ('{"rows": [', "got no stored result"),
        ("[]", "got no stored result"),
        ('{"rows": [{"a": 1}]}', "got no stored result"),
        (json.dumps({**vars(RESULT), "rows": []}), "got no rows"),
        (json.dumps({**vars(RESULT), "rows": [1]}), "got no"),
    ],
)
def test_a_file_that_is_no_result_is_named_with_what_makes_one(tmp_path, content, message):
    path = tmp_path / "speed.json"
    path.write_text(content)
    with pytest.raises(ValueError, match=rf"(?s)speed.json: {message}.*experiment=speed makes it"):
        read_result(path)
