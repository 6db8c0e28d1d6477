"""What the report says of following regions by cross-classification: a pair of sections, drawn."""

import io
from collections.abc import Mapping, Sequence
from pathlib import Path

import numpy as np
from matplotlib.figure import Figure
from PIL import Image

from data.normalisation import GreyScale
from data.opening import open_volume
from data.volume import Volume
from experiments.reconstruction.lost import describe_lost
from experiments.reconstruction.stages.cutting import SUPERVOXELS
from experiments.reconstruction.tracked_pair import (
    TrackedPair,
    errors_of,
    middle_pair,
    track_pair,
)
from experiments.report import page
from experiments.report.colours import grey
from experiments.report.tracking import (
    MISSED,
    WRONG,
    coloured,
    draw_rows,
    letter_colours,
    marked,
    outlined,
)
from models.cross_weights import load_cross_classifier

CODES, STEPS = "tracking_codes.png", "tracking_steps.png"
SHADES = 96  # of a stored picture, which is small then


def tracking_sections(
    run: Path,
    volumes: Mapping[str, Volume],
    lost: Sequence[int],
    weights: Path,
    scale: GreyScale,
) -> list[str]:
    """The section of the report; its pictures are left in the run directory too.

    Args:
        run: the run directory.
        volumes: image, membrane, and the true neurites if there are some.
        lost: sections that could not be followed.
        weights: of the cross-classifier.
        scale: of the image's grey values.
    """
    depth = volumes["image"].shape[0]
    said = [page.text(words) for words in describe_lost(lost, depth)]
    said = said or [page.text("No section was lost.")]
    pair = middle_pair(depth, lost)
    if pair is None:
        return [page.section("Following regions", *said)]
    shown = {name: volumes[name] for name in ("image", "membrane", "neurites") if name in volumes}
    shown["supervoxels"] = open_volume(str(run / SUPERVOXELS))
    found = track_pair(shown, pair, load_cross_classifier(weights), scale)
    codes, steps = draw_codes(found), draw_steps(found)
    for name, figure in ((CODES, codes), (STEPS, steps)):
        save_small(figure, run / name)
    return [
        page.section(
            "Following regions",
            *said,
            page.plot(codes, _codes_in_words(found)),
            page.plot(steps, _steps_in_words(found)),
            *([_key()] if found.truth else []),
        )
    ]


def draw_codes(pair: TrackedPair) -> Figure:
    """A picture for each digit: as the source was painted, and as the target was answered."""
    palette = letter_colours(pair.letters)
    above = {"image": _image(pair, 0)}
    below = {"image": _image(pair, 1)}
    for number, (painted, answer) in enumerate(zip(pair.painted, pair.answers, strict=True)):
        above[f"digit {number + 1}, painted"] = outlined(palette[painted], pair.regions[0])
        below[f"digit {number + 1}, answered"] = palette[answer]
    rows = {f"section {pair.source}": above, f"section {pair.target}": below}
    return draw_rows(rows, panel=2.1)


def draw_steps(pair: TrackedPair) -> Figure:
    """Regions, where they go on, how sure that is, and what of it is wrong."""
    before, now = _image(pair, 0), _image(pair, 1)
    ids = {
        f"regions of section {pair.source}": coloured(before, pair.regions[0]),
        f"where they go on in section {pair.target}": coloured(now, pair.tracked),
    }
    judged = {"confidence": pair.confidence}
    if pair.truth:
        errors = errors_of(pair)
        judged["errors"] = marked(now, errors.wrong, errors.missed)
    return draw_rows({"ids": ids, "how good": judged}, panel=3.6)


def save_small(figure: Figure, path: Path) -> None:
    """Writes a PNG of few shades."""
    buffer = io.BytesIO()
    figure.savefig(buffer, format="png", dpi=110)
    drawn = Image.open(buffer).convert("RGB")
    drawn.quantize(SHADES, dither=Image.Dither.NONE).save(path, optimize=True)


def _image(pair: TrackedPair, which: int) -> np.ndarray:
    return grey((255 * pair.images[which]).clip(0, 255).astype(np.uint8))


def _codes_in_words(pair: TrackedPair) -> str:
    regions, digits = len(np.unique(pair.regions[0][pair.regions[0] > 0])), len(pair.painted)
    width_um = pair.regions[0].shape[1] * pair.pixel_nm[1] / 1000
    return (
        f"How {regions} regions of section {pair.source} are told apart by {digits} pictures of "
        f"{pair.letters} colours; the field is {width_um:.1f} µm wide. Above: each region has a "
        f"word of {digits} letters, and is painted in the colour of one letter in each picture; "
        "regions of one colour here differ in another picture. Below: where the network, which "
        "sees both sections and one picture at a time, says that the colours go on in section "
        f"{pair.target}; white is none. The code is one made for this field alone."
    )


def _steps_in_words(pair: TrackedPair) -> str:
    words = (
        f"What the pictures say together. A pixel of section {pair.target} has the colour of that "
        f"region of section {pair.source} whose word its letters spell; it has none where they "
        "spell no region's word, or not surely. Confidence: white is sure, black is not."
    )
    if not pair.truth:
        return words
    errors = errors_of(pair)
    known = max(1, int(errors.known.sum()))
    wrong, missed = (100 * mask.sum() / known for mask in (errors.wrong, errors.missed))
    return (
        f"{words} Errors, by the truth: {wrong:.1f} % of the pixels belong to another neurite than "
        f"most of the region that they were given to (red), {missed:.1f} % were given to none "
        "though the source section shows their neurite (yellow)."
    )


def _key() -> str:
    return page.colour_key({"another neurite's": WRONG, "given to none": MISSED})
