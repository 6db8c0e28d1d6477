"""What a network is, as a value: enough to build it again."""

import dataclasses
import json
from typing import Any, Literal, get_args

from flax import nnx

from models.folded import Folded
from models.outputs import check_outputs
from models.shallow import Shallow
from models.unet2d import UNet2d
from models.unet3d import UNet3d

VERSION = 1  # of the JSON; a change of any network's meaning is a new one

Network = Literal["shallow", "folded", "unet2d", "unet3d"]
Dense = Shallow | Folded | UNet2d | UNet3d


@dataclasses.dataclass(frozen=True)
class Architecture:
    """A network, by name and size; hashable.

    Attributes:
        network: "shallow", "folded", "unet2d" or "unet3d", classes of `models`.
        outputs: what its channels mean, see `models.outputs`.
        width: channels of the first level.
        levels: resolutions; of "shallow", steps between taps.
        sections: neighbouring sections that a 2-D network sees, odd; 1 for "unet3d".
        anisotropic_levels: levels of "unet3d" that are pooled in the plane alone; 0 for others.
        prior: probability that all outputs start with, in (0, 1).

    Raises:
        ValueError: unknown names, or a number that the network has no use for.
    """

    network: Network
    outputs: tuple[str, ...]
    width: int
    levels: int
    sections: int = 1
    anisotropic_levels: int = 0
    prior: float = 0.5

    def __post_init__(self):
        if self.network not in get_args(Network):
            known = ", ".join(get_args(Network))
            raise ValueError(f"got network={self.network!r}; needs one of {known}")
        check_outputs(self.outputs)
        unused = "sections" if self.network == "unet3d" else "anisotropic_levels"
        wanted = 1 if self.network == "unet3d" else 0
        if getattr(self, unused) != wanted:
            raise ValueError(
                f"got {unused}={getattr(self, unused)} for {self.network}; needs {wanted}: it has "
                "no use for another"
            )

    def to_json(self) -> str:
        """One line that `from_json` reads."""
        return json.dumps({"version": VERSION, **dataclasses.asdict(self)})


def from_json(text: str) -> Architecture:
    """The architecture that `Architecture.to_json` wrote.

    Raises:
        ValueError: another version, or fields that are unknown, missing or of another type.
    """
    values = json.loads(text)
    if not isinstance(values, dict):
        raise ValueError(f"got {text}; needs a JSON object")
    if values.pop("version", None) != VERSION:
        found = json.loads(text).get("version")
        raise ValueError(f"got an architecture of version {found}; needs {VERSION}")
    fields = {field.name for field in dataclasses.fields(Architecture)}
    for name in sorted(values.keys() ^ fields):
        state = "unknown" if name in values else "missing"
        raise ValueError(f"got an architecture whose field {name!r} is {state}")
    if isinstance(values["outputs"], list):
        values["outputs"] = tuple(values["outputs"])
    for name, value in values.items():
        _check_type(name, value)
    return Architecture(**values)


def check_same(found: Architecture, needed: Architecture, where: str) -> None:
    """Raises ValueError that names `where`, the first field that differs, and both values."""
    for field in dataclasses.fields(Architecture):
        ours, theirs = getattr(needed, field.name), getattr(found, field.name)
        if ours != theirs and field.name != "prior":
            raise ValueError(f"{where}: got {field.name}={theirs!r}; needs {ours!r}")


def build(architecture: Architecture, rngs: nnx.Rngs) -> Dense:
    """The network, with parameters drawn from `rngs.params`.

    Raises:
        ValueError: sizes out of range.
    """
    a, outputs = architecture, len(architecture.outputs)
    common: dict[str, Any] = {"width": a.width, "levels": a.levels, "prior": a.prior, "rngs": rngs}
    match a.network:
        case "shallow":
            return Shallow(outputs, sections=a.sections, **common)
        case "folded":
            return Folded(outputs, sections=a.sections, **common)
        case "unet2d":
            return UNet2d(outputs, sections=a.sections, **common)
        case "unet3d":
            return UNet3d(outputs, anisotropic_levels=a.anisotropic_levels, **common)


def _check_type(name: str, value: Any) -> None:
    kinds = {"network": str, "outputs": tuple, "prior": float}
    kind = kinds.get(name, int)
    strings = name != "outputs" or all(isinstance(output, str) for output in value)
    if type(value) is not kind or not strings:
        needed = "a list of strings" if name == "outputs" else kind.__name__
        raise ValueError(f"got an architecture with {name}={value!r}; needs {needed}")
