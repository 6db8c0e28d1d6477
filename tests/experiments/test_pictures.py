"""Colours, proportions, pages: what reports are made of."""

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from experiments.report import colours, page, plots, scale


def test_an_id_has_one_colour_and_0_is_black():
    ids = np.array([[0, 1, 2], [2, 1, 90_000_000]], np.uint32)
    picture = colours.colour_ids(ids)
    assert picture.shape == (2, 3, 3)
    assert not picture[0, 0].any()
    np.testing.assert_array_equal(picture[0, 1], picture[1, 1])
    np.testing.assert_array_equal(picture[0, 2], picture[1, 0])
    assert len(np.unique(picture.reshape(-1, 3), axis=0)) == 4


def test_a_tint_changes_only_what_the_mask_marks():
    picture = colours.grey(np.full((2, 2), 100, np.uint8))
    mask = np.array([[True, False], [False, False]])
    tinted = colours.tint(picture, mask, (200, 100, 0), 0.5)
    assert tinted[0, 0].tolist() == [150, 100, 50]
    np.testing.assert_array_equal(tinted[~mask], picture[~mask])


def test_black_lets_all_of_the_picture_through():
    under = np.full((1, 2, 3), 100, np.uint8)
    over = np.array([[[0, 0, 0], [200, 200, 200]]], np.uint8)
    assert colours.blend(under, over, 0.5)[0, :, 0].tolist() == [100, 150]


def test_pixels_become_square():
    picture = np.zeros((10, 40), np.uint8)
    assert scale.to_scale(picture, (30.0, 6.0), 6.0).size == (40, 50)
    assert scale.to_scale(picture, (30.0, 6.0), 3.0).size == (80, 100)


def test_a_scale_bar_is_as_long_as_it_says():
    """White pixels of its last row, times their size."""
    image = Image.new("L", (600, 400), 120)
    scale.add_scale_bar(image, 5.0)
    rows = (np.asarray(image) == 255).sum(1)
    length = scale.bar_length_nm(600 * 5.0)
    assert length == 500
    assert abs(rows[rows > 0][-1] - length / 5) <= 1


def test_a_bar_is_near_a_fifth_of_the_field():
    for width_nm in (300.0, 1000.0, 4300.0, 70_000.0):
        assert 0.1 < scale.bar_length_nm(width_nm) / width_nm < 0.4


def test_sizes_in_words():
    assert scale.times((50.0, 4.6, 4.6)) == "50 \u00d7 4.6 \u00d7 4.6"


def test_a_page_carries_its_pictures_and_escapes_its_words(tmp_path):
    path = tmp_path / "report.html"
    image = page.micrograph(Image.new("L", (4, 4)), "a < b")
    drawn = page.plot(Figure(figsize=(1, 1)), "nothing")
    table = page.table(("a", "b"), [("x", "<1>")])
    page.write_page(path, "A & B", "Leads in.", [page.section("S", image, drawn, table)])
    content = path.read_text()
    assert content.count("data:image/") == 2
    assert "a &lt; b" in content and "&lt;1&gt;" in content and "A &amp; B" in content
    assert "http" not in content


def test_a_histogram_of_groups_of_which_one_is_empty():
    figure = plots.draw_histogram({"a": np.array([1.0, 10.0, 0.0]), "b": np.array([])}, "size")
    legend = figure.axes[0].get_legend()
    assert legend is not None
    assert [text.get_text() for text in legend.get_texts()] == ["a", "b"]
