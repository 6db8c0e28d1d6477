"""The stages of `python -m experiments.contact_sheet`."""

import logging
import shutil
from collections.abc import Sequence
from pathlib import Path

from configs.schema import ContactSheetRun, Pair
from configs.sources import NamedData
from data.datasets.root import root_if_set
from data.volume import Volume
from experiments.run_record import environment, write_json
from experiments.sheet.drawing import Row, draw_sheet
from experiments.source import open_source

GREY_LEVELS = 24  # of the PNG, evenly spaced: few enough for a small file, too many to see
log = logging.getLogger(__name__)


def run(config: ContactSheetRun, folder: Path) -> None:
    """Draws the sheet of a config into the folder, and copies it where the config says so.

    A sheet that lacks real sets does not replace one that is there.
    """
    write_json(folder / "environment.json", environment())
    rows = [_row(pair, config.seed) for pair in config.pairs.values()]
    sheet = draw_sheet(rows)
    path = folder / "contact_sheet.png"
    step = 255 / (GREY_LEVELS - 1)
    sheet.point([round(round(grey / step) * step) for grey in range(256)]).save(path, optimize=True)
    log.info("contact sheet: %s (%.1f MB)", path, path.stat().st_size / 1e6)
    if config.output is None:
        return
    output = Path(config.output)
    if output.exists() and any(row.real is None for row in rows):
        log.warning("%s is kept as it was: the new sheet lacks real sets", output)
        return
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, output)
    log.info("copied to %s", output)


def _row(pair: Pair, seed: int) -> Row:
    phantom = open_source(pair.phantom, seed).volumes[0]["image"]
    real = _real_image(pair.real)
    if real is None:
        return Row(pair.title, None, phantom)
    shape = [min(sizes) for sizes in zip(real.shape, phantom.shape, strict=True)]
    return Row(pair.title, _middle(real, shape), _middle(phantom, shape))


def _real_image(data: NamedData) -> Volume | None:
    """The image of a real set; None where its files are not here."""
    if root_if_set(data.root) is None:
        return None
    try:
        return open_source(data, seed=0).volumes[0]["image"]
    except FileNotFoundError as error:
        log.warning("%s", error)
        return None


def _middle(image: Volume, shape: Sequence[int]) -> Volume:
    starts = [(size - n) // 2 for size, n in zip(image.shape, shape, strict=True)]
    return image[tuple(slice(s, s + n) for s, n in zip(starts, shape, strict=True))]
