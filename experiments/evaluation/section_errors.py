"""The sections that were found best and worst: image, prediction, truth and errors in colour."""

import dataclasses
from collections.abc import Mapping

import numpy as np
from jaxtyping import Bool, Int64, Shaped, UInt8
from PIL import Image

from data.normalisation import as_grey
from data.side_by_side import read_side_by_side
from data.volume import Volume
from experiments.report.colours import grey
from experiments.report.page import colour_key, micrograph, section, text
from experiments.report.scale import add_scale_bar, to_scale

SHOWN = 3  # of each kind
WINDOW_NM = 3000.0  # edge of the part of a section that is shown
PANEL = 480  # width in pixels of the picture
GAP = 6
# Told apart by people with any kind of colour blindness (Okabe & Ito, 2008).
COLOURS = {
    "found": (130, 130, 130),
    "claimed falsely": (230, 159, 0),
    "missed": (86, 180, 233),
    "not scored": (80, 60, 80),
}
HOW_TO_READ = (
    "F1 is that of the voxels of the whole section; of a large one, the part is shown that holds "
    "most of what is true or claimed. {panels}, from left to right and down."
)


@dataclasses.dataclass(frozen=True)
class SectionErrors:
    """Voxels of every section.

    Attributes:
        right: claimed, and true.
        wrong: claimed falsely.
        missed: true, and not claimed.
    """

    right: Int64[np.ndarray, " z"]
    wrong: Int64[np.ndarray, " z"]
    missed: Int64[np.ndarray, " z"]

    @property
    def f1(self) -> np.ndarray:
        """2 TP / (2 TP + FP + FN) of each section; NaN where nothing is true nor claimed."""
        either = 2 * self.right + self.wrong + self.missed
        return np.divide(2 * self.right, either, out=np.full(len(either), np.nan), where=either > 0)

    def ranked(self) -> list[int]:
        """Sections from worst to best by F1; of equal ones, those with more errors come first, then
        those with less that is right. Sections without F1 are left out."""
        order = np.lexsort((self.right, -self.wrong - self.missed, self.f1))
        return [int(z) for z in order if not np.isnan(self.f1[z])]


