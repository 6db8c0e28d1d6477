"""What a phantom is made of: every knob of the synthetic tissue and of its imaging."""

import dataclasses
import math

MOST_CELL_VOXELS = 2_000_000
SHARES = (
    "tissue.dendrite_fraction",
    "tissue.branching",
    "tissue.mitochondria",
    "imaging.dark_sections",
    "imaging.missing_sections",
    "imaging.defocused_sections",
)


@dataclasses.dataclass(frozen=True)
class Tissue:
    """The neuropil itself.

    Attributes:
        pitch_nm: spacing of the lattice of sites that neurites grow on; about the calibre of an
            axon. Larger makes coarser tissue.
        dendrite_fraction: share of the volume in thick trunks, 0 to 1.
        branching: chance per step that a growing axon puts out a branch, 0 to 1.
        synapses_per_um3: synapses wanted per cubic micrometre (about 1 in mammalian cortex);
            crowded tissue has room for fewer, as they lie at least 300 nm apart.
        vesicles_per_synapse: mean number of vesicles in a presynaptic cloud.
        mitochondria: share of the neurite steps wide enough for one that hold one, 0 to 1.
        extracellular_nm: width of the extracellular gap between neurites; 0 closes it.
        membrane_nm: width of the membrane between two neurites, as its truth counts it.
        cleft_nm: width of the electron-dense band of a synapse, as its truth counts it.
    """

    pitch_nm: float = 210.0
    dendrite_fraction: float = 0.4
    branching: float = 0.06
    synapses_per_um3: float = 1.0
    vesicles_per_synapse: float = 120.0
    mitochondria: float = 0.4
    extracellular_nm: float = 0.0
    membrane_nm: float = 20.0
    cleft_nm: float = 40.0


@dataclasses.dataclass(frozen=True)
class Imaging:
    """How the microscope saw it; all intensities are fractions of full scale.

    Attributes:
        membrane_contrast: darkness of a membrane seen edge-on and unblurred.
        blur_nm: standard deviation of the point spread in the section plane.
        grain: amplitude of the cytoplasm's texture.
        noise: standard deviation of the white noise of a voxel.
        section_contrast: spread of brightness and contrast from section to section.
        misalignment_nm: typical shift of one section against its neighbours.
        dark_sections: share of the sections that come out dark, 0 to 1.
        missing_sections: share of the sections whose image is lost (all 0), 0 to 1.
        defocused_sections: share of the sections with three times the blur, 0 to 1.
    """

    membrane_contrast: float = 0.4
    blur_nm: float = 4.0
    grain: float = 0.06
    noise: float = 0.04
    section_contrast: float = 0.08
    misalignment_nm: float = 5.0
    dark_sections: float = 0.0
    missing_sections: float = 0.0
    defocused_sections: float = 0.0


@dataclasses.dataclass(frozen=True)
class PhantomParameters:
    """One phantom: the same parameters give the same voxels, bit for bit.

    Attributes:
        shape: size (z, y, x) in voxels.
        voxel_size_nm: voxel edge lengths (z, y, x), at most a third of the pitch.
        seed: chooses the tissue and the noise; 0 or more.

    Raises:
        ValueError: on a number out of range; says what is needed.
    """

    shape: tuple[int, int, int] = (64, 512, 512)
    voxel_size_nm: tuple[float, float, float] = (30.0, 6.0, 6.0)
    seed: int = 0
    tissue: Tissue = dataclasses.field(default_factory=Tissue)
    imaging: Imaging = dataclasses.field(default_factory=Imaging)

    def __post_init__(self):
        for name, values in (
            ("shape", self.shape),
            ("voxel_size_nm", self.voxel_size_nm),
            ("seed", (self.seed,)),
            *((f"tissue.{k}", (v,)) for k, v in dataclasses.asdict(self.tissue).items()),
            *((f"imaging.{k}", (v,)) for k, v in dataclasses.asdict(self.imaging).items()),
        ):
            if not all(math.isfinite(value) and value >= 0 for value in values):
                raise ValueError(f"phantom: got {name}={values}; needs numbers >= 0")
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"phantom: got shape={self.shape}; needs three sizes (z, y, x) >= 1")
        if self.seed >= 2**31 - 64:  # noise counts on from it in 32 bits
            raise ValueError(f"phantom: got seed={self.seed}; needs one below {2**31 - 64}")
        for share in SHARES:
            group, name = share.split(".")
            if getattr(getattr(self, group), name) > 1:
                raise ValueError(f"phantom: got {share} above 1; needs a share from 0 to 1")
        self._check_scale()

    def _check_scale(self) -> None:
        pitch, voxel = self.tissue.pitch_nm, self.voxel_size_nm
        if len(voxel) != 3 or not 0 < min(voxel) <= max(voxel) <= pitch / 3:
            raise ValueError(
                f"phantom: got voxel_size_nm={voxel}; needs three edges (z, y, x) in "
                f"(0, {pitch / 3:g}] nm, a third of tissue.pitch_nm={pitch:g}"
            )
        if pitch**3 > MOST_CELL_VOXELS * math.prod(voxel):
            raise ValueError(
                f"phantom: got voxel_size_nm={voxel}; needs larger voxels: a cell of "
                f"tissue.pitch_nm={pitch:g} would have more than {MOST_CELL_VOXELS} of them"
            )
        if self.clearance_nm > pitch / 4:
            raise ValueError(
                f"phantom: neurites would need necks of {self.clearance_nm:.0f} nm radius to stay "
                f"connected; needs at most {pitch / 4:g} nm, a quarter of tissue.pitch_nm: take "
                "smaller voxels, less imaging.misalignment_nm or tissue.extracellular_nm, or a "
                "larger pitch"
            )

    @property
    def clearance_nm(self) -> float:
        """Least radius in nm of a neck that stays connected once cut into voxels and sections."""
        half_voxel = 0.5 * math.hypot(*self.voxel_size_nm)
        shifts = 1.5 * self.imaging.misalignment_nm
        return half_voxel + 4 + shifts + self.tissue.extracellular_nm / 2
