"""The constants of the rules of synapses, chosen where the truth is known."""

import dataclasses
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import Any

import numpy as np
from jaxtyping import Bool, Float64
from scipy.optimize import minimize_scalar
from tqdm import tqdm

from configs.reconstruction import ReconstructRun
from data.opening import open_volume
from data.volume import Volume
from experiments.evaluation.lookup import inside_of
from experiments.reconstruction.settings import config_of
from experiments.reconstruction.source import origin_of
from experiments.reconstruction.stages.labelling import SEGMENTATION
from experiments.reconstruction.stages.prediction import CLEFT, MEMBRANE, VESICLES
from experiments.reconstruction.synapse_scoring import true_sites
from experiments.reconstruction.weights import choose_weights, synapse_rules, synapse_weights
from ops.metrics.contingency import count_pairs
from ops.metrics.partners import Partners, compare_polarity, match_partners
from ops.metrics.positions import look_up
from ops.metrics.synapse_objects import one_to_one_from_table, truth_components
from ops.synapses.find import find_synapses
from ops.synapses.rules import Rules
from ops.synapses.table import Synapses

# One constant after the other is tried at all of its values, the most important first, twice; of
# values that score the same the middle one is taken.
TRIED: dict[str, tuple[float, ...]] = {
    "cleft_probability": tuple(np.round(np.arange(0.1, 0.96, 0.05), 2).tolist()),
    "least_nm3": (1e5, 2e5, 3e5, 4e5, 6e5, 8e5, 1.2e6),
    "least_vesicles_nm3": (1, 5e4, 1e5, 2e5, 4e5, 8e5, 1.6e6),
    "vesicle_probability": (0.3, 0.4, 0.5, 0.6, 0.7, 0.8, 0.9),
    "vesicle_reach_nm": (150, 200, 250, 300, 400),
    "least_asymmetry": (0, 0.1, 0.2, 0.4, 0.6),
    "least_section_nm2": (0, 500, 1000, 2000),
    "least_sections": (1, 2, 3, 4),
    "membrane_distance_nm": (15, 30, 60),
    "shell_nm": (30, 40, 50, 70),
    "least_partner_share": (0.05, 0.1, 0.2),
}
ROUNDS = 2
STEEPEST = 40.0


@dataclasses.dataclass(frozen=True)
class Case:
    """A reconstructed volume in memory, and its truth.

    Attributes:
        maps: arguments of `find_synapses`.
        truth: labels of true synapses.
        neurites: the true ones, and true partners among them; None where they are unknown.
        partners: likewise, in nm from the corner of voxel 0.
    """

    maps: dict[str, Any]
    truth: np.ndarray
    neurites: np.ndarray | None
    partners: Partners | None


