"""The runs of a sweep: what each was told to do differently, and what came of it."""

import dataclasses
import itertools
import json
import re
from collections.abc import Iterator, Mapping, Sequence
from pathlib import Path
from typing import Any

from hydra.core.override_parser.overrides_parser import OverridesParser
from hydra.core.override_parser.types import Override
from omegaconf import OmegaConf

RECORD = Path(".hydra") / "overrides.yaml"
Value = float | int | None


@dataclasses.dataclass(frozen=True)
class Run:
    """One run.

    Attributes:
        folder: relative to the sweep's; None where the run was never started.
        overrides: key to value, as they were typed.
        figures: name to value of metrics.json, in its order; None where there is none, as the
            run is not finished.
    """

    folder: Path | None
    overrides: Mapping[str, str]
    figures: Mapping[str, Value] | None


def find_runs(folder: Path) -> list[Run]:
    """All runs below a folder, and those that its sweep has not come to yet.

    Raises:
        FileNotFoundError: no such folder, or no run in it.
        ValueError: a file that cannot be read as what it should be.
    """
    if not folder.is_dir():
        raise FileNotFoundError(f"{folder}: there is no such folder")
    found = [_read(folder, path.parent.parent) for path in folder.rglob(str(RECORD))]
    if not found:
        raise FileNotFoundError(
            f"{folder}: got no run; needs folders with {RECORD}, as every run leaves one: "
            "give the folder of a sweep (hydra.sweep.dir, by default multirun/NAME/TIME)"
        )
    found.sort(key=lambda run: _natural(str(run.folder)))
    begun = [run.overrides for run in found]
    return found + [Run(None, o, None) for o in _planned(folder) if o not in begun]


def _read(sweep: Path, folder: Path) -> Run:
    words = OmegaConf.to_container(OmegaConf.load(folder / RECORD))
    assert isinstance(words, list)
    overrides = {key: value for key, _, value in (str(word).partition("=") for word in words)}
    path = folder / "metrics.json"
    figures = read_figures(path) if path.exists() else None
    return Run(folder.relative_to(sweep), overrides, figures)


def read_figures(path: Path) -> dict[str, Value]:
    """The numbers of a metrics.json, by name.

    Raises:
        ValueError: a file that is not one.
    """
    try:
        return dict(_figures(json.loads(path.read_text())))
    except (ValueError, AttributeError, KeyError, TypeError) as error:
        raise ValueError(f"{path}: got no figures ({error!r}); needs what a run writes") from error


def _figures(values: Any, prefix: str = "") -> Iterator[tuple[str, Value]]:
    """Numbers with dotted names, those of an evaluation under their convention."""
    for name, value in values.items():
        if isinstance(value, Mapping):
            yield from _figures(value, f"{prefix}{name}.")
        elif name == "metrics" and isinstance(value, list):
            for metric in value:
                yield from _figures({metric["name"]: metric["value"]}, f"{metric['convention']}.")
        elif value is None or isinstance(value, int | float):
            yield f"{prefix}{name}", value


def _planned(folder: Path) -> list[dict[str, str]]:
    """The overrides of every job of the sweep, by the record that Hydra makes at its start."""
    path = folder / "multirun.yaml"
    if not path.exists():
        return []
    saved = OmegaConf.load(path)
    swept = OmegaConf.select(saved, "hydra.sweeper.params") or {}
    words = [f"{key}={value}" for key, value in swept.items()]
    words += OmegaConf.select(saved, "hydra.overrides.task") or []
    parsed = OverridesParser.create().parse_overrides(words)
    choices = {override.get_key_element(): _choices(override) for override in parsed}
    return [dict(zip(choices, job, strict=True)) for job in itertools.product(*choices.values())]


def _choices(override: Override) -> Sequence[str]:
    if override.is_sweep_override():
        return list(override.sweep_string_iterator())
    return [override.get_value_element_as_str()]


def _natural(name: str) -> list[tuple[int, str]]:
    """A key for sorting by which seed=10 comes after seed=9."""
    parts = re.split(r"(\d+)", name)
    return [(int(part), "") if part.isdigit() else (-1, part) for part in parts]
