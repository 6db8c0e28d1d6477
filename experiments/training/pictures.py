"""A section with what a network found beside what is true."""

from pathlib import Path

import numpy as np
from jaxtyping import Float32, UInt8
from PIL import Image

from data.normalisation import as_grey
from experiments.training.layers import Layers
from experiments.training.targets import targets_of

EDGE = 512  # pixels shown along each side, at most
GAP = 4


def draw_sample(
    folder: Path,
    stack: Layers,
    prediction: Float32[np.ndarray, "z y x c"],
    outputs: tuple[str, ...],
) -> Path:
    """Writes sample.png: image, and for each output (three at most) prediction over truth."""
    folder.mkdir(parents=True, exist_ok=True)
    z = _fullest_section(stack, outputs)
    part = (slice(z, z + 1), *(slice(0, min(EDGE, n)) for n in prediction.shape[1:3]))
    crops = {name: volume[part].read()[None] for name, volume in stack.items() if name != "image"}
    truth = targets_of(crops, outputs)[0][0, 0]
    image = _grey(as_grey(stack["image"][part].read())[0])
    rows = [
        np.hstack(
            [
                _framed(image),
                _framed(_grey(prediction[part][0, ..., c])),
                _framed(_grey(truth[..., c])),
            ]
        )
        for c in range(min(3, len(outputs)))
    ]
    path = folder / "sample.png"
    Image.fromarray(np.vstack(rows)).save(path)
    return path


def _fullest_section(stack: Layers, outputs: tuple[str, ...]) -> int:
    """The section with most of the labels that are rare; the middle one where none are."""
    rare = [name for name in ("clefts", "vesicles") if name in stack]
    if not rare:
        return stack["image"].shape[0] // 2
    return int(np.argmax(stack[rare[0]].read().sum((1, 2))))


def _grey(values: np.ndarray) -> UInt8[np.ndarray, "y x"]:
    return np.rint(255 * np.clip(values, 0, 1)).astype(np.uint8)


def _framed(panel: UInt8[np.ndarray, "_ _"]) -> UInt8[np.ndarray, "_ _"]:
    return np.pad(panel, GAP, constant_values=255)
