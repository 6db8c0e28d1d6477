"""How well a MergeNet tells merges made by program from single objects, and where it sees them."""

from pathlib import Path

import numpy as np
from jaxtyping import Bool, Float32
from PIL import Image

from data.merging.contacts import contact_voxels
from experiments.training.merge_data import MergeData
from experiments.training.validation import Validation
from models.merge_scan import probabilities, scan
from models.mergenet import MergeNet
from ops.metrics.calibration import brier_score, expected_calibration_error
from ops.metrics.pixels import average_precision, count_levels, roc_auc
from ops.shape_windows import around, points_along

SPACING_NM = 200.0  # of the places at which a merged object is looked at
LOCALISED = 40  # merged objects that the heat map is drawn of, at most
REACH = 2  # windows around the merge in which the object is looked at, along each axis
SHOWN = 8  # windows of each kind in the picture
SCALE, GAP = 3, 4  # of the picture

Windows = Bool[np.ndarray, "n z y x"]


def validate(network: MergeNet, data: MergeData, folder: Path) -> Validation:
    """Scores a network on windows, and on whole merged objects.

    * roc_auc, the score; average_precision; calibration_error, in 15 bins; brier: of windows;
    * localisation_nm: median distance of the heat map's maximum along a merged object to the
      nearest voxel of the true contact; absent for digits.
    """
    windows, merged = all_windows(data)
    found = probabilities(network, windows)
    histogram = count_levels(found, merged)
    values = {
        "roc_auc": roc_auc(histogram),
        "average_precision": average_precision(histogram),
        "calibration_error": expected_calibration_error(histogram),
        "brier": brier_score(histogram),
    }
    distances = localisation(network, data)
    if len(distances):
        values["localisation_nm"] = float(np.median(distances))
    return Validation(values, values["roc_auc"], {"sample": draw(windows, found, folder)})


def all_windows(data: MergeData) -> tuple[Windows, Bool[np.ndarray, " n"]]:
    """The windows of all examples, and which of them are merges."""
    examples = np.arange(2 * data.source.pairs)
    still = np.zeros((len(examples), 3), np.int64)
    return data.source.cut(examples, still), examples % 2 == 0


def localisation(network: MergeNet, data: MergeData) -> Float32[np.ndarray, " n"]:
    """For some merged objects, how far the likeliest place lies from the true contact, in nm.

    Of a large object only what lies within REACH windows about the merge is looked at.
    """
    found, reach = [], [REACH * n for n in network.architecture.window]
    for shapes, examples in data.volumes:
        pairs, first = np.unique(examples.ids[::2], axis=0, return_index=True)
        chosen = np.random.default_rng(0).permutation(len(pairs))[: LOCALISED // len(data.volumes)]
        for number in np.sort(chosen):
            near = around(examples.centres[2 * first[number]].tolist(), reach)
            labels = np.ascontiguousarray(shapes.labels[near])
            found.append(_distance(network, labels, pairs[number], shapes.voxel_nm))
    return np.array(found, np.float32)


def _distance(network: MergeNet, labels, pair, voxel_nm: float) -> float:
    """From the maximum of the heat map of two objects as one to where they touch."""
    whole = np.isin(labels, pair).astype(np.uint8)
    centres, ids = points_along(whole, max(1, round(SPACING_NM / voxel_nm)), 1)
    heat = scan(network, whole, ids[:, None], centres)
    contact = contact_voxels(labels, pair)
    return voxel_nm * float(np.linalg.norm(contact - centres[heat.argmax()], axis=1).min())


def draw(windows: Windows, found: Float32[np.ndarray, " n"], folder: Path) -> Path:
    """Writes sample.png: merges above, matches below, seen along z; a bar for each answer."""
    folder.mkdir(parents=True, exist_ok=True)
    chosen = np.linspace(0, len(windows) // 2 - 1, min(SHOWN, len(windows) // 2)).astype(int)
    rows = [
        np.hstack([_panel(windows[i], float(found[i])) for i in 2 * chosen + kind])
        for kind in (0, 1)
    ]
    path = folder / "sample.png"
    Image.fromarray(np.vstack(rows)).save(path)
    return path


def _panel(window: Bool[np.ndarray, "z y x"], probability: float) -> np.ndarray:
    """How much of each column is in the object, over a bar as long as the probability."""
    depth = np.sqrt(window.mean(axis=0) / max(window.mean(axis=0).max(), 1e-6))
    image = np.rint(255 * depth).astype(np.uint8).repeat(SCALE, axis=0).repeat(SCALE, axis=1)
    bar = np.where(np.arange(image.shape[1]) < probability * image.shape[1], 255, 60)
    whole = np.vstack([image, np.repeat(bar[None].astype(np.uint8), GAP, axis=0)])
    return np.pad(whole, GAP, constant_values=128)
