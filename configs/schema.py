"""The typed schema behind every YAML: a wrong key or type fails before anything runs.

Nothing heavy is imported here, so that `--help` and mistakes answer at once. Lists stand for the
tuples of `data`, as YAML has no tuples; all lengths are in nm, all axes (z, y, x).
"""

import dataclasses
import enum

from hydra.core.config_store import ConfigStore
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
class FilesData(Data):
    """A user's own volumes; an empty voxel size or offset is the one that the file states."""

    split: str = "all"
    image: str = MISSING
    labels: str | None = None
    voxel_size_nm: list[float] | None = None
    offset: list[int] | None = None


@dataclasses.dataclass
class PhantomRun:
    """`python -m experiments.phantom`."""

    data: PhantomData = MISSING
    seed: int = 0


@dataclasses.dataclass
class Pair:
    """A row of the contact sheet: a real set and the phantom made to look like it."""

    title: str = MISSING
    real: NamedData = MISSING
    phantom: PhantomData = MISSING


@dataclasses.dataclass
class ContactSheetRun:
    """`python -m experiments.contact_sheet`; rows are drawn in the order of `pairs`."""

    pairs: dict[str, Pair] = MISSING
    output: str = MISSING
    seed: int = 0


class Suite(enum.Enum):
    """What `python -m experiments.benchmark` measures."""

    data = "data"
    all = "all"


@dataclasses.dataclass
class BenchmarkRun:
    """`python -m experiments.benchmark`.

    Attributes:
        phantom: generated for the measurements, at this size.
        root: where AC4 (snemi3d) lies, which is read beside it if it is there.
        crop_shape: of the crops drawn, in voxels.
        batch_size: crops in a batch.
        step_ms: how long a step of the imagined trainer takes.
        rounds: how often each contender runs; they take turns, and the median counts.
    """

    suite: Suite = Suite.data
    phantom: PhantomData = MISSING
    root: str | None = DATA_ROOT
    crop_shape: list[int] = MISSING
    batch_size: int = MISSING
    step_ms: float = MISSING
    rounds: int = MISSING
    seed: int = 0


ENTRY_POINTS = {
    "phantom": PhantomRun,
    "contact_sheet": ContactSheetRun,
    "benchmark": BenchmarkRun,
}
DATA = {"phantom": PhantomData, "named": NamedData, "files": FilesData}


def register() -> None:
    """Makes the schemas known to Hydra; the YAML files name them in their defaults."""
    store = ConfigStore.instance()
    for name, schema in ENTRY_POINTS.items():
        store.store(group="schema", name=name, node=schema)
    for name, schema in DATA.items():
        store.store(group="schema/data", name=name, node=schema)
