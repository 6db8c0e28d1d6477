"""What a phantom is made of: every knob of the synthetic tissue and of its imaging."""

import dataclasses


@dataclasses.dataclass(frozen=True)
class Tissue:
    """The neuropil itself.

    Attributes:
        pitch_nm: spacing of the lattice of sites that neurites grow on; about the calibre of an
            axon. Larger makes coarser tissue.
        dendrite_fraction: share of the volume in thick trunks, 0 to 1.
        branching: chance per step that a growing axon puts out a branch, 0 to 1.
        synapses_per_um3: synapses per cubic micrometre (about 1 in mammalian cortex).
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
    mitochondria: float = 0.25
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
        misalignment_nm: typical shift of one section against its neighbours (at most 18 nm).
        dark_sections: share of the sections that come out dark, 0 to 1.
        missing_sections: share of the sections whose image is lost (all 0), 0 to 1.
        defocused_sections: share of the sections with three times the blur, 0 to 1.
    """

    membrane_contrast: float = 0.4
    blur_nm: float = 4.0
    grain: float = 0.05
    noise: float = 0.05
    section_contrast: float = 0.06
    misalignment_nm: float = 5.0
    dark_sections: float = 0.0
    missing_sections: float = 0.0
    defocused_sections: float = 0.0


@dataclasses.dataclass(frozen=True)
class PhantomParameters:
    """One phantom: the same parameters give the same voxels, bit for bit.

    Attributes:
        shape: size (z, y, x) in voxels.
        voxel_size_nm: voxel edge lengths (z, y, x), at most a quarter of the pitch.
        seed: chooses the tissue and the noise.
    """

    shape: tuple[int, int, int] = (64, 512, 512)
    voxel_size_nm: tuple[float, float, float] = (30.0, 6.0, 6.0)
    seed: int = 0
    tissue: Tissue = dataclasses.field(default_factory=Tissue)
    imaging: Imaging = dataclasses.field(default_factory=Imaging)

    def __post_init__(self):
        if len(self.shape) != 3 or min(self.shape) < 1:
            raise ValueError(f"phantom: got shape={self.shape}; needs three sizes (z, y, x) >= 1")
        coarsest = self.tissue.pitch_nm / 4
        if (
            len(self.voxel_size_nm) != 3
            or not 0 < min(self.voxel_size_nm) <= max(self.voxel_size_nm) <= coarsest
        ):
            raise ValueError(
                f"phantom: got voxel_size_nm={self.voxel_size_nm}; needs three edges (z, y, x) in "
                f"(0, {coarsest:g}] nm, a quarter of tissue.pitch_nm={self.tissue.pitch_nm:g}"
            )
        _check_ranges(self.tissue, self.imaging)


def _check_ranges(tissue: Tissue, imaging: Imaging) -> None:
    shares = {
        "tissue.dendrite_fraction": tissue.dendrite_fraction,
        "tissue.branching": tissue.branching,
        "tissue.mitochondria": tissue.mitochondria,
        "imaging.dark_sections": imaging.dark_sections,
        "imaging.missing_sections": imaging.missing_sections,
        "imaging.defocused_sections": imaging.defocused_sections,
    }
    for name, value in shares.items():
        if not 0 <= value <= 1:
            raise ValueError(f"phantom: got {name}={value}; needs a share from 0 to 1")
    if not 0 <= tissue.extracellular_nm <= tissue.pitch_nm / 6:
        raise ValueError(
            f"phantom: got tissue.extracellular_nm={tissue.extracellular_nm}; needs 0 to "
            f"{tissue.pitch_nm / 6:g} nm, a sixth of the pitch, so that thin neurites survive"
        )
    if not 0 <= imaging.misalignment_nm <= 18:
        raise ValueError(
            f"phantom: got imaging.misalignment_nm={imaging.misalignment_nm}; needs 0 to 18 nm, "
            "so that thin neurites still overlap from section to section"
        )
