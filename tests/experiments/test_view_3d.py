"""Views in space: what a browser unpacks is what was given; the page is small and alone."""

import base64
import json
import re
import zlib

import numpy as np
import pytest

from experiments.report import page
from experiments.report.space import TURN, Object3d, frame_of, lines, surface
from experiments.report.still_3d import draw_still
from experiments.report.view_3d import view_3d
from ops.meshes import Mesh, mesh
from ops.skeletons.skeleton import Skeleton

RED = (1.0, 0.25, 0.0)
TRIANGLE = Object3d(
    "a triangle", RED, np.array([[0.0, 0, 0], [0, 900, 0], [300, 0, 500]]), np.array([[0, 1, 2]])
)
LINE = lines(
    "a line", (0.0, 0.0, 1.0), Skeleton(np.eye(2, 3) * 80.0, np.array([-1, 0]), np.ones(2))
)


def unpacked(part: str):
    """The scene, and points in nm from the lowest and cells of each object, as view_3d.js does."""
    scene, packed = re.findall(r'class="(?:scene|packed)">(.*?)</script>', part)
    scene = json.loads(scene)
    numbers = np.frombuffer(zlib.decompress(base64.b64decode(packed)), "<i4")
    things, at = [], 0
    for one in scene["objects"]:
        arrays = []
        for rows, columns in ((one["points"], 3), (one["cells"], one["corners"])):
            steps = numbers[at : at + rows * columns].reshape(rows, columns)
            arrays.append(np.cumsum(steps, axis=0))
            at += rows * columns
        things.append((arrays[0][:, ::-1] * scene["nm"] / scene["radius"], arrays[1]))
    assert at == len(numbers)
    return scene, things


def test_a_browser_gets_the_places_and_cells_that_were_given():
    scene, things = unpacked(view_3d([TRIANGLE, LINE], "both"))
    for given, (points, cells) in zip([TRIANGLE, LINE], things, strict=True):
        np.testing.assert_allclose(points, given.points_nm, atol=900 / 8191)
        np.testing.assert_array_equal(cells, given.cells)
    assert [one["corners"] for one in scene["objects"]] == [3, 2]
    assert scene["objects"][0]["colour"] == list(RED)


def test_all_is_within_the_unit_ball_and_the_span_of_the_first_view():
    scene, things = unpacked(view_3d([TRIANGLE, LINE], "both"))
    points = np.concatenate([points for points, _ in things])[:, ::-1]
    steps = points * scene["radius"] / scene["nm"]
    view = (steps - scene["middle"]) / scene["radius"] * [1, -1, -1]
    assert np.linalg.norm(view, axis=1).max() < 1 + 1e-3
    turned = view @ np.reshape(scene["turn"], (3, 3)).T
    np.testing.assert_allclose(2 * abs(turned[:, :2]).max(0), scene["span"], atol=1e-3)


def test_x_goes_right_y_down_and_z_away():
    np.testing.assert_allclose(TURN @ TURN.T, np.eye(3), atol=1e-12)
    assert np.linalg.det(TURN) > 0.99
    box = frame_of([TRIANGLE])
    z, y, x = box.seen(np.eye(3)) - box.seen(np.zeros((3, 3)))
    assert x[0] > 0.5 and y[1] < -0.5 and z[2] < -0.5


def test_the_page_needs_nothing_else_and_escapes_names(tmp_path):
    named = Object3d("</script><b>", RED, TRIANGLE.points_nm, TRIANGLE.cells)
    part = view_3d([named], "a < b")
    assert "&lt;/script&gt;&lt;b&gt;" in part and "<b>" not in part and "a &lt; b" in part
    assert "http" not in part and "src=" not in part.replace('src="data:', "")
    page.write_page(tmp_path / "p.html", "T", "L.", [part])
    assert (tmp_path / "p.html").read_text().count("<script") == 3


def test_twenty_neurites_take_some_hundred_kilobytes():
    ball = np.linalg.norm(np.indices((24, 24, 24)) - 11.5, axis=0) < 11
    one = mesh(ball, (60, 60, 60))
    many = [
        surface(
            f"{i}", RED, Mesh(one.vertices_nm + 1500.0 * np.array((*divmod(i, 5), 0)), one.faces)
        )
        for i in range(20)
    ]
    assert sum(len(thing.cells) for thing in many) > 40_000
    assert len(view_3d(many, "balls")) < 600_000


def test_the_still_picture_shows_near_things_before_far_ones():
    """Two squares, one behind the other in z, of which the far one comes last."""
    near, far = (
        Object3d(f"{z}", colour, square(z), np.array([[0, 1, 2], [0, 2, 3]]))
        for z, colour in ((0.0, (1.0, 0.0, 0.0)), (200.0, (0.0, 1.0, 0.0)))
    )
    pixels = np.asarray(draw_still([near, far]).convert("RGB")).astype(int)
    red, green = (pixels[..., 0] - pixels[..., 1] > 80), (pixels[..., 1] - pixels[..., 0] > 80)
    assert red.sum() > 1.2 * green.sum() > 0


def square(z):
    return np.array([[z, 0, 0], [z, 0, 900], [z, 900, 900], [z, 900, 0]])


def test_objects_without_a_point_are_left_out_and_none_at_all_is_an_error():
    empty = surface("empty", RED, Mesh(np.zeros((0, 3)), np.zeros((0, 3), np.int64)))
    scene, _ = unpacked(view_3d([empty, LINE], "a line"))
    assert len(scene["objects"]) == 1
    with pytest.raises(ValueError, match="without a point"):
        view_3d([empty], "nothing")
