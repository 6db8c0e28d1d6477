"""The worst splits and merges are those that were planted, where they were planted."""

import base64
import io
import re

import numpy as np
import pytest
from PIL import Image

from data.volume import from_array
from experiments.evaluation.error_pictures import draw_error


def position(row, offset=(0, 0, 0)) -> tuple[int, ...]:
    return tuple(int(row[axis]) - start for axis, start in zip("zyx", offset, strict=True))


@pytest.fixture
def flawed(cubes):
    """5 cut into 3 : 1, 7 into 5 : 1; 1 and 2 merged."""
    prediction = cubes.copy()
    prediction[:, :3][cubes[:, :3] == 5] = 50
    prediction[..., :2][cubes[..., :2] == 7] = 70
    prediction[cubes == 2] = 1
    return prediction


@pytest.mark.parametrize("offset", [(0, 0, 0), (100, 20, 3)])
def test_a_planted_split_comes_first_with_its_ids_and_place(evaluate, save, cubes, flawed, offset):
    paths = (save(layer, offset=offset) for layer in (flawed, cubes))
    first, second = evaluate("segmentation", *paths).rows("worst_splits")
    found = {key: first[key] for key in ("kind", "object", "parts", "largest", "second")}
    assert found == {
        "kind": "split",
        "object": "5",
        "parts": "2",
        "largest": "5",
        "second": "50",
    }
    assert (first["voxels"], first["second_voxels"]) == ("432", "108")
    assert float(first["bits"]) == pytest.approx((0.75 * np.log2(4 / 3) + 0.25 * 2) / 8)
    assert (cubes[position(first, offset)], flawed[position(first, offset)]) == (5, 50)
    assert (second["object"], second["second"]) == ("7", "70")
    assert (cubes[position(second, offset)], flawed[position(second, offset)]) == (7, 70)


def test_a_planted_merge_comes_first_with_its_ids_and_place(evaluate, save, cubes, flawed):
    flawed[0, 23][cubes[0, 23] == 4] = 8  # a few voxels: a lesser merge, with 8
    first, second = evaluate("segmentation", save(flawed), save(cubes)).rows("worst_merges")
    assert (first["kind"], first["object"], first["parts"]) == ("merge", "1", "2")
    assert {first["largest"], first["second"]} == {"1", "2"}
    assert cubes[position(first)] == int(first["second"])
    assert flawed[position(first)] == 1
    assert (second["object"], second["second"], second["second_voxels"]) == ("8", "4", "12")
    assert (cubes[position(second)], flawed[position(second)]) == (4, 8)


def test_bits_of_all_errors_are_those_of_vi(evaluate, save, cubes, flawed):
    record = evaluate("segmentation", save(flawed), save(cubes))
    for kind in ("split", "merge"):
        bits = sum(float(row["bits"]) for row in record.rows(f"worst_{kind}s"))
        assert bits == pytest.approx(record.value(f"cremi2016/vi_{kind}"))


def test_only_as_many_as_asked_for_are_listed(evaluate, save, cubes, flawed):
    record = evaluate("segmentation", save(flawed), save(cubes), "task.worst=1")
    assert [row["object"] for row in record.rows("worst_splits")] == ["5"]
    record = evaluate("segmentation", save(flawed), save(cubes), "task.worst=0")
    assert record.rows("worst_splits") == record.rows("worst_merges") == []


def test_what_is_left_out_is_split_off_as_background_and_merges_nothing(evaluate, save, cubes):
    prediction = cubes.copy()
    prediction[:, :6][cubes[:, :6] == 5] = 0
    prediction[:, :2][cubes[:, :2] == 6] = 0
    record = evaluate("segmentation", save(prediction), save(cubes))
    first, second = record.rows("worst_splits")
    assert (first["object"], second["object"], second["second"]) == ("5", "6", "0")
    assert record.rows("worst_merges") == []


def test_places_keep_to_the_mask(evaluate, save, cubes, flawed):
    mask = np.zeros(cubes.shape, np.uint8)
    mask[4] = 1
    record = evaluate("segmentation", save(flawed), save(cubes), f"mask={save(mask)}")
    assert {row["object"]: row["z"] for row in record.rows("worst_splits")} == {"5": "4", "7": "4"}
    assert record.rows("worst_merges") == []  # 1 and 2 end at section 3


def test_ids_beyond_a_signed_integer_are_listed_as_they_are(evaluate, save, cubes):
    truth = cubes.astype(np.uint64) + np.uint64(2**63)
    prediction = np.where(cubes == 2, truth - np.uint64(1), truth)
    (row,) = evaluate("segmentation", save(prediction), save(truth)).rows("worst_merges")
    assert row["object"] == str(2**63 + 1)
    assert {int(row["largest"]), int(row["second"])} == {2**63 + 1, 2**63 + 2}


def test_each_picture_of_the_report_shows_its_object_on_both_sides(evaluate, save, cubes, flawed):
    record = evaluate("segmentation", save(flawed), save(cubes))
    pictures = re.findall(r"data:image/jpeg;base64,([^\"]+)", record.report)
    assert len(pictures) == 3
    for data in pictures:
        with Image.open(io.BytesIO(base64.b64decode(data))) as picture:
            left, _, right = np.split(np.asarray(picture).astype(int), [320, 326], axis=1)
        for side in (left, right):
            assert np.count_nonzero(np.ptp(side, axis=-1) > 60) > 3000


def test_the_report_shows_every_error_with_its_numbers(evaluate, save, cubes, flawed):
    image = np.random.default_rng(0).integers(0, 256, cubes.shape).astype(np.uint8)
    record = evaluate("segmentation", save(flawed), save(cubes), f"image={save(image)}")
    assert record.report.count("data:image/jpeg") == 3
    assert "truth 5: 0.101 bits lost in 2 parts; (z, y, x) =" in record.report
    assert "prediction 1: 0.25 bits lost in 2 parts" in record.report


def colours(panel: np.ndarray) -> int:
    """How many colours fill a part of it; those of outlines and lettering fill less."""
    found, pixels = np.unique(panel.reshape(-1, 3), axis=0, return_counts=True)
    return int(np.count_nonzero((np.ptp(found.astype(int), axis=1) > 20) & (pixels > 3000)))


@pytest.mark.parametrize(
    ("kind", "pair", "expected"), [("split", (5, 50), (1, 2)), ("merge", (2, 1), (2, 1))]
)
def test_an_object_has_one_colour_on_its_side_and_those_of_its_parts_on_the_other(
    cubes, flawed, kind, pair, expected
):
    volumes = {
        name: from_array(layer, (30, 6, 6), offset=(7, 8, 9))
        for name, layer in (("truth", cubes), ("prediction", flawed))
    }
    z, y, x = np.argwhere((cubes == pair[0]) & (flawed == pair[1]))[0].tolist()
    picture = np.asarray(draw_error(volumes, kind, pair, (z + 7, y + 8, x + 9)))
    left, _, right = np.split(picture, [320, 326], axis=1)
    assert (colours(left), colours(right)) == expected
