"""The weights of a reconstruction, and whether they suit the image."""

import dataclasses
import logging
from pathlib import Path
from typing import Any

import numpy as np

from configs.reconstruction import Agglomeration, ReconstructRun
from data.volume import Volume
from experiments.reconstruction.stages.prediction import digest, offsets
from models.cross_weights import KIND, load_cross_weights
from models.edge_classifier import load_classifier
from models.merge_weights import KIND as MERGENET
from models.merge_weights import load_merge_weights
from models.pretrained_weights import find_weights
from models.weights import load_weights, read_card
from ops.segmentation.edge_features import NAMES
from ops.synapses.rules import Rules

log = logging.getLogger(__name__)
PREFERRED = ("affinity", "membrane")  # of shipped weights of one name
SEGMENTERS = ("watershed", "3c")
EVIDENCE = ("cleft", "membrane", "vesicle")  # of synapses
FAR_OFF = 1.25  # times the voxel size that a network was trained at


def choose_weights(name: str) -> Path:
    """The file that is meant; of a shipped name with several, affinities before membranes.

    Raises:
        FileNotFoundError: no such weights.
        ValueError: a network that answers neither affinities nor membranes.
    """
    path = _find(name)
    architecture, _ = load_weights(path)
    if not offsets(architecture.outputs) and "membrane" not in architecture.outputs:
        raise ValueError(
            f"{path}: got a network of {', '.join(architecture.outputs)}; needs one of affinities "
            "or membranes to segment with"
        )
    return path


def with_calibration(config: ReconstructRun, weights: Path) -> ReconstructRun:
    """The config, with what it leaves open of the agglomeration as a card says.

    That is the card of the classifier, if the config names one, else that of the cross-classifier
    if there is one, else that of the weights.

    Raises:
        ValueError: neither says how far to join regions; a classifier beside a linkage, or one
            that has learnt from the answers of another network.
        FileNotFoundError: no such classifier.
    """
    given = {k: v for k, v in dataclasses.asdict(config.agglomeration).items() if v is not None}
    if "classifier" in given:
        return dataclasses.replace(config, agglomeration=_learned(given, weights))
    weights = tracker_weights(config) or weights
    found = read_card(weights).get("agglomeration", {})
    _check_threshold({**found, **given}, weights)
    chosen: dict[str, Any] = {"linkage": "mean", "quantile": 0.5, **found, **given}
    return dataclasses.replace(config, agglomeration=Agglomeration(**chosen))


def _learned(given: dict[str, Any], weights: Path) -> Agglomeration:
    """The agglomeration by a classifier."""
    if {"linkage", "quantile"} & given.keys():
        raise ValueError(
            f"got agglomeration.classifier={given['classifier']} with a linkage or quantile; needs "
            "one of them: a classifier's edges are joined by the mean"
        )
    path = find_weights(given["classifier"])
    load_classifier(path, NAMES)
    card = read_card(path)
    if card.get("network") not in (None, digest(weights)):
        raise ValueError(
            f"{path}: got a classifier that has learnt from the answers of {card['weights']}, for "
            f"those of {weights}; needs one for them: python -m experiments.train "
            f"model=agglomeration weights={weights}"
        )
    chosen = {**card.get("agglomeration", {}), **given}
    _check_threshold(chosen, path)
    return Agglomeration(chosen["threshold"], "mean", 0.5, given["classifier"])


def _check_threshold(chosen: dict[str, Any], path: Path) -> None:
    if "threshold" not in chosen:
        raise ValueError(
            f"{path}: its card says not how far to join regions; needs agglomeration.threshold, "
            "in [0, 1], such as python -m experiments.calibrate finds"
        )


def tracker_weights(config: ReconstructRun) -> Path | None:
    """The file of the cross-classifier; None where the segmenter needs none.

    Raises:
        ValueError: another segmenter than watershed or 3c, or other weights.
        FileNotFoundError: no such weights, or a set without a cross-classifier.
    """
    if config.segmenter not in SEGMENTERS:
        raise ValueError(f"got segmenter={config.segmenter}; needs {' or '.join(SEGMENTERS)}")
    if config.segmenter == "watershed":
        return None
    named = config.cross_classifier
    path = find_weights(named) if named else _tracker_of_set(config.weights)
    load_cross_weights(path)
    return path


