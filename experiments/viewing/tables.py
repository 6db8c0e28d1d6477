"""Synapses and merge errors of a run as annotations of the viewer."""

import csv
import logging
from collections.abc import Mapping
from pathlib import Path

import neuroglancer

from experiments.viewing.neurites import NM

log = logging.getLogger(__name__)
MOST = 5000  # annotations of a layer: all of them are sent to the browser at once
SEGMENTATION = "segmentation"  # the layer whose segments are shown with what is chosen
LINES = """#uicontrol float least slider(min=0, max=1, default=0, step=0.01)
void main() {{
  if (prop_confidence() < least) discard;
  setLineColor(vec4({pre}, 1.0), vec4({post}, 1.0));
  setLineWidth(3.0);
  setEndpointMarkerColor(vec4({pre}, 1.0), vec4({post}, 1.0));
  setEndpointMarkerSize(6.0, 9.0);
  setEndpointMarkerBorderWidth(1.0);
}}
"""
POINTS = """#uicontrol float least slider(min=0, max=1, default=0, step=0.01)
#uicontrol vec3 divided color(default="#56b4e9")
#uicontrol vec3 kept color(default="#e69f00")
void main() {
  if (prop_probability() < least) discard;
  setColor(prop_action() == 1u ? divided : kept);
  setPointMarkerSize(4.0 + 8.0 * prop_probability());
}
"""

Row = Mapping[str, str]


def read_rows(path: Path, most: int = MOST) -> list[Row]:
    """The first rows of a table; a warning says where there are more."""
    with path.open(newline="") as file:
        rows = list(csv.DictReader(file))
    if len(rows) > most:
        log.warning("%s: shows the first %d of %d rows", path, most, len(rows))
    return rows[:most]


def synapse_layer(
    rows: list[Row], pre: tuple[int, int, int], post: tuple[int, int, int]
) -> neuroglancer.AnnotationLayer:
    """Lines from pre to post, of `synapses.csv`; the ends have the colours given."""
    return neuroglancer.LocalAnnotationLayer(
        NM,
        annotations=[_line(row) for row in rows],
        annotation_properties=[
            {"id": "confidence", "type": "float32", "description": "of the direction"},
            {"id": "size_voxels", "type": "uint32"},
        ],
        annotation_relationships=["pre", "post"],
        linked_segmentation_layer={"pre": SEGMENTATION, "post": SEGMENTATION},
        shader=LINES.format(pre=_vec3(pre), post=_vec3(post)),
    )


def merge_error_layer(rows: list[Row]) -> neuroglancer.AnnotationLayer:
    """Points of `merge_errors.csv`, the larger the likelier, coloured by what was done."""
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
        linked_segmentation_layer={"object": SEGMENTATION, "split_off": SEGMENTATION},
        shader=POINTS,
    )


def place_nm(row: Row, side: str = "") -> list[float]:
    """The place (z, y, x) of a row, or of one side of it (`pre_`, `post_`)."""
    return [float(row[f"{side}{axis}_nm"]) for axis in "zyx"]


def _line(row: Row) -> neuroglancer.LineAnnotation:
    sure = row["polarity_confidence"]
    told = f"direction: {float(sure):.2f}" if sure else "direction unknown"
    return neuroglancer.LineAnnotation(
        id=row["id"],
        description=f"{row['pre']} → {row['post']}, {told}",
        point_a=place_nm(row, "pre_"),
        point_b=place_nm(row, "post_"),
        segments=[_ids(row["pre"]), _ids(row["post"])],
        props=[float(sure or 0), int(row["size_voxels"])],
    )


def _point(number: int, row: Row) -> neuroglancer.PointAnnotation:
    divided = row["action"] == "divided"
    return neuroglancer.PointAnnotation(
        id=str(number),
        description=f"{row['action']}, probability {float(row['probability']):.2f}",
        point=place_nm(row),
        segments=[_ids(row["object"]), _ids(row["split_off"])],
        props=[float(row["probability"]), int(divided)],
    )


def _ids(number: str) -> list[int]:
    """A segment; nothing where there is none."""
    return [int(number)] if int(number or 0) else []


def _vec3(rgb: tuple[int, int, int]) -> str:
    return "vec3({:.3f}, {:.3f}, {:.3f})".format(*(part / 255 for part in rgb))
