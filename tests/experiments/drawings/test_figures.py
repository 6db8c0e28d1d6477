"""Figures come from stored results alone: all of them, the same bytes each time, or a clear no."""

import csv
import json
from pathlib import Path

import pytest
from PIL import Image

from configs.schema import FiguresRun
from experiments.drawings.run import FIGURES, draw, run
from experiments.stored_results import RESULTS

STEMS = {stem for stem, _ in FIGURES.values()}


@pytest.fixture(scope="module")
def drawn(tmp_path_factory) -> Path:
    """All figures, and their pictures in a folder of their own."""
    folder = tmp_path_factory.mktemp("figures")
    (folder / "pictures").mkdir()
    run(FiguresRun("all", pictures=str(folder / "pictures")), folder)
    return folder


@pytest.mark.parametrize("name", FIGURES)
def test_a_figure_is_drawn_from_what_is_stored_as_png_pdf_and_csv(drawn, name):
    with Image.open(drawn / f"{name}.png") as picture:
        width = picture.width / picture.info["dpi"][0]
        assert 3.4 < width < 7.3  # inches: a column to two
        assert picture.convert("L").getextrema() == (0, 255)
    assert (drawn / f"{name}.pdf").read_bytes().startswith(b"%PDF")
    with (drawn / f"{name}.csv").open(newline="") as stream:
        rows = list(csv.DictReader(stream))
    assert len(rows) > 4 and all(None not in row and None not in row.values() for row in rows)
    assert (drawn / "pictures" / f"{name}.png").read_bytes() == (drawn / f"{name}.png").read_bytes()


def test_a_figure_is_the_same_bytes_each_time(drawn, tmp_path):
    run(FiguresRun("merge_errors_matrix"), tmp_path)
    assert sorted(path.suffix for path in tmp_path.iterdir()) == [".csv", ".pdf", ".png"]
    for path in tmp_path.iterdir():
        assert path.read_bytes() == (drawn / path.name).read_bytes()


def test_every_stored_result_is_behind_a_figure():
    assert {path.name for path in RESULTS.iterdir()} == {f"{stem}.json" for stem in STEMS}


def test_an_unknown_figure_is_refused(tmp_path):
    with pytest.raises(ValueError, match="got figure=pie; needs all, or one of winograd_speed"):
        run(FiguresRun("pie"), tmp_path)


def test_a_result_that_is_not_there_says_what_makes_it(tmp_path):
    with pytest.raises(FileNotFoundError, match="reproduce experiment=segmentation makes it"):
        draw("segmentation", tmp_path)


def changed(folder: Path, stem: str, change) -> Path:
    """A folder with one stored result of which the rows were changed."""
    values = json.loads((RESULTS / f"{stem}.json").read_text())
    values["rows"] = [row for row in map(change, values["rows"]) if row is not None]
    (folder / f"{stem}.json").write_text(json.dumps(values))
    return folder


def test_a_figure_without_its_rows_names_the_file_and_what_is_missing(tmp_path):
    results = changed(
        tmp_path, "tracking", lambda row: None if row["experiment"] == "scaling" else row
    )
    with pytest.raises(
        ValueError, match=r"tracking.json: got no row with experiment=scaling; needs one"
    ):
        draw("tracking_scaling", results)
    assert draw("tracking_ablation", results).rows


def test_a_figure_without_a_column_names_it(tmp_path):
    def without(row):
        return {name: value for name, value in row.items() if name != "vi_split_low"}

    with pytest.raises(ValueError, match=r"segmentation.json: got a row without 'vi_split_low'"):
        draw("segmentation", changed(tmp_path, "segmentation", without))


def test_values_that_cannot_be_drawn_name_the_file(tmp_path):
    results = changed(tmp_path, "reconstruct_scaling", lambda row: {**row, "seconds": "long"})
    with pytest.raises(ValueError, match=r"reconstruct_scaling.json: .*experiments.reproduce"):
        draw("reconstruction_scaling", results)


def words_of(name: str, results: Path) -> list[str]:
    return [text.get_text() for axes in draw(name, results).figure.axes for text in axes.texts]


def test_what_was_not_measured_of_the_matrix_says_so(tmp_path):
    def without(row):
        return None if row.get("trained") == row["tested"] == "AC4" else row

    whole = words_of("merge_errors_matrix", RESULTS)
    fewer = words_of("merge_errors_matrix", changed(tmp_path, "merge_errors", without))
    assert fewer.count("missing") == whole.count("missing") + 1


def test_roc_curves_are_drawn_as_far_as_they_are_stored(tmp_path):
    where = {"experiment": "roc", "trained": "AC4", "tested": "phantom"}
    curve = {**where, "fpr": [0.0, 0.5, 1.0], "tpr": [0.0, 0.75, 1.0]}
    values = json.loads((RESULTS / "merge_errors.json").read_text())
    rows = [row for row in values["rows"] if row["experiment"] != "roc"]
    for found, missing in ([], 1), ([curve], 0):
        (tmp_path / "merge_errors.json").write_text(json.dumps(values | {"rows": rows + found}))
        assert words_of("merge_errors_roc", tmp_path).count("curves: missing") == missing
        drawing = draw("merge_errors_roc", tmp_path)
        assert sum(row["tpr"] == 0.75 for row in drawing.rows) == len(found)
