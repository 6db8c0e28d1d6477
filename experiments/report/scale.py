"""Pictures in true proportions, with scale bars."""

from collections.abc import Sequence
from pathlib import Path

import matplotlib
import numpy as np
from jaxtyping import UInt8
from PIL import Image, ImageDraw, ImageFont

ROUND_NM = (50, 100, 200, 500, 1000, 2000, 5000, 10000, 20000)


def to_scale(
    picture: UInt8[np.ndarray, "height width ..."],
    pixel_nm: tuple[float, float],
    nm_per_pixel: float,
    smooth: bool = True,
) -> Image.Image:
    """The picture resized to square pixels.

    Args:
        picture: grey values, or red, green and blue.
        pixel_nm: edge lengths (height, width) of its pixels.
        nm_per_pixel: that of the result.
        smooth: interpolates; without it the pixels stay visible as blocks.
    """
    height, width = (
        max(1, round(n * size / nm_per_pixel))
        for n, size in zip(picture.shape[:2], pixel_nm, strict=True)
    )
    how = Image.Resampling.BICUBIC if smooth else Image.Resampling.NEAREST
    return Image.fromarray(picture).resize((width, height), how)


def add_scale_bar(image: Image.Image, nm_per_pixel: float) -> Image.Image:
    """Draws a bar of round length, about a fifth of the width, into the lower left corner."""
    length_nm = bar_length_nm(image.width * nm_per_pixel)
    size = max(11, image.width // 34)
    left, bottom = size, image.height - size
    right = left + length_nm / nm_per_pixel
    draw = ImageDraw.Draw(image)
    words = f"{length_nm} nm" if length_nm < 1000 else f"{length_nm // 1000} µm"
    white = 255 if image.mode == "L" else (255, 255, 255)
    draw.rectangle((left - 2, bottom - size // 4 - 2, right + 2, bottom + 2), fill=0)
    draw.rectangle((left, bottom - size // 4, right, bottom), fill=white)
    draw.text(
        (left, bottom - size // 2),
        words,
        font=font(size),
        fill=white,
        stroke_width=2,
        stroke_fill=0,
        anchor="lb",
    )
    return image


def bar_length_nm(width_nm: float) -> int:
    """The round length closest to a fifth of a field's width."""
    return min(ROUND_NM, key=lambda length: abs(np.log(length / (width_nm / 5))))


def times(sizes: Sequence[int | float]) -> str:
    """Sizes along several axes in words, such as "30 × 6 × 6"."""
    return " \u00d7 ".join(f"{size:g}" for size in sizes)


def font(size: int) -> ImageFont.FreeTypeFont:
    """Matplotlib's own typeface, as Pillow's has no µ."""
    return ImageFont.truetype(Path(matplotlib.get_data_path()) / "fonts/ttf/DejaVuSans.ttf", size)