def merge_weights(config: ReconstructRun) -> Path | None:
    """The file of the MergeNet; None where it is not asked for, or the set has none.

    Raises:
        ValueError: other weights.
        FileNotFoundError: weights that are asked for by name, but are not there.
    """
    name = config.merge_errors.weights
    if name == "none":
        return None
    try:
        path = find_weights(name or f"{config.weights.split('/')[0]}/{MERGENET}")
    except FileNotFoundError:
        if name:
            raise
        return None
    load_merge_weights(path)
    return path


def _tracker_of_set(name: str) -> Path:
    try:
        return find_weights(f"{name.split('/')[0]}/{KIND}")
    except FileNotFoundError as error:
        raise FileNotFoundError(
            f"{name}: comes without a cross-classifier; needs segmenter=watershed, or "
            f"cross_classifier=NAME: one that is shipped, as phantom/{KIND}, or a run directory of "
            "experiments.train model=cross_classifier"
        ) from error


def synapse_weights(config: ReconstructRun, weights: Path) -> dict[str, Path]:
    """The files of the networks that tell of synapses, by output; none without clefts.

    Args:
        config: of the run.
        weights: of the network that segments, which may have these outputs too.

    Raises:
        FileNotFoundError: weights that are asked for by name, but are not there.
        ValueError: other evidence than `EVIDENCE`, or a network without the output asked for.
    """
    if unknown := set(config.synapses.evidence) - set(EVIDENCE):
        known = ", ".join(EVIDENCE)
        raise ValueError(f"got synapses.evidence with {sorted(unknown)}; needs some of {known}")
    asked = {"cleft": config.synapses.cleft, "vesicle": config.synapses.vesicle}
    found = {
        output: _of_set(config.weights, output, weights) if name is None else find_weights(name)
        for output, name in asked.items()
        if output in config.synapses.evidence
    }
    chosen = {output: path for output, path in found.items() if path is not None}
    for output, path in chosen.items():
        if output not in (outputs := load_weights(path)[0].outputs):
            raise ValueError(
                f"{path}: got a network of {', '.join(outputs)}; needs one of {output}"
            )
    if "cleft" in chosen and "vesicle" in config.synapses.evidence and "vesicle" not in chosen:
        log.warning(
            "%s: has no weights of vesicles, so that no synapse has a direction and the graph no "
            "edges; needs synapses.vesicle=NAME (python -m experiments.reconstruct --help)",
            config.weights,
        )
    return chosen if "cleft" in chosen else {}


def synapse_rules(config: ReconstructRun, cleft: Path) -> Rules:
    """The rules, with what the config leaves open as the card of the weights of clefts says.

    Raises:
        ValueError: a number out of range.
    """
    given = dataclasses.asdict(config.synapses.rules)
    given = {name: value for name, value in given.items() if value is not None}
    return Rules(**{**read_card(cleft).get("synapse_rules", {}), **given})


def _of_set(name: str, output: str, weights: Path) -> Path | None:
    """The weights of an output in the set of a name, or those that segment if they have it too."""
    if output in load_weights(weights)[0].outputs:
        return weights
    try:
        return find_weights(f"{name}/{output}")
    except FileNotFoundError:
        return None


def _find(name: str) -> Path:
    for output in PREFERRED:
        try:
            return find_weights(f"{name}/{output}")
        except FileNotFoundError:
            continue
    return find_weights(name)


def trained_size(weights: Path) -> tuple[float, float, float]:
    """Edge lengths (z, y, x) of the voxels that a network was trained on, in nm.

    Raises:
        ValueError: where its card does not say.
    """
    size = read_card(weights).get("voxel_size_nm")
    if size is None:
        raise ValueError(f"{weights}: its card says no voxel size; needs resample=false")
    z, y, x = (float(edge) for edge in size)
    return z, y, x


def compare_sizes(weights: Path, image: Volume) -> None:
    """Warns where the image's voxels are of another size than those trained on."""
    trained = read_card(weights).get("voxel_size_nm")
    if trained is None:
        return
    ratio = np.divide(image.voxel_size_nm, trained)
    if max(ratio.max(), 1 / ratio.min()) > FAR_OFF:
        log.warning(
            "%s: got voxels of %s nm, and weights trained on %s nm: expect errors, or say "
            "resample=true",
            image.name,
            image.voxel_size_nm,
            tuple(trained),
        )
