"""Synapses as objects: how they are cut out of a probability map, and which of them were found.

Source: Roncal et al., VESICLE: Volumetric Evaluation of Synaptic Interfaces using Computer Vision
at Large Scale, BMVC 2015, arXiv:1403.3724; github.com/neurodata/vesicle,
packages/vesiclerf/tools/pr_evaluate_full.m. Its rule depends on the order of the true synapses
and does not penalise fragments: report the one-to-one scores beside it.
"""

import math

import numpy as np
from jaxtyping import Bool, Float, Int64, Shaped
from scipy import ndimage

from ops.metrics.assignment import heaviest_matching
from ops.metrics.contingency import Contingency, check_labels, count_pairs
from ops.metrics.matches import Matches, match_metrics
from ops.metrics.metric import Metric, Setting

CONNECTED_6 = ndimage.generate_binary_structure(3, 1)
CONNECTED_18 = ndimage.generate_binary_structure(3, 2)
CONNECTED_4 = CONNECTED_6 & np.array([False, True, False])[:, None, None]  # within a section


def vesicle_objects(
    probability: Float[np.ndarray, "z y x"],
    threshold: int | float,
    *,
    min_size_2d: int,
    max_size_2d: int,
    min_size_3d: int,
    min_slices: int,
) -> Int64[np.ndarray, "z y x"]:
    """Synapses detected in a probability map, as labels 1, 2, ...

    Voxels at or above the threshold are kept; then, in this order, those whose 4-connected
    component within their section has a size in range; those whose 6-connected component is
    large enough; and the 18-connected components present in enough sections.

    Args:
        probability: of a synapse, in [0, 1].
        threshold: lowest probability kept.
        min_size_2d: fewest pixels of a component in a section.
        max_size_2d: most pixels of a component in a section.
        min_size_3d: fewest voxels of a 6-connected component.
        min_slices: fewest distinct sections of an 18-connected component.

    Raises:
        ValueError: a NaN among the probabilities, or as the threshold.
    """
    if math.isnan(threshold) or np.isnan(probability).any():
        raise ValueError("got NaN; needs a number as the threshold and for every voxel")
    mask = _sized(probability >= threshold, CONNECTED_4, min_size_2d, max_size_2d)
    mask = _sized(mask, CONNECTED_6, min_size_3d, mask.size)
    labels, count = ndimage.label(mask, CONNECTED_18)
    sections, ids = np.nonzero(mask)[0], labels[mask].astype(np.int64)
    seen = np.unique(ids * len(mask) + sections) // max(1, len(mask))
    kept = np.bincount(seen, minlength=count + 1) >= max(1, min_slices)
    return (np.cumsum(kept) * kept)[labels]


def truth_components(truth: Shaped[np.ndarray, "z y x"]) -> Int64[np.ndarray, "z y x"]:
    """The 18-connected components of the voxels that are not 0, as labels 1, 2, ... in order.

    The order is that in which MATLAB's bwconncomp meets them in an array (y, x, z), y fastest:
    by the first voxel of each, sorted by z, then x, then y. The VESICLE rule depends on it.

    Args:
        truth: booleans, or integers >= 0.

    Raises:
        ValueError: floats, or a negative label.
    """
    if truth.dtype != bool:
        check_labels(truth, "truth")
    labels, count = ndimage.label(truth != 0, CONNECTED_18)
    met = labels.transpose(0, 2, 1).ravel()
    ids, first = np.unique(met[met != 0], return_index=True)
    renamed = np.zeros(count + 1, np.int64)
    renamed[ids[np.argsort(first)]] = np.arange(1, count + 1)
    return renamed[labels]


def vesicle_rule(
    truth: Shaped[np.ndarray, "z y x"],
    detections: Shaped[np.ndarray, "z y x"],
    min_overlap: int = 10,
) -> Matches:
    """`vesicle_rule_from_table` of the components of the truth and the detections' labels."""
    return vesicle_rule_from_table(count_pairs(truth_components(truth), detections), min_overlap)


