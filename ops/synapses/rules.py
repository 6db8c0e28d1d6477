"""What makes a synapse: the constants of the rules that combine clefts, membranes and vesicles."""

import dataclasses
import math

PROBABILITIES = ("cleft_probability", "membrane_probability", "vesicle_probability")
SHARES = ("least_partner_share", "least_asymmetry")


@dataclasses.dataclass(frozen=True)
class Rules:
    """Constants, in nm and shares; they suit vertebrate tissue in sections of about 30 nm.

    The idea is that of Santurkar et al., "Toward Streaming Synapse Detection with Compositional
    ConvNets", arXiv:1702.07386: a synapse is a cleft along a membrane with vesicles on one side.
    The paper publishes no constants; the limits of size follow the grid of VESICLE (Roncal et
    al., arXiv:1403.3724), and `experiments.calibrate` chooses all of them anew.

    Attributes:
        cleft_probability: from which a voxel may be cleft.
        least_section_nm2, most_section_nm2: area of a 4-connected part within a section.
        least_nm3: volume of a synapse.
        least_sections: in which it is seen.
        longest_nm: edge of the box around 18-connected voxels that may be cleft; what is longer is
            no synapse. It bounds how far one has to look.
        membrane_probability: from which a voxel is membrane.
        membrane_distance_nm: between a voxel of cleft and the nearest of membrane, at most.
        shell_nm: how far from the cleft segments are its partners.
        least_partner_share: of the shell, that a partner fills.
        partners: "one" on the other side of a synapse, or "several", as in flies.
        vesicle_probability: from which a voxel is vesicle.
        vesicle_reach_nm: how far from the cleft vesicles speak for it.
        least_vesicles_nm3: volume of the vesicles on the presynaptic side.
        least_asymmetry: (a - b) / (a + b) of the two sides with the most vesicles.
        steepness: of the confidence 1 / (1 + exp(-steepness * asymmetry)) in the direction.

    Raises:
        ValueError: a number out of range; says what is needed.
    """

    cleft_probability: int | float = 0.5
    least_section_nm2: int | float = 500.0
    most_section_nm2: int | float = 360_000.0
    least_nm3: int | float = 300_000.0
    least_sections: int = 1
    longest_nm: int | float = 3000.0
    membrane_probability: int | float = 0.5
    membrane_distance_nm: int | float = 30.0
    shell_nm: int | float = 50.0
    least_partner_share: int | float = 0.1
    partners: str = "one"
    vesicle_probability: int | float = 0.5
    vesicle_reach_nm: int | float = 300.0
    least_vesicles_nm3: int | float = 100_000.0
    least_asymmetry: int | float = 0.0
    steepness: int | float = 6.0

    def __post_init__(self) -> None:
        values = dataclasses.asdict(self)
        if values.pop("partners") not in ("one", "several"):
            raise ValueError(f"got partners={self.partners!r}; needs 'one' or 'several'")
        for name, value in values.items():
            if not (math.isfinite(value) and value >= 0):
                raise ValueError(f"got {name}={value}; needs a finite number >= 0")
            if name in PROBABILITIES and not 0 < value <= 1:
                raise ValueError(f"got {name}={value}; needs a probability in (0, 1]")
            if name in SHARES and value > 1:
                raise ValueError(f"got {name}={value}; needs a share in [0, 1]")
        if self.least_section_nm2 > self.most_section_nm2:
            raise ValueError(
                f"got least_section_nm2={self.least_section_nm2} above most_section_nm2="
                f"{self.most_section_nm2}; needs the least below the most"
            )

    @property
    def reach_nm(self) -> float:
        """How far around a cleft the rules look."""
        return float(max(self.shell_nm, self.vesicle_reach_nm, self.membrane_distance_nm))