def section_errors(volumes: Mapping[str, Volume], claimed: Volume) -> tuple[str, ...]:
    """Parts of a report: the worst and the best sections, at most three of each.

    Args:
        volumes: "truth" (not 0 = the structure); "prediction" (probabilities), "image" and "mask"
            (0 = not scored) where there are some.
        claimed: not 0 where the prediction is taken for the structure.
    """
    layers = {name: volumes[name] for name in ("truth", "mask") if name in volumes}
    errors = count_errors(layers | {"claimed": claimed})
    ranked = errors.ranked()
    worst = ranked[: len(ranked) // 2][:SHOWN]
    best = ranked[len(ranked) // 2 :][-SHOWN:][::-1]
    shown = {**volumes, "claimed": claimed}
    return tuple(
        _gallery(f"{kind} sections", shown, errors, sections)
        for kind, sections in (("Worst", worst), ("Best", best))
        if sections
    )


def count_errors(layers: Mapping[str, Volume]) -> SectionErrors:
    """What is right and wrong in each section; nothing where the mask is 0."""
    counts = np.zeros((3, layers["truth"].shape[0]), np.int64)
    for place, voxels in read_side_by_side(layers, "comparing sections"):
        true, claimed, scored = _masks(voxels)
        kinds = (true & claimed, claimed & ~true, true & ~claimed)
        for row, kind in zip(counts, kinds, strict=True):
            row[place[0]] += (kind & scored).sum(axis=(1, 2))
    return SectionErrors(*counts)


def _masks(voxels: Mapping[str, np.ndarray]) -> tuple[np.ndarray, np.ndarray, np.ndarray]:
    """Where the structure is, is claimed, and is scored."""
    true, claimed = voxels["truth"] != 0, voxels["claimed"] != 0
    return true, claimed, voxels["mask"] != 0 if "mask" in voxels else np.ones(true.shape, bool)


def _gallery(
    title: str, volumes: Mapping[str, Volume], errors: SectionErrors, sections: list[int]
) -> str:
    names = ["image", "prediction", "truth", "errors"]
    panels = ", ".join(n for n in names if n != "image" or n in volumes).capitalize()
    offset = volumes["truth"].offset[0]
    pictures = [
        micrograph(
            draw_section(volumes, z),
            f"z = {z + offset}: F1 {errors.f1[z]:.3f}, {errors.right[z]} voxels found, "
            f"{errors.wrong[z]} claimed falsely, {errors.missed[z]} missed",
        )
        for z in sections
    ]
    return section(title, text(HOW_TO_READ.format(panels=panels)), colour_key(COLOURS), *pictures)


def draw_section(volumes: Mapping[str, Volume], z: int) -> Image.Image:
    """Image (if there is one), prediction, truth and errors of a part of a section, two a row."""
    truth = volumes["truth"]
    whole = {name: volume[z : z + 1].read()[0] for name, volume in volumes.items()}
    true, claimed, scored = _masks(whole)
    window = _fullest((true | claimed) & scored, _window_shape(truth))
    true, claimed, scored = true[window], claimed[window], scored[window]
    probability = whole["prediction"][window] if "prediction" in whole else claimed
    panels = [_stretched(whole["image"][window])] if "image" in whole else []
    panels += [_share(probability), _share(true), _coloured(true, claimed, scored)]
    return _in_rows(panels, truth.voxel_size_nm[1:])


def _window_shape(volume: Volume) -> tuple[int, int]:
    height, width = (
        min(size, max(16, round(WINDOW_NM / nm)))
        for size, nm in zip(volume.shape[1:], volume.voxel_size_nm[1:], strict=True)
    )
    return height, width


def _fullest(marked: Bool[np.ndarray, "y x"], shape: tuple[int, int]) -> tuple[slice, slice]:
    """The window of a shape that holds most of what is marked."""
    height, width = shape
    sums = np.pad(marked.astype(np.int64).cumsum(axis=0).cumsum(axis=1), ((1, 0), (1, 0)))
    rows = sums[height:] - sums[:-height]
    inside = rows[:, width:] - rows[:, :-width]
    y, x = (int(i) for i in np.unravel_index(np.argmax(inside), inside.shape))
    return slice(y, y + height), slice(x, x + width)


def _share(values: Shaped[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x 3"]:
    """Masks and probabilities from black to white."""
    return grey(np.rint(255 * as_grey(values)).astype(np.uint8))


def _stretched(image: Shaped[np.ndarray, "y x"]) -> UInt8[np.ndarray, "y x 3"]:
    """Bytes as they are, other values from the least to the greatest."""
    if image.dtype == np.uint8:
        return grey(image)
    low, high = float(image.min()), float(image.max())
    return grey(np.rint((image - low) * (255 / max(high - low, 1e-9))).astype(np.uint8))


def _coloured(
    true: Bool[np.ndarray, "y x"], claimed: Bool[np.ndarray, "y x"], scored: Bool[np.ndarray, "y x"]
) -> UInt8[np.ndarray, "y x 3"]:
    kinds = (true & claimed, claimed & ~true, true & ~claimed, ~scored)
    picture = np.zeros((*true.shape, 3), np.uint8)
    for kind, colour in zip(kinds, COLOURS.values(), strict=True):
        picture[kind] = colour
    return picture


def _in_rows(
    panels: list[UInt8[np.ndarray, "y x 3"]], pixel_nm: tuple[float, float]
) -> Image.Image:
    nm_per_pixel = panels[0].shape[1] * pixel_nm[1] / PANEL
    shrunk = nm_per_pixel > pixel_nm[1]
    pictures = [to_scale(panel, pixel_nm, nm_per_pixel, smooth=shrunk) for panel in panels]
    add_scale_bar(pictures[0], nm_per_pixel)
    width, height = pictures[0].width + GAP, pictures[0].height + GAP
    sheet = Image.new("RGB", (2 * width - GAP, -(-len(panels) // 2) * height - GAP), (255,) * 3)
    for number, picture in enumerate(pictures):
        sheet.paste(picture, (number % 2 * width, number // 2 * height))
    return sheet
