"""Surfaces and skeletons that a reader can turn; a still picture where they cannot be turned.

The page needs nothing else. Places are rounded to 1/8191 of the longest side, and written as
differences, compressed, in base64: about eight bytes a triangle. A browser with WebGL 2 draws them
(view_3d.js).
"""

import base64
import html
import json
import zlib
from collections.abc import Sequence
from pathlib import Path

import numpy as np
from jaxtyping import Int64

from experiments.report import page
from experiments.report.space import TURN, Object3d, frame_of
from experiments.report.still_3d import draw_still

STEPS = 8191
HINT = "Drag to turn; wheel or two fingers to zoom; shift and drag to move."
SCRIPT = Path(__file__).with_suffix(".js")
STYLE = """
.view3d { position: relative; }
.view3d canvas { display: block; width: 100%; height: min(70vh, 36rem); cursor: grab;
                 touch-action: none; }
.view3d .bar { position: absolute; left: .6rem; top: calc(min(70vh, 36rem) - 2.5rem);
               font-size: .8rem; border-bottom: 3px solid #1d2733; pointer-events: none;
               white-space: nowrap; }
.view3d label { white-space: nowrap; margin-right: .8em; font-size: .9rem; }
.view3d label i { display: inline-block; width: .8em; height: .8em; border-radius: 2px;
                  margin: 0 .3em; }
.view3d.live img, .view3d:not(.live) input, .view3d:not(.live) .hint { display: none; }
@media print { .view3d canvas, .view3d .bar, .view3d input, .view3d .hint { display: none; }
               .view3d.live img { display: block; } }
"""


def view_3d(objects: Sequence[Object3d], caption: str) -> str:
    """A part of a page: things to turn, zoom, show and hide, with what they are in words.

    Drawn at first as `Frame.seen` says.

    Raises:
        ValueError: where no object has a point.
    """
    shown = [thing for thing in objects if len(thing.points_nm)]
    if not shown:
        raise ValueError(f"got {len(objects)} objects without a point; needs one to show at least")
    scene = json.dumps(_scene(shown), separators=(",", ":"))
    packed = base64.b64encode(_packed(shown)).decode()
    return (
        f'<div class="view3d">\n<style>{STYLE}</style>\n'
        f"{page.micrograph(draw_still(shown), caption)}\n"
        f'<p class="hint">{HINT}</p>\n'
        f"<p>{' '.join(_switch(thing) for thing in shown)}</p>\n"
        f'<script type="application/json" class="scene">{scene}</script>\n'
        f'<script type="text/plain" class="packed">{packed}</script>\n'
        f"<script>\n{SCRIPT.read_text()}</script>\n</div>"
    )


def _switch(thing: Object3d) -> str:
    colour = tuple(round(255 * part) for part in thing.colour)
    mark = f'<input type="checkbox" checked><i style="background: rgb{colour}"></i>'
    return f"<label>{mark}{html.escape(thing.name)}</label>"


def _scene(objects: Sequence[Object3d]) -> dict:
    """What the viewer has to know beside points and cells; lengths are in steps, but for `nm`."""
    frame, step = frame_of(objects), _step_nm(objects)
    seen = np.concatenate([frame.seen(thing.points_nm) for thing in objects])
    return {
        "turn": TURN.ravel().tolist(),
        "middle": ((frame.high - frame.low)[::-1] / 2 / step).tolist(),
        "radius": frame.radius_nm / step,
        "nm": frame.radius_nm,
        "span": (2 * abs(seen[:, :2]).max(0) / frame.radius_nm).clip(1e-3).tolist(),
        "objects": [
            {
                "colour": list(thing.colour),
                "points": len(thing.points_nm),
                "cells": len(thing.cells),
                "corners": thing.cells.shape[1],
            }
            for thing in objects
        ],
    }


def _packed(objects: Sequence[Object3d]) -> bytes:
    """Of each object its points (x, y, z) in steps from the lowest, then its cells; compressed."""
    low, step = frame_of(objects).low, _step_nm(objects)
    parts = []
    for thing in objects:
        places = np.rint((thing.points_nm - low)[:, ::-1] / step)
        parts += [_differences(places.astype(np.int64)), _differences(thing.cells.astype(np.int64))]
    return zlib.compress(b"".join(parts), 9)


def _differences(rows: Int64[np.ndarray, "rows columns"]) -> bytes:
    """Each row less the one above, as int32: small numbers, which compress well."""
    return np.diff(rows, axis=0, prepend=0).astype("<i4").tobytes()


def _step_nm(objects: Sequence[Object3d]) -> float:
    frame = frame_of(objects)
    return max(float((frame.high - frame.low).max()), 1e-3) / STEPS