def calibrate_synapses(run: Path) -> tuple[Rules, list[dict[str, Any]]]:
    """The best rules found, and what was tried with its scores, they themselves last.

    Best is the mean of two F1 scores: of synapses, one to one, and of partners with their
    direction, as far as there is a truth and there are vesicles. Only constants that matter to the
    evidence of the run are tried.

    Raises:
        FileNotFoundError: a folder that is no run directory with maps of clefts.
        ValueError: data without true clefts.
    """
    config = config_of(run)
    case, rules = read_case(run, config), started(config)
    rows = [{**dataclasses.asdict(rules), **try_rules(case, rules)}]
    for name in tqdm([name for _ in range(ROUNDS) for name in TRIED if _matters(name, case)]):
        others = [dataclasses.replace(rules, **{name: value}) for value in TRIED[name]]
        tried = [{**dataclasses.asdict(other), **try_rules(case, other)} for other in others]
        most = max(row["score"] for row in tried)
        best = [other for other, row in zip(others, tried, strict=True) if row["score"] == most]
        if most >= max(row["score"] for row in rows):
            rules = best[len(best) // 2]  # far from where it would fail on other tissue
        rows += tried
    chosen = {**dataclasses.asdict(rules), **try_rules(case, rules)}
    rules = with_steepness(case, rules)
    return rules, [*rows, {**chosen, "steepness": rules.steepness}]


def started(config: ReconstructRun) -> Rules:
    """The rules of the run."""
    weights = choose_weights(config.weights)
    return synapse_rules(config, synapse_weights(config, weights)["cleft"])


def read_case(run: Path, config: ReconstructRun) -> Case:
    """The maps of a run as its evidence asks for, and the truth of its data."""
    if not (run / CLEFT / "zarr.json").exists():
        raise FileNotFoundError(f"{run}: needs a run directory of reconstruct with {CLEFT}")
    layers = origin_of(config.data, config.seed).layers()
    if not {"cleft_ids", "clefts"} & layers.keys():
        raise ValueError(f"{run}: its data have no true clefts to be compared with")
    names = {"cleft": CLEFT, "membrane": MEMBRANE, "vesicle": VESICLES}
    names = {n: file for n, file in names.items() if n in config.synapses.evidence}
    names = {n: file for n, file in names.items() if (run / file / "zarr.json").exists()}
    maps: dict[str, Any] = {n: open_volume(str(run / f)).read() for n, f in names.items()}
    segments = layers["neurites"] if config.synapses.true_neurites else _open(run, SEGMENTATION)
    maps |= {"segmentation": segments.read(), "voxel_size_nm": layers["image"].voxel_size_nm}
    ids = layers["cleft_ids"].read() if "cleft_ids" in layers else None
    truth = truth_components(layers["clefts"].read()) if ids is None else ids
    return Case(maps, truth, *_true_partners(config, layers))


def _open(run: Path, name: str) -> Volume:
    return open_volume(str(run / name))


def _true_partners(
    config: ReconstructRun, layers: Mapping[str, Volume]
) -> tuple[np.ndarray | None, Partners | None]:
    sites = true_sites(config.data, config.seed)
    if sites is None or "neurites" not in layers:
        return None, None
    neurites = layers["neurites"]
    inside = inside_of(neurites, sites[0]) & inside_of(neurites, sites[1])
    corner = np.multiply(neurites.offset, neurites.voxel_size_nm)
    labels, (pre, post) = neurites.read(), (side[inside] - corner for side in sites)
    return labels, _partners(labels, neurites.voxel_size_nm, pre, post)


def _partners(labels: np.ndarray, size_nm: Sequence[float], pre, post) -> Partners:
    ids = np.stack([look_up(labels, places, size_nm) for places in (pre, post)], axis=1)
    return Partners(pre, post, ids)


def try_rules(case: Case, rules: Rules) -> dict[str, float]:
    """F1 of synapses and of partners, and their mean."""
    labels, table = find_synapses(**case.maps, rules=rules)
    scores = {"synapse_f1": one_to_one_from_table(count_pairs(case.truth, labels)).f1}
    if case.partners is not None and "vesicle" in case.maps:
        scores["partner_f1"] = match_partners(_placed(case, table), case.partners).matches.f1
    return {**scores, "score": float(np.mean(list(scores.values())))}


def _placed(case: Case, table: Synapses) -> Partners:
    """The directed synapses of a table among the true neurites."""
    assert case.neurites is not None
    known = table.where(table.directed)
    return _partners(case.neurites, case.maps["voxel_size_nm"], known.pre_nm, known.post_nm)


def with_steepness(case: Case, rules: Rules) -> Rules:
    """The rules with confidences that are as often right as they say, if there is a truth."""
    if case.partners is None or "vesicle" not in case.maps:
        return rules
    _, table = find_synapses(**case.maps, rules=rules)
    known = table.where(table.directed)
    total = (known.vesicles_pre + known.vesicles_post).clip(1)
    asymmetry = (known.vesicles_pre - known.vesicles_post) / total
    right, compared = _directions(case, known)
    if not compared.any():
        return rules
    steepness = fit_steepness(asymmetry[compared], right[compared])
    return dataclasses.replace(rules, steepness=round(steepness, 2))


def _directions(
    case: Case, known: Synapses
) -> tuple[Bool[np.ndarray, " n"], Bool[np.ndarray, " n"]]:
    """Of each row, whether its direction is right, and whether it is a true synapse at all."""
    assert case.partners is not None
    found = _placed(case, known)
    right, compared = np.zeros((2, len(found)), bool)
    for row in range(len(found)):
        alone = Partners(found.pre[[row]], found.post[[row]], found.ids[[row]])
        polarity = compare_polarity(alone, case.partners)
        compared[row], right[row] = polarity.compared > 0, polarity.right > 0
    return right, compared


def fit_steepness(asymmetry: Float64[np.ndarray, " n"], right: Bool[np.ndarray, " n"]) -> float:
    """The likeliest steepness of the confidence 1 / (1 + exp(-steepness * asymmetry)).

    One right and one wrong synapse of mean asymmetry are added (Laplace's rule), so that few that
    are all right are no certainty.
    """
    x = np.append(asymmetry, [asymmetry.mean()] * 2)
    sign = np.append(np.where(right, 1.0, -1.0), [1.0, -1.0])
    found = minimize_scalar(
        lambda steepness: np.logaddexp(0, -sign * x * steepness).sum(),
        bounds=(0, STEEPEST),
        method="bounded",
    )
    return float(found.x)


def _matters(name: str, case: Case) -> bool:
    needed = {"membrane": "membrane", "vesicle": "vesicle", "least_asymmetry": "vesicle"}
    return all(of in case.maps for part, of in needed.items() if part in name)


def unusual(rules: Rules) -> dict[str, Any]:
    """The constants that are not as `Rules` has them."""
    usual = dataclasses.asdict(Rules())
    found = dataclasses.asdict(rules)
    return {name: value for name, value in found.items() if value != usual[name]}
