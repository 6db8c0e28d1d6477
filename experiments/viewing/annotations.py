"""Synapses and merge errors of a run as annotations of the viewer."""

import csv
import logging
import math
from collections.abc import Mapping, Sequence
from pathlib import Path

import neuroglancer
import numpy as np
from jaxtyping import Float64

from experiments.report.colours import POST, PRE
from experiments.viewing.space import NM
from experiments.viewing.volumes import as_hex

log = logging.getLogger(__name__)
SEGMENTS = "segmentation"  # the layer whose segments belong to an annotation
MOST = 5000  # annotations in a layer: the browser gets all of them at once
SYNAPSE = f"""#uicontrol vec3 pre color(default="{as_hex(PRE)}")
#uicontrol vec3 post color(default="{as_hex(POST)}")
#uicontrol float least_confidence slider(min=0, max=1, default=0, step=0.01)
void main() {{
  if (prop_confidence() < least_confidence) discard;
  setLineColor(pre, post);
  setLineWidth(3.0);
  setEndpointMarkerColor(pre, post);
  setEndpointMarkerSize(7.0, 10.0);
}}
"""
MERGE_ERROR = """#uicontrol vec3 kept color(default="#e69f00")
#uicontrol vec3 divided color(default="#56b4e9")
#uicontrol float least_probability slider(min=0, max=1, default=0, step=0.01)
void main() {
  if (prop_probability() < least_probability) discard;
  setColor(prop_action() == 1u ? divided : kept);
  setPointMarkerSize(3.0 + 5.0 * prop_probability());
}
"""

Row = Mapping[str, str]
Place = Float64[np.ndarray, " 3"]


def read_rows(path: Path) -> list[Row]:
    """The rows of a table; none where there is no such file."""
    if not path.exists():
        return []
    with path.open(newline="") as file:
        return list(csv.DictReader(file))


def by_distance(rows: Sequence[Row], at_nm: Place) -> list[Row]:
    """The rows, that whose place is nearest first."""
    return sorted(rows, key=lambda row: math.dist(place_nm(row), at_nm))


def place_nm(row: Row, side: str = "") -> Place:
    """The place (z, y, x) of a row, or of one side of it (`pre_`, `post_`)."""
    return np.array([float(row[f"{side}{axis}_nm"]) for axis in "zyx"])


def synapse_layer(rows: Sequence[Row]) -> neuroglancer.AnnotationLayer:
    """Lines from pre to post, of rows of synapses.csv."""
    return neuroglancer.LocalAnnotationLayer(
        NM,
        annotations=[_line(number, row) for number, row in enumerate(_first(rows, "synapses"), 1)],
        annotation_properties=[
            {"id": "confidence", "type": "float32", "description": "of the direction; 0: unknown"},
            {"id": "size_voxels", "type": "float32", "description": "of the cleft"},
        ],
        annotation_relationships=["pre", "post"],
        linked_segmentation_layer={"pre": SEGMENTS, "post": SEGMENTS},
        shader=SYNAPSE,
    )


def merge_error_layer(rows: Sequence[Row]) -> neuroglancer.AnnotationLayer:
    """Points of rows of merge_errors.csv: the larger the likelier, coloured by what was done."""
    rows = _first(rows, "merge errors")
    return neuroglancer.LocalAnnotationLayer(
        NM,
        annotations=[_point(number, row) for number, row in enumerate(rows, 1)],
        annotation_properties=[
            {"id": "probability", "type": "float32"},
            {
                "id": "action",
                "type": "uint8",
                "enum_values": [0, 1],
                "enum_labels": ["kept", "divided"],
            },
        ],
        annotation_relationships=["object", "split_off"],
        linked_segmentation_layer={"object": SEGMENTS, "split_off": SEGMENTS},
        shader=MERGE_ERROR,
    )


def _first(rows: Sequence[Row], what: str) -> Sequence[Row]:
    if len(rows) > MOST:
        log.warning("%s: shows %d of %d, as the browser gets all at once", what, MOST, len(rows))
    return rows[:MOST]


def _line(number: int, row: Row) -> neuroglancer.LineAnnotation:
    """A synapse; its id alone is none, as one with several partners has several rows."""
    sure = row["polarity_confidence"]
    told = f"direction {float(sure):.2f}" if sure else "direction unknown"
    return neuroglancer.LineAnnotation(
        id=str(number),
        description=f"synapse {row['id']}: {row['pre']} → {row['post']}, {told}",
        point_a=place_nm(row, "pre_"),
        point_b=place_nm(row, "post_"),
        segments=[_segments(row["pre"]), _segments(row["post"])],
        props=[float(sure or 0), float(row["size_voxels"])],
    )


def _point(number: int, row: Row) -> neuroglancer.PointAnnotation:
    return neuroglancer.PointAnnotation(
        id=str(number),
        description=f"{row['action']}, probability {float(row['probability']):.2f}",
        point=place_nm(row),
        segments=[_segments(row["object"]), _segments(row["split_off"])],
        props=[float(row["probability"]), int(row["action"] == "divided")],
    )


def _segments(number: str) -> list[int]:
    """A segment; nothing where there is none, or 0."""
    return [int(number)] if int(number or 0) else []
