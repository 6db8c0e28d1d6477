"""What an earlier run left in a folder, so that a sweep can go on where it stopped.

`.hydra/` cannot tell: Hydra writes it anew before a run may look. So `config.json` is compared.
"""

import enum
import json
from collections.abc import Mapping
from pathlib import Path
from typing import Any

CONFIG, FINAL = "config.json", "metrics.json"
WITHOUT_EFFECT = ("resume", "tracker")  # keys of a config that change no result


def already_done(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the folder holds the finished run of this config, which need not be run again.

    Raises:
        ValueError: it holds that of another one, which would be lost.
    """
    return (folder / FINAL).exists() and already_begun(folder, config)


def already_begun(folder: Path, config: Mapping[str, Any]) -> bool:
    """Whether the folder holds a run of this config, whose checkpoints it may go on from.

    Raises:
        ValueError: it holds that of another one, which would be lost.
    """
    if not (folder / CONFIG).exists():
        return False
    found, wanted = _leaves(json.loads((folder / CONFIG).read_text())), _leaves(plain(config))
    different = [
        f"{key}={found.get(key)} (now {wanted.get(key)})"
        for key in sorted(found.keys() | wanted.keys())
        if key.split(".")[0] not in WITHOUT_EFFECT and found.get(key) != wanted.get(key)
    ]
    if different:
        raise ValueError(
            f"{folder}: got a run with {', '.join(different)}; needs one of the same config: "
            "choose another folder (hydra.run.dir=..., hydra.sweep.dir=...), or delete that one"
        )
    return True


def plain(config: Mapping[str, Any]) -> dict[str, Any]:
    """A config as JSON has it: lists for tuples, names for members of an enum."""
    return json.loads(json.dumps(config, default=_plain_value))


def _plain_value(value: object) -> str:
    if isinstance(value, enum.Enum):
        return value.name
    raise TypeError(f"got {value!r} in a config; needs plain values")


def _leaves(config: Mapping[str, Any], prefix: str = "") -> dict[str, Any]:
    """Dotted key to value."""
    leaves: dict[str, Any] = {}
    for key, value in config.items():
        if isinstance(value, Mapping) and value:
            leaves |= _leaves(value, f"{prefix}{key}.")
        else:
            leaves[f"{prefix}{key}"] = value
    return leaves
