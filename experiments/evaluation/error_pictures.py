"""A split or merge in its section: the truth beside the prediction."""

from collections.abc import Mapping
from typing import Literal

import numpy as np
from jaxtyping import Bool, Integer, UInt8
from PIL import Image, ImageDraw

from data.volume import Volume
from experiments.report.colours import blend, colour_ids, grey
from experiments.report.scale import add_scale_bar, to_scale

WIDTH_NM = 1600.0  # of a panel
WIDTH = 320  # of a panel, in pixels of the picture
SHARE = 0.65  # of an object's colour over what lies below
PAPER, LINE = 236, 150  # where no image is given: ground and borders of labels
GAP = 6


def draw_error(
    volumes: Mapping[str, Volume],
    kind: Literal["split", "merge"],
    pair: tuple[int, int],
    position: tuple[int, int, int],
) -> Image.Image:
    """Truth on the left, prediction on the right, around a position in voxels of the dataset.

    Only the object that is split (of the truth) or that merges (of the prediction) is coloured:
    on its own side in one colour, on the other by the labels that it falls into.
    """
    crop, marked = _window(volumes["truth"], position)
    truth, prediction = (volumes[name][crop].read()[0] for name in ("truth", "prediction"))
    inside = truth == pair[0] if kind == "split" else prediction == pair[1]
    image = _as_grey(volumes["image"][crop].read()[0]) if "image" in volumes else None
    pixel_nm = volumes["truth"].voxel_size_nm[1:]
    panels = [_panel(labels, inside, image, pixel_nm, marked) for labels in (truth, prediction)]
    return _side_by_side(panels)


def _window(volume: Volume, position) -> tuple[tuple[slice, ...], tuple[int, int]]:
    """A part of the position's section, and where in it the position is."""
    place = [p - o for p, o in zip(position, volume.offset, strict=True)]
    starts, slices = [], [slice(place[0], place[0] + 1)]
    for at, size, nm in zip(place[1:], volume.shape[1:], volume.voxel_size_nm[1:], strict=True):
        width = min(size, max(16, round(WIDTH_NM / nm)))
        start = min(max(0, at - width // 2), size - width)
        starts.append(at - start)
        slices.append(slice(start, start + width))
    return tuple(slices), (starts[0], starts[1])


def _panel(
    labels: Integer[np.ndarray, "y x"],
    inside: Bool[np.ndarray, "y x"],
    image: UInt8[np.ndarray, "y x"] | None,
    pixel_nm: tuple[float, float],
    marked: tuple[int, int],
) -> Image.Image:
    below = _outlines(labels) if image is None else image
    shown = np.where(inside, labels.astype(np.uint64) + np.uint64(1), np.uint64(0))
    picture = blend(grey(below), colour_ids(shown), SHARE)
    nm_per_pixel = labels.shape[1] * pixel_nm[1] / WIDTH
    panel = to_scale(picture, pixel_nm, nm_per_pixel, smooth=image is not None)
    _mark(panel, [(m + 0.5) * nm / nm_per_pixel for m, nm in zip(marked, pixel_nm, strict=True)])
    return add_scale_bar(panel, nm_per_pixel)


def _outlines(labels: Integer[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x"]:
    drawn = np.full(labels.shape, PAPER, np.uint8)
    drawn[:, 1:][labels[:, 1:] != labels[:, :-1]] = LINE
    drawn[1:][labels[1:] != labels[:-1]] = LINE
    return drawn


def _as_grey(image: np.ndarray) -> UInt8[np.ndarray, "y x"]:
    if image.dtype == np.uint8:
        return image
    low, high = float(image.min()), float(image.max())
    return np.round((image - low) * (255 / max(high - low, 1e-9))).astype(np.uint8)


def _mark(panel: Image.Image, at: list[float]) -> None:
    y, x = at
    ImageDraw.Draw(panel).ellipse((x - 7, y - 7, x + 7, y + 7), outline=(20, 20, 20), width=2)


def _side_by_side(panels: list[Image.Image]) -> Image.Image:
    width = sum(panel.width for panel in panels) + GAP * (len(panels) - 1)
    picture = Image.new("RGB", (width, max(panel.height for panel in panels)), (255, 255, 255))
    left = 0
    for panel in panels:
        picture.paste(panel, (left, 0))
        left += panel.width + GAP
    return picture
