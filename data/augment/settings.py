"""How strongly, and how often, each augmentation acts."""

import dataclasses
from typing import Literal, get_args

Symmetry = Literal["none", "anisotropic", "isotropic"]


@dataclasses.dataclass(frozen=True)
class Augmentation:
    """Strengths and probabilities; a probability of 0 switches an augmentation off.

    Hashable, so that it can be a static argument of a jitted function. Image values are in
    [0, 1]; the strengths of contrast, brightness, gamma and noise are in these units.

    Attributes:
        symmetry: draws one of the crop's symmetries: for "anisotropic" those that keep z (16: a
            flip of z times the 8 of the square), for "isotropic" all of the cube (48); always
            only those that keep the crop's shape.
        elastic_probability: per crop; a smooth in-plane displacement.
        elastic_amplitude: greatest displacement in y and in x, in voxels; at most a quarter of
            the spacing in plane, so that the deformation never folds.
        elastic_spacing: between control points (z, y, x), in voxels.
        shift_probability: per section; it and all after it are translated.
        slip_probability: per section; it alone is translated.
        misalignment: greatest translation in y and in x of one shift or slip, in voxels.
        gamma_probability: per crop; exponent 2 ** uniform(-gamma, gamma).
        gamma: see gamma_probability.
        contrast_probability: per crop; about the mean, by a factor of 1 +- contrast.
        contrast: see contrast_probability.
        brightness_probability: per crop; adds uniform(-brightness, brightness).
        brightness: see brightness_probability.
        blur_probability: per section; a Gaussian in plane.
        blur_sigma: greatest standard deviation of the blur, in voxels.
        noise_probability: per crop; Gaussian noise, independent between voxels.
        noise: greatest standard deviation of the noise.
        dark_probability: per section; scales it by uniform(1 - darkening, 1).
        darkening: see dark_probability.
        missing_probability: per section; it becomes 0. The only section of a crop is never lost.
        cutout_probability: per crop; a box in it becomes the mean.
        cutout_shape: greatest box (z, y, x), in voxels.

    Raises:
        ValueError: on a probability outside [0, 1], a negative strength or an elastic
            deformation that could fold.
    """

    symmetry: Symmetry = "anisotropic"
    elastic_probability: float = 0.5
    elastic_amplitude: float = 4.0
    elastic_spacing: tuple[int, int, int] = (16, 32, 32)
    shift_probability: float = 0.02
    slip_probability: float = 0.02
    misalignment: int = 8
    gamma_probability: float = 0.5
    gamma: float = 0.5
    contrast_probability: float = 0.5
    contrast: float = 0.2
    brightness_probability: float = 0.5
    brightness: float = 0.1
    blur_probability: float = 0.05
    blur_sigma: float = 2.0
    noise_probability: float = 0.5
    noise: float = 0.05
    dark_probability: float = 0.02
    darkening: float = 0.6
    missing_probability: float = 0.02
    cutout_probability: float = 0.25
    cutout_shape: tuple[int, int, int] = (4, 32, 32)

    def __post_init__(self):
        for name in ("elastic_spacing", "cutout_shape"):
            object.__setattr__(self, name, _check_shape(name, getattr(self, name)))
        if not isinstance(self.misalignment, int):
            raise ValueError(f"got misalignment={self.misalignment}; needs a whole number, >= 0")
        if self.symmetry not in get_args(Symmetry):
            raise ValueError(f"got symmetry={self.symmetry!r}; needs one of {get_args(Symmetry)}")
        for name, value in dataclasses.asdict(self).items():
            if isinstance(value, (int, float)):
                _check_range(name, value)
        if 4 * self.elastic_amplitude > min(self.elastic_spacing[1:]):
            raise ValueError(
                f"got elastic_amplitude={self.elastic_amplitude} with elastic_spacing="
                f"{self.elastic_spacing}; needs at most a quarter of the spacing in y and x"
            )


def _check_shape(name: str, shape: tuple[int, ...]) -> tuple[int, ...]:
    if len(shape) != 3 or not all(isinstance(size, int) and size >= 1 for size in shape):
        raise ValueError(f"got {name}={shape}; needs three whole numbers (z, y, x), each >= 1")
    return tuple(shape)


def _check_range(name: str, value: int | float) -> None:
    greatest = 1 if name.endswith("_probability") or name == "darkening" else float("inf")
    if not 0 <= value <= greatest:
        raise ValueError(f"got {name}={value}; needs a number from 0 to {greatest}")


# All off, for evaluation and for trying one alone: dataclasses.replace(NO_AUGMENTATION, ...).
NO_AUGMENTATION = Augmentation(
    symmetry="none",
    elastic_probability=0.0,
    shift_probability=0.0,
    slip_probability=0.0,
    gamma_probability=0.0,
    contrast_probability=0.0,
    brightness_probability=0.0,
    blur_probability=0.0,
    noise_probability=0.0,
    dark_probability=0.0,
    missing_probability=0.0,
    cutout_probability=0.0,
)
