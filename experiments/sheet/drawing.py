"""A sheet of pairs: a real section and a phantom's, each with the cut across its sections."""

import dataclasses
from collections.abc import Sequence

from PIL import Image, ImageDraw

from data.volume import Volume
from experiments.report.scale import add_scale_bar, font, times, to_scale

PANEL_WIDTH = 720
ACROSS_HEIGHT = 190  # at most, of the cut across the sections
GAP = 16
TITLE_HEIGHT = 40
TITLE_SIZE = 23
INK, PAPER, EMPTY = 20, 255, 225
MISSING = "missing: set NEUROPIL_DATA"


@dataclasses.dataclass(frozen=True)
class Row:
    """Two images of one voxel size; the real one may be missing."""

    title: str
    real: Volume | None
    phantom: Volume


def draw_sheet(rows: Sequence[Row]) -> Image.Image:
    """All rows below one another, in grey."""
    bands = [_draw_row(row) for row in rows]
    height = sum(band.height for band in bands) + GAP
    sheet = Image.new("L", (2 * PANEL_WIDTH + 3 * GAP, height), PAPER)
    top = 0
    for band in bands:
        sheet.paste(band, (0, top))
        top += band.height
    return sheet


def _draw_row(row: Row) -> Image.Image:
    phantom = draw_panel(row.phantom)
    real = draw_panel(row.real) if row.real else _empty_panel(phantom.size)
    height = TITLE_HEIGHT + GAP + max(phantom.height, real.height)
    band = Image.new("L", (2 * PANEL_WIDTH + 3 * GAP, height), PAPER)
    for left, panel, words in (
        (GAP, real, row.title),
        (2 * GAP + PANEL_WIDTH, phantom, f"Phantom, {times(row.phantom.voxel_size_nm)} nm"),
    ):
        _write(band, (left, TITLE_HEIGHT + GAP - 8), words, TITLE_SIZE, "lb")
        band.paste(panel, (left, TITLE_HEIGHT + GAP))
    return band


def draw_panel(image: Volume) -> Image.Image:
    """The middle section above the cut (z, x) through the middle row, to one scale."""
    depth, height, width = image.shape
    nm_per_pixel = width * image.voxel_size_nm[2] / PANEL_WIDTH
    z, y, x = image.voxel_size_nm
    section = image[depth // 2 : depth // 2 + 1].read()[0]
    half = round(ACROSS_HEIGHT * nm_per_pixel / z / 2)
    few = slice(max(0, depth // 2 - half), depth // 2 + half)
    across = image[few, height // 2 : height // 2 + 1].read()[:, 0]
    above = add_scale_bar(to_scale(section, (y, x), nm_per_pixel), nm_per_pixel)
    below = to_scale(across, (z, x), nm_per_pixel, smooth=False)
    panel = Image.new("L", (PANEL_WIDTH, above.height + GAP // 4 + below.height), PAPER)
    panel.paste(above, (0, 0))
    panel.paste(below, (0, above.height + GAP // 4))
    return panel


def _empty_panel(size: tuple[int, int]) -> Image.Image:
    panel = Image.new("L", size, EMPTY)
    _write(panel, (size[0] // 2, size[1] // 2), MISSING, TITLE_SIZE, "mm")
    return panel


def _write(image: Image.Image, place: tuple[int, int], words: str, size: int, anchor: str) -> None:
    ImageDraw.Draw(image).text(place, words, font=font(size), fill=INK, anchor=anchor)
