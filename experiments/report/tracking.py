"""Drawn figures of a tracking: colour codes and what was read of them, ids, confidence, errors."""

from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, UInt8, UInt64
from matplotlib.axes import Axes
from matplotlib.figure import Figure

from experiments.report.colours import blend, colour_ids, id_colour, tint

# Of letters; told apart by those who see no red or green, too (Okabe & Ito).
LETTERS = ((230, 159, 0), (86, 180, 233), (0, 158, 115), (204, 121, 167))
WRONG, MISSED = (225, 29, 46), (255, 205, 40)
SHARE = 0.55  # of colours over an image
EDGE = 15  # brightness of lines between regions


def letter_colours(letters: int) -> UInt8[np.ndarray, "colours 3"]:
    """White for none, and a colour for each letter."""
    more = [tuple(int(255 * c) for c in id_colour(n)) for n in range(len(LETTERS), letters)]
    return np.array([(255, 255, 255), *LETTERS[:letters], *more], np.uint8)


def outlined(
    picture: UInt8[np.ndarray, "h w 3"], regions: UInt64[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """The picture with dark lines where one region ends and another begins."""
    line = np.zeros(regions.shape, bool)
    line[1:] |= regions[1:] != regions[:-1]
    line[:, 1:] |= regions[:, 1:] != regions[:, :-1]
    return np.where(line[..., None], np.uint8(EDGE), picture)


def coloured(
    image: UInt8[np.ndarray, "h w 3"], ids: UInt64[np.ndarray, "h w"]
) -> UInt8[np.ndarray, "h w 3"]:
    """Every id in its colour over the image."""
    return blend(image, colour_ids(ids), SHARE)


def marked(
    image: UInt8[np.ndarray, "h w 3"],
    wrong: Bool[np.ndarray, "h w"],
    missed: Bool[np.ndarray, "h w"],
) -> UInt8[np.ndarray, "h w 3"]:
    """Errors over the image."""
    return tint(tint(image, missed, MISSED, 0.75), wrong, WRONG, 0.8)


def draw_rows(rows: Mapping[str, Mapping[str, np.ndarray]], panel: float) -> Figure:
    """Pictures in rows.

    Args:
        rows: what a row is, to what each picture is, to its pixels; all of one size.
        panel: width of a picture, in inches.
    """
    columns = max(len(row) for row in rows.values())
    height, width = next(iter(next(iter(rows.values())).values())).shape[:2]
    size = (panel * columns + 0.3, (panel * height / width + 0.25) * len(rows))
    figure = Figure(figsize=size, layout="constrained")
    axes = figure.subplots(len(rows), columns, squeeze=False)
    for line, (name, row) in zip(axes, rows.items(), strict=True):
        for place, (words, pixels) in zip(line, row.items(), strict=False):
            _show(place, words, pixels)
        line[0].set_ylabel(name, fontsize=9)
        for place in line[len(row) :]:
            place.set_visible(False)
    return figure


def _show(axes: Axes, words: str, pixels: np.ndarray) -> None:
    axes.imshow(pixels, cmap="gray", vmin=0, vmax=255, interpolation="nearest")
    axes.set_title(words, fontsize=9)
    axes.set(xticks=[], yticks=[])
