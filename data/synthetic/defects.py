"""What goes wrong between the tissue and the stack: one row of numbers per section."""

import dataclasses

import numpy as np
from jaxtyping import Bool, Float

from data.synthetic.parameters import Imaging

MOST_SHIFT_NM = 18.0
DARKENING = 0.45  # contrast left in a dark section


@dataclasses.dataclass(frozen=True)
class Sections:
    """How each section was taken.

    Attributes:
        shift_nm: in-plane displacement (y, x) in nm; the truth moves with the image.
        contrast, brightness: intensity becomes contrast * (intensity - 1/2) + 1/2 + brightness.
        blur_nm: standard deviation of the point spread in nm.
        missing: sections whose image is lost.
    """

    shift_nm: Float[np.ndarray, "z 2"]
    contrast: Float[np.ndarray, " z"]
    brightness: Float[np.ndarray, " z"]
    blur_nm: Float[np.ndarray, " z"]
    missing: Bool[np.ndarray, " z"]


def make_sections(count: int, imaging: Imaging, rng: np.random.Generator) -> Sections:
    """Draws the state of every section of a stack."""
    shift = imaging.misalignment_nm * rng.normal(size=(count, 2))
    spread = imaging.section_contrast
    contrast = 1 + spread * rng.normal(size=count).clip(-2.5, 2.5)
    brightness = spread * rng.normal(size=count).clip(-2.5, 2.5)
    dark = rng.random(count) < imaging.dark_sections
    defocused = rng.random(count) < imaging.defocused_sections
    return Sections(
        shift_nm=shift.clip(-MOST_SHIFT_NM, MOST_SHIFT_NM),
        contrast=np.where(dark, DARKENING, contrast),
        brightness=np.where(dark, -0.28, brightness),
        blur_nm=imaging.blur_nm * np.where(defocused, 3, 1),
        missing=rng.random(count) < imaging.missing_sections,
    )
