"""Scores of a segmentation under the conventions of the field, each by name.

The same pair of volumes can differ by a factor of 3 in adapted Rand error and of 50 in VI between
conventions, so that no score goes without its name.
"""

import dataclasses
import math
from typing import Literal

from ops.metrics.contingency import Contingency
from ops.metrics.information import variation_of_information
from ops.metrics.metric import Metric, Setting
from ops.metrics.overlap import Ignore, overlap_of, scored_pairs
from ops.metrics.rand import (
    Rand,
    rand_as_shipped,
    rand_of_pairs,
    rand_of_singletons,
    rand_of_voxels,
)

RandRule = Literal["as shipped", "singletons", "pairs", "voxels"]


@dataclasses.dataclass(frozen=True)
class Convention:
    """How a code base scores.

    Attributes:
        vi_ignores: voxels left out of VI.
        rand_rule: its formula of the adapted Rand error; "as shipped" and "singletons" leave out
            truth 0 by themselves.
        rand_ignores: voxels left out of the Rand scores.
        cremi_score: whether sqrt(adapted Rand error * VI) is one of its scores.
    """

    vi_ignores: Ignore
    rand_rule: RandRule
    rand_ignores: Ignore
    cremi_score: bool = False


CONVENTIONS = {
    "cremi2016": Convention("truth 0", "as shipped", "truth 0", cremi_score=True),
    "snemi3d_shipped": Convention("truth 0", "as shipped", "truth 0"),
    "snemi3d_fixed": Convention("truth 0", "singletons", "truth 0"),
    "gala": Convention("either 0", "pairs", "nothing"),
    "skimage": Convention("nothing", "pairs", "truth 0"),
    "funlib": Convention("truth 0", "voxels", "truth 0"),
    "elf": Convention("nothing", "voxels", "nothing"),
}
NOTHING_SCORED = "no voxel is scored: the truth is all background there, or the mask is empty"
VALUES = {
    "vi": ("bits", "lower"),
    "vi_split": ("bits", "lower"),
    "vi_merge": ("bits", "lower"),
    "adapted_rand_error": ("", "lower"),
    "rand_precision": ("", "higher"),
    "rand_recall": ("", "higher"),
    "cremi_score": ("", "lower"),
}


def segmentation_values(table: Contingency, convention: str) -> dict[str, float | None]:
    """The scores of a convention, by the names in `VALUES`; None where no voxel is scored.

    Raises:
        ValueError: an unknown convention.
    """
    rule = find_convention(convention)
    names = [name for name in VALUES if rule.cremi_score or name != "cremi_score"]
    values = _information_values(table, rule) | _rand_values(table, rule)
    vi, rand = values.get("vi"), values.get("adapted_rand_error")
    if vi is not None and rand is not None:
        values["cremi_score"] = math.sqrt(rand * vi)
    return {name: values.get(name) for name in names}


def segmentation_metrics(table: Contingency, convention: str) -> tuple[Metric, ...]:
    """The scores of a convention as metrics; missing, with the reason, where none can be had.

    Raises:
        ValueError: an unknown convention.
    """
    rule = find_convention(convention)
    counts = {ignore: _counts(table, ignore) for ignore in (rule.vi_ignores, rule.rand_ignores)}
    return tuple(
        Metric(
            name=name,
            value=value,
            convention=convention,
            unit=VALUES[name][0],
            better="lower" if VALUES[name][1] == "lower" else "higher",
            counts=counts[_ignored_by(name, rule)],
            settings=_settings(name, rule),
            note=NOTHING_SCORED if value is None else "",
        )
        for name, value in segmentation_values(table, convention).items()
    )


def find_convention(name: str) -> Convention:
    """The convention of a name; raises ValueError where there is none."""
    if name not in CONVENTIONS:
        raise ValueError(f"got convention {name!r}; needs one of {', '.join(CONVENTIONS)}")
    return CONVENTIONS[name]


def _information_values(table: Contingency, rule: Convention) -> dict[str, float | None]:
    if not scored_pairs(table, rule.vi_ignores).total:
        return {}
    found = variation_of_information(overlap_of(table, rule.vi_ignores))
    return {"vi": found.total, "vi_split": found.split, "vi_merge": found.merge}


def _rand_values(table: Contingency, rule: Convention) -> dict[str, float | None]:
    if not scored_pairs(table, rule.rand_ignores).total:
        return {}
    found = _rand(table, rule)
    return {
        "adapted_rand_error": found.error,
        "rand_precision": found.precision,
        "rand_recall": found.recall,
    }


def _rand(table: Contingency, rule: Convention) -> Rand:
    match rule.rand_rule:
        case "as shipped":
            return rand_as_shipped(table)
        case "singletons":
            return rand_of_singletons(table)
        case "pairs":
            return rand_of_pairs(overlap_of(table, rule.rand_ignores))
        case "voxels":
            return rand_of_voxels(overlap_of(table, rule.rand_ignores))


def _ignored_by(name: str, rule: Convention) -> Ignore:
    return rule.vi_ignores if name.startswith("vi") else rule.rand_ignores


def _counts(table: Contingency, ignore: Ignore) -> dict[str, int]:
    scored = scored_pairs(table, ignore)
    return {
        "voxels": scored.total,
        "truth_labels": len(scored.truth_sizes()[0]),
        "prediction_labels": len(scored.prediction_sizes()[0]),
    }


def _settings(name: str, rule: Convention) -> dict[str, Setting]:
    if name.startswith("vi"):
        return {"ignored": rule.vi_ignores, "log_base": 2}
    if name == "cremi_score":
        return {"formula": "sqrt(adapted_rand_error * vi)", "ignored": rule.vi_ignores}
    return {"ignored": rule.rand_ignores, "formula": rule.rand_rule}
