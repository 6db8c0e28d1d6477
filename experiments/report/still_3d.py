"""A picture of things in space, as a viewer shows them at first: for print, and where none runs."""

import io
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float64
from matplotlib.axes import Axes
from matplotlib.collections import PolyCollection
from matplotlib.figure import Figure
from PIL import Image

from experiments.report.scale import bar_length_nm
from experiments.report.space import Frame, Object3d, frame_of


def draw_still(objects: Sequence[Object3d]) -> Image.Image:
    """Surfaces and lines, far ones drawn before near ones, with a scale bar; lit as in view_3d.js.

    Raises:
        ValueError: where no object has a point.
    """
    frame = frame_of(objects)
    drawn = [_drawn(thing, frame) for thing in objects]
    flat = [cell for shape, _ in drawn for cell in shape[..., :2]]
    order = np.argsort(np.concatenate([shape[..., 2].mean(1) for shape, _ in drawn]))
    colours = np.concatenate([colour for _, colour in drawn])[order]
    widths = np.concatenate([np.full(len(s), 0.4 if s.shape[1] == 3 else 2.0) for s, _ in drawn])
    figure = Figure(figsize=(6, 4.5))
    axes = figure.add_axes((0, 0, 1, 1))
    cells = [flat[i] for i in order]
    axes.add_collection(
        PolyCollection(cells, facecolors=colours, edgecolors=colours, linewidths=widths[order])
    )
    axes.set_aspect("equal", adjustable="datalim")
    axes.autoscale_view()
    axes.set_axis_off()
    _add_scale_bar(axes)
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=140)
    return Image.open(buffer)


def _drawn(
    thing: Object3d, frame: Frame
) -> tuple[Float64[np.ndarray, "cells corners 3"], Float64[np.ndarray, "cells 3"]]:
    """Every cell's corners as seen, and its colour: darker aslant, paler far away."""
    corners = frame.seen(thing.points_nm)[thing.cells]
    light = np.ones(len(corners))
    if corners.shape[1] == 3:
        upright = np.cross(corners[:, 1] - corners[:, 0], corners[:, 2] - corners[:, 0])
        light = 0.3 + 0.7 * abs(upright[:, 2]) / np.linalg.norm(upright, axis=1).clip(1e-9)
    paler = 0.35 * (0.5 - 0.5 * corners[..., 2].mean(1) / frame.radius_nm)[:, None]
    return corners, (1 - paler) * light[:, None] * np.array(thing.colour) + paler


def _add_scale_bar(axes: Axes) -> None:
    """A bar of round length in the lower left corner, as in the viewer."""
    axes.apply_aspect()
    (left, right), (bottom, top) = axes.get_xlim(), axes.get_ylim()
    length = bar_length_nm(right - left)
    x, y = left + 0.02 * (right - left), bottom + 0.03 * (top - bottom)
    axes.plot([x, x + length], [y, y], color="#1d2733", linewidth=2, solid_capstyle="butt")
    words = f"{length} nm" if length < 1000 else f"{length // 1000} µm"
    axes.text(x, y + 0.01 * (top - bottom), words, color="#1d2733", fontsize=9, va="bottom")
    axes.set(xlim=(left, right), ylim=(bottom, top))
