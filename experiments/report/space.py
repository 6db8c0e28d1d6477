"""Things in space, and how they are seen at first."""

import dataclasses
from collections.abc import Sequence

import numpy as np
from jaxtyping import Float, Float64, Integer

from ops.meshes import Mesh
from ops.skeletons.skeleton import Skeleton

Colour = tuple[float, float, float]


@dataclasses.dataclass(frozen=True)
class Object3d:
    """A surface, or lines.

    Attributes:
        name: what the reader is told that it is.
        colour: red, green, blue in [0, 1], as `colours.id_colour` gives it.
        points_nm: places (z, y, x).
        cells: rows of points: three for each triangle, or two for each line.
    """

    name: str
    colour: Colour
    points_nm: Float[np.ndarray, "points 3"]
    cells: Integer[np.ndarray, "cells corners"]


def surface(name: str, colour: Colour, mesh: Mesh) -> Object3d:
    """A mesh as a thing in space."""
    return Object3d(name, colour, mesh.vertices_nm, mesh.faces)


def lines(name: str, colour: Colour, skeleton: Skeleton) -> Object3d:
    """The edges of a skeleton as a thing in space."""
    child = np.flatnonzero(skeleton.parents >= 0)
    edges = np.stack([child, skeleton.parents[child]], axis=1)
    return Object3d(name, colour, skeleton.positions_nm, edges)


@dataclasses.dataclass(frozen=True)
class Frame:
    """The box (z, y, x) around all that is shown, in nm."""

    low: Float64[np.ndarray, " 3"]
    high: Float64[np.ndarray, " 3"]

    @property
    def radius_nm(self) -> float:
        """Half its diagonal, > 0."""
        return max(float(np.linalg.norm(self.high - self.low)) / 2, 1e-3)

    def seen(self, points_nm: Float[np.ndarray, "n 3"]) -> Float64[np.ndarray, "n 3"]:
        """Places as seen at first: to the right, up and towards the reader from its middle, in nm.

        x goes to the right, y down and z away from the reader, as in a stack of sections, all
        turned a little, so that it is seen from above and from the left.
        """
        middle = (self.low + self.high) / 2
        return ((points_nm - middle)[:, ::-1] * [1, -1, -1]) @ TURN.T


def frame_of(objects: Sequence[Object3d]) -> Frame:
    """The frame around all points."""
    points = np.concatenate([thing.points_nm for thing in objects]).astype(np.float64)
    return Frame(points.min(0), points.max(0))


def _turn(right_degrees: float, down_degrees: float) -> Float64[np.ndarray, "3 3"]:
    """Turns what is seen as a drag to the right and then down does."""
    (c, d), (s, t) = (f(np.radians([right_degrees, down_degrees])) for f in (np.cos, np.sin))
    about_y = np.array([[c, 0, s], [0, 1, 0], [-s, 0, c]])
    return np.array([[1, 0, 0], [0, d, -t], [0, t, d]]) @ about_y


TURN = _turn(35.0, 25.0)
