"""The stages of `python -m experiments.contact_sheet`."""

import logging
import shutil
from pathlib import Path

from configs.schema import ContactSheetRun, NamedData, Pair
from data.datasets.root import root_if_set
from data.volume import Volume
from experiments.run_record import environment, write_json
from experiments.sheet.drawing import Row, draw_sheet
from experiments.source import open_source

GREY_LEVELS = 20  # of the PNG: few enough for a small file, too many to see
log = logging.getLogger(__name__)


def run(config: ContactSheetRun, folder: Path) -> None:
    """Draws the sheet of a config into the folder, and copies it to the place asked for."""
    write_json(folder / "environment.json", environment())
    sheet = draw_sheet([_row(pair, config.seed) for pair in config.pairs.values()])
    path, output = folder / "contact_sheet.png", Path(config.output)
    sheet.quantize(GREY_LEVELS).save(path, optimize=True)
    output.parent.mkdir(parents=True, exist_ok=True)
    shutil.copyfile(path, output)
    log.info("contact sheet: %s (%.1f MB)", output, path.stat().st_size / 1e6)


def _row(pair: Pair, seed: int) -> Row:
    phantom = open_source(pair.phantom, seed).volumes[0]["image"]
    return Row(pair.title, _real_image(pair.real, phantom), phantom)


def _real_image(data: NamedData, like: Volume) -> Volume | None:
    """The middle of a real image, as large as the phantom's; None where its files are not here."""
    if root_if_set(data.root) is None:
        return None
    try:
        image = open_source(data, seed=0).volumes[0]["image"]
    except FileNotFoundError as error:
        log.warning("%s", error)
        return None
    return image[tuple(_middle(*sizes) for sizes in zip(image.shape, like.shape, strict=True))]


def _middle(size: int, wanted: int) -> slice:
    start = max(0, (size - wanted) // 2)
    return slice(start, start + wanted)