def one_to_one(
    truth_labels: Shaped[np.ndarray, "z y x"],
    detection_labels: Shaped[np.ndarray, "z y x"],
    min_overlap: int = 10,
) -> Matches:
    """`one_to_one_from_table` of two arrays of labels."""
    return one_to_one_from_table(count_pairs(truth_labels, detection_labels), min_overlap)


def vesicle_rule_from_table(table: Contingency, min_overlap: int = 10) -> Matches:
    """The VESICLE rule.

    Of the true objects in turn, each that has at least min_overlap voxels in common with the
    detections that remain, taken together, is found, and all detections that it touches are then
    removed. False positives are the detections, of all at first, with fewer than min_overlap
    voxels of truth.

    Args:
        table: of truth and detections over the whole volume, background included. The numeric
            order of the true labels is the order of the loop: see `truth_components`.
        min_overlap: in voxels, >= 1.

    Raises:
        ValueError: if min_overlap is below 1.
    """
    _check_overlap(min_overlap)
    hits = _objects(table)
    found = _found_in_turn(hits, min_overlap)
    _, overlaps = hits.prediction_sizes()
    truths, detections = _count_objects(table)
    right = int(np.count_nonzero(overlaps >= min_overlap))
    return Matches(found, detections - right, truths - found)


def one_to_one_from_table(table: Contingency, min_overlap: int = 10) -> Matches:
    """As many objects as possible matched to one detection each, then with the most overlap.

    Only pairs with at least min_overlap voxels in common may match. Arguments and errors are
    those of `vesicle_rule_from_table`; the order does not matter.
    """
    _check_overlap(min_overlap)
    pairs = _objects(table.where(table.counts >= min_overlap))
    weights = (pairs.counts + pairs.total + 1).astype(np.float64)
    found = len(heaviest_matching(pairs.truth, pairs.prediction, weights))
    truths, detections = _count_objects(table)
    return Matches(found, detections - found, truths - found)


def synapse_object_metrics(table: Contingency, min_overlap: int = 10) -> tuple[Metric, ...]:
    """Precision, recall and F1 under both rules: conventions "vesicle2015" and "one_to_one".

    Args:
        table: `count_pairs(truth_components(truth), detections)`, or the sum of its blocks.
        min_overlap: in voxels, >= 1.

    Raises:
        ValueError: if min_overlap is below 1.
    """
    settings: dict[str, Setting] = {"min_overlap_voxels": min_overlap}
    vesicle = vesicle_rule_from_table(table, min_overlap)
    single = one_to_one_from_table(table, min_overlap)
    return (
        *match_metrics(vesicle, "vesicle2015", "synapse_", settings),
        *match_metrics(single, "one_to_one", "synapse_", settings),
    )


def _sized(mask, structure, smallest: int, largest: int) -> Bool[np.ndarray, "z y x"]:
    """The components of the mask with a size in range."""
    labels, _ = ndimage.label(mask, structure)
    sizes = np.bincount(labels.ravel())
    kept = (sizes >= smallest) & (sizes <= largest)
    kept[:1] = False
    return kept[labels]


def _check_overlap(min_overlap: int) -> None:
    if min_overlap < 1:
        raise ValueError(f"got min_overlap={min_overlap}; needs a number of voxels, >= 1")


def _objects(table: Contingency) -> Contingency:
    return table.where((table.truth != 0) & (table.prediction != 0))


def _count_objects(table: Contingency) -> tuple[int, int]:
    """Labels other than 0 in the truth, and in the prediction."""
    truths, detections = (np.unique(ids) for ids in (table.truth, table.prediction))
    return int(np.count_nonzero(truths)), int(np.count_nonzero(detections))


def _found_in_turn(hits: Contingency, min_overlap: int) -> int:
    detected, detection = np.unique(hits.prediction, return_inverse=True)
    _, starts = np.unique(hits.truth, return_index=True)
    remaining = np.ones(len(detected), bool)
    found = 0
    for rows in np.split(np.arange(len(detection)), starts[1:]):
        touched = detection[rows]
        if hits.counts[rows][remaining[touched]].sum() >= min_overlap:
            found += 1
            remaining[touched] = False
    return found
