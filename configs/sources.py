"""The schema of what several entry points share: data, and the mirror of a run's record."""

import dataclasses
import enum

from omegaconf import MISSING

DATA_ROOT = "${oc.env:NEUROPIL_DATA,null}"


@dataclasses.dataclass
class Tissue:
    """`data.synthetic.Tissue`."""

    pitch_nm: float = 210.0
    dendrite_fraction: float = 0.4
    branching: float = 0.06
    synapses_per_um3: float = 1.0
    vesicles_per_synapse: float = 120.0
    mitochondria: float = 0.4
    extracellular_nm: float = 0.0
    membrane_nm: float = 20.0
    cleft_nm: float = 40.0


@dataclasses.dataclass
class Imaging:
    """`data.synthetic.Imaging`."""

    membrane_contrast: float = 0.4
    blur_nm: float = 4.0
    grain: float = 0.06
    noise: float = 0.04
    section_contrast: float = 0.08
    misalignment_nm: float = 5.0
    dark_sections: float = 0.0
    missing_sections: float = 0.0
    defocused_sections: float = 0.0


@dataclasses.dataclass
class Data:
    """What `data=` chooses: a name, and which part of it."""

    name: str = MISSING
    split: str = "train"


@dataclasses.dataclass
class PhantomData(Data):
    """Generated tissue: `data.synthetic.PhantomParameters`, less the seed of the run."""

    shape: list[int] = dataclasses.field(default_factory=lambda: [64, 512, 512])
    voxel_size_nm: list[float] = dataclasses.field(default_factory=lambda: [30.0, 6.0, 6.0])
    tissue: Tissue = dataclasses.field(default_factory=Tissue)
    imaging: Imaging = dataclasses.field(default_factory=Imaging)


@dataclasses.dataclass
class NamedData(Data):
    """A dataset of `python -m data.catalog`, under the folder `root`."""

    root: str | None = DATA_ROOT


@dataclasses.dataclass
class DigitsData(NamedData):
    """Digits that drift through a stack: `data.moving_digits`, of those under `root`.

    Attributes:
        shape: of the stack, in voxels.
        count: of the digits.
    """

    shape: list[int] = MISSING
    count: int = MISSING


@dataclasses.dataclass
class FilesData(Data):
    """A user's own volumes; an empty voxel size or offset is the one that the file states."""

    split: str = "all"
    image: str = MISSING
    labels: str | None = None
    voxel_size_nm: list[float] | None = None
    offset: list[int] | None = None


class TrackerMode(enum.Enum):
    """What wandb does with a run: keeps it for `wandb sync`, sends it at once, or nothing."""

    offline = "offline"
    online = "online"
    disabled = "disabled"


@dataclasses.dataclass
class Tracker:
    """The copy of a run's record that wandb gets.

    Attributes:
        mode: `online` needs an account (`wandb login`); the others need no network.
        project: that the run belongs to.
        group: of runs that belong together, such as a sweep.
        tags: to find it by.
    """

    mode: TrackerMode = TrackerMode.offline
    project: str = "neuropil"
    group: str | None = None
    tags: list[str] = dataclasses.field(default_factory=list)
