"""Scores of a segmentation under the conventions of the field, each by name.

The same pair of volumes can differ by a factor of 3 in adapted Rand error and of 50 in VI between
conventions, so that no score goes without its name.
"""

import dataclasses
import functools
import math
from collections.abc import Sequence
from typing import Literal

from ops.metrics.contingency import Contingency
from ops.metrics.information import variation_of_information
from ops.metrics.metric import Metric, Setting
from ops.metrics.overlap import Ignore, Overlap, overlap_of, scored_pairs
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
NOTHING_SCORED = "no voxel is scored: one side is all background there, or the mask is empty"
VALUES = {
    "vi": ("bits", "lower"),
    "vi_split": ("bits", "lower"),
    "vi_merge": ("bits", "lower"),
    "adapted_rand_error": ("", "lower"),
    "rand_precision": ("", "higher"),
    "rand_recall": ("", "higher"),
    "cremi_score": ("√bits", "lower"),
}


def segmentation_values(table: Contingency, convention: str) -> dict[str, float | None]:
    """The scores of a convention, by the names in `VALUES`; None where no voxel is scored.

    Raises:
        ValueError: an unknown convention.
    """
    return values_by_convention(table, (convention,))[convention]


def values_by_convention(
    table: Contingency, conventions: Sequence[str]
) -> dict[str, dict[str, float | None]]:
    """The scores of several conventions, which share much of the work.

    Raises:
        ValueError: an unknown convention.
    """
    rules = {name: find_convention(name) for name in conventions}
    overlap = functools.cache(functools.partial(_overlap, table))
    information = functools.cache(lambda ignore: _information_values(overlap(ignore)))
    rand = functools.cache(lambda rule, ignore: _rand_values(table, rule, overlap(ignore)))
    values = {}
    for name, rule in rules.items():
        found = information(rule.vi_ignores) | rand(rule.rand_rule, rule.rand_ignores)
        values[name] = _with_cremi_score(found) if rule.cremi_score else found
    return values


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


def _overlap(table: Contingency, ignore: Ignore) -> Overlap | None:
    return overlap_of(table, ignore) if scored_pairs(table, ignore).total else None


def _information_values(overlap: Overlap | None) -> dict[str, float | None]:
    if overlap is None:
        return {"vi": None, "vi_split": None, "vi_merge": None}
    found = variation_of_information(overlap)
    return {"vi": found.total, "vi_split": found.split, "vi_merge": found.merge}


def _rand_values(
    table: Contingency, rule: RandRule, overlap: Overlap | None
) -> dict[str, float | None]:
    if overlap is None:
        return {"adapted_rand_error": None, "rand_precision": None, "rand_recall": None}
    found = _rand(table, rule, overlap)
    return {
        "adapted_rand_error": found.error,
        "rand_precision": found.precision,
        "rand_recall": found.recall,
    }


def _rand(table: Contingency, rule: RandRule, overlap: Overlap) -> Rand:
    match rule:
        case "as shipped":
            return rand_as_shipped(table, overlap)
        case "singletons":
            return rand_of_singletons(table, overlap)
        case "pairs":
            return rand_of_pairs(overlap)
        case "voxels":
            return rand_of_voxels(overlap)


def _with_cremi_score(values: dict[str, float | None]) -> dict[str, float | None]:
    rand, information = values["adapted_rand_error"], values["vi"]
    known = rand is not None and information is not None
    return {**values, "cremi_score": math.sqrt(rand * information) if known else None}


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
