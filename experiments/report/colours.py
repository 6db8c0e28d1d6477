"""Colours for labels, and pictures of labels over images."""

import colorsys
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Float, Integer, UInt8

GOLDEN_RATIO = 0.618034
STRUCTURES = {
    "membrane": (72, 149, 239),
    "mitochondria": (67, 190, 120),
    "vesicles": (255, 205, 40),
    "clefts": (240, 50, 70),
}
PRE, POST = (40, 190, 150), (214, 93, 200)


def id_colour(number: int) -> tuple[float, float, float]:
    """The colour of an id (red, green, blue in [0, 1]); ids close by have hues far apart."""
    hue = number * GOLDEN_RATIO % 1
    return colorsys.hsv_to_rgb(hue, 0.55 + 0.25 * (number % 3) / 2, 0.95 - 0.2 * (number % 2))


def colour_ids(ids: Integer[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x 3"]:
    """Every id in its colour; 0 is black."""
    present, place = np.unique(ids, return_inverse=True)
    palette = [id_colour(int(i)) if i else (0, 0, 0) for i in present]
    return (255 * np.array(palette)).astype(np.uint8)[place.reshape(ids.shape)]


def grey(image: UInt8[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x 3"]:
    """An image as red, green and blue."""
    return np.repeat(image[..., None], 3, axis=-1)


def blend(
    under: UInt8[np.ndarray, "y x 3"], over: UInt8[np.ndarray, "y x 3"], share: float
) -> UInt8[np.ndarray, "y x 3"]:
    """`share` of one picture over the rest of the other; where it is black, only the other."""
    return mix(under, over, np.where(over.any(-1, keepdims=True), share, 0.0))


def overlay(
    picture: UInt8[np.ndarray, "y x 3"],
    masks: Mapping[str, Bool[np.ndarray, "y x"]],
    share: float,
) -> UInt8[np.ndarray, "y x 3"]:
    """Masks of `STRUCTURES` in their colours over a picture; the last given lies on top."""
    for name, mask in masks.items():
        picture = tint(picture, mask, STRUCTURES[name], share)
    return picture


def tint(
    picture: UInt8[np.ndarray, "y x 3"],
    mask: Bool[np.ndarray, "y x"],
    colour: tuple[int, int, int],
    share: float,
) -> UInt8[np.ndarray, "y x 3"]:
    """The picture with a share of a colour where the mask is true."""
    return mix(picture, np.array(colour, np.uint8), share * mask[..., None])


def mix(
    under: UInt8[np.ndarray, "y x 3"],
    over: UInt8[np.ndarray, "..."],
    weight: Float[np.ndarray, "y x 1"],
) -> UInt8[np.ndarray, "y x 3"]:
    """Weighted mean of two pictures, `weight` in [0, 1] being that of `over`."""
    return np.round((1 - weight) * under + weight * over).astype(np.uint8)
