"""What an evaluation leaves in its folder."""

import base64
import io
import logging
import re

import numpy as np
import pytest
from PIL import Image

FIELDS = {
    "name",
    "value",
    "convention",
    "unit",
    "better",
    "counts",
    "settings",
    "interval",
    "note",
}
ALWAYS = {"environment.json", "metrics.json", "metrics.md", "report.html"}
TABLES = {
    "segmentation": {"worst_splits.csv", "worst_merges.csv"},
    "membrane": {"threshold_curve.csv", "reliability.csv", "section_curve.csv"},
    "cleft": set(),
    "instance": set(),
    "skeleton": {"skeletons.csv"},
    "partner": set(),
    "connectome": set(),
}


@pytest.fixture(params=TABLES)
def record(request, evaluate, save, table, swc, cubes):
    """Of each task, with errors."""
    labels = np.where(cubes == 2, 1, cubes).astype(np.uint32)
    labels[:, :6][cubes[:, :6] == 5] = 50
    walls = np.zeros((2, 24, 24), np.uint8)
    walls[:, 12] = walls[..., 12] = 1
    blob = (cubes == 3).astype(np.uint8)
    sites = "pre_z_nm,pre_y_nm,pre_x_nm,post_z_nm,post_y_nm,post_x_nm"
    line = [(15, 20, 6 + 12 * n) for n in range(10)]
    paths = {
        "segmentation": (save(labels), save(cubes)),
        "membrane": (save(abs(walls - np.float32(0.3))), save(walls)),
        "cleft": (save(np.roll(blob, 2, axis=1)), save(blob)),
        "instance": (save(labels), save(cubes)),
        "skeleton": (save(cubes), swc(line, line[:5])),
        "partner": (table(f"pre,post,{sites}", "1,2,3,4,5,6,7,8"),) * 2,
        "connectome": (table("pre,post", "1,2", "3,4"), table("pre,post", "1,2", "4,3")),
    }
    return evaluate(request.param, *paths[request.param])


def test_values_say_what_they_are(record):
    """Reading it fails at a NaN."""
    figures = record.figures
    assert set(figures) >= {"task", "prediction", "truth", "seconds", "metrics"}
    assert figures["seconds"] > 0
    keys = [(metric["convention"], metric["name"]) for metric in figures["metrics"]]
    assert len(set(keys)) == len(keys)
    for metric in figures["metrics"]:
        assert set(metric) == FIELDS
        assert metric["name"] and metric["convention"]
        assert metric["counts"] or metric["value"] is None
        assert all(isinstance(count, int) for count in metric["counts"].values())
        assert isinstance(metric["settings"], dict)
        assert metric["note"] or metric["value"] is not None
        if metric["interval"]:
            assert metric["interval"]["low"] <= metric["value"] <= metric["interval"]["high"]


def test_files_are_those_of_the_task_and_none_is_partial(record):
    task = record.figures["task"]
    assert {path.name for path in record.folder.iterdir()} == ALWAYS | TABLES[task]


def test_the_table_names_every_value_with_its_convention(record):
    words = (record.folder / "metrics.md").read_text()
    for metric in record.figures["metrics"]:
        assert f"| {metric['name']} | {metric['convention']} |" in words


def test_the_report_stands_alone_and_its_pictures_open(record):
    content = record.report
    assert "http" not in content
    assert f"Evaluation: {record.figures['task']}" in content
    assert record.figures["truth"] in content
    for metric in record.figures["metrics"]:
        assert f"<td>{metric['name']}</td><td>{metric['convention']}</td>" in content
    pictures = re.findall(r'src="data:image/(\w+);base64,([^"]+)"', content)
    assert content.count("<img ") == len(pictures)
    expected = {"segmentation": 2, "membrane": 5}
    assert len(pictures) >= expected.get(record.figures["task"], 0)
    for kind, data in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            assert picture.format == kind.upper()
            assert np.asarray(picture.convert("L")).std() > 5


def test_conventions_stand_side_by_side(evaluate, save, cubes, caplog):
    with caplog.at_level(logging.INFO):
        record = evaluate("segmentation", save(cubes), save(cubes))
    assert "Conventions side by side" in record.report
    header = "| convention | vi | vi_split | vi_merge | adapted_rand_error |"
    assert header in caplog.text
    assert "| gala | 0 bits | 0 bits | 0 bits | 0 |" in caplog.text
    assert f"report: {record.folder / 'report.html'}" in caplog.text


def test_names_are_escaped(evaluate, save, cubes, tmp_path):
    (tmp_path / "<b>").mkdir()
    path = save(cubes)
    (tmp_path / "<b>" / "a&b.zarr").symlink_to(path)
    record = evaluate("segmentation", f"{tmp_path}/<b>/a&b.zarr", path)
    assert "&lt;b&gt;/a&amp;b.zarr" in record.report
    assert "<b>/a&b" not in record.report
