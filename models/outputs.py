"""What the channels of a network mean.

A channel is "membrane", "cleft" or "vesicle", or an affinity named by its offset (z, y, x) in
voxels: "affinity(0,-1,0)" is the probability that voxels v and v + (0, -1, 0) are of one neurite,
as `data.targets.affinity_target` draws it.
"""

import re
from collections.abc import Sequence

import numpy as np
from jaxtyping import Shaped

from ops.winograd.geometry import Triple

NAMES = ("membrane", "cleft", "vesicle")
AFFINITY = re.compile(r"affinity\((-?\d+),(-?\d+),(-?\d+)\)")

# Near pairs find borders; far ones tell that two sides of a gap are one neurite, or two, and mend
# what a near pair alone gets wrong (Lee et al. 2017, arXiv:1706.00120). All lie along axes, so that
# every mirror image and swap of axes is in the set as well, and can be averaged over.

# For voxels of about 30x6x6 nm: (-2, 0, 0) bridges a lost section; 9 pixels (54 nm) span two
# membranes and what is between them, 27 (162 nm) most axons.
ANISOTROPIC: tuple[Triple, ...] = (
    *((-1, 0, 0), (0, -1, 0), (0, 0, -1)),
    *((-2, 0, 0), (0, -9, 0), (0, 0, -9)),
    *((0, -27, 0), (0, 0, -27)),
)

# For voxels of about 10 nm: 4 (40 nm) span a pair of membranes, 12 (120 nm) thin neurites.
ISOTROPIC: tuple[Triple, ...] = (
    *((-1, 0, 0), (0, -1, 0), (0, 0, -1)),
    *((-4, 0, 0), (0, -4, 0), (0, 0, -4)),
    *((-12, 0, 0), (0, -12, 0), (0, 0, -12)),
)


def affinity_names(offsets: Sequence[Sequence[int]]) -> tuple[str, ...]:
    """The outputs for these offsets (z, y, x), in voxels."""
    return tuple(f"affinity({z},{y},{x})" for z, y, x in offsets)


def offset_of(output: str) -> Triple | None:
    """The offset (z, y, x) that an output is the affinity at; None for other outputs."""
    found = AFFINITY.fullmatch(output)
    if found is None:
        return None
    z, y, x = (int(number) for number in found.groups())
    return z, y, x


def offsets_of(outputs: Sequence[str]) -> tuple[Triple, ...]:
    """The offsets of those outputs that are affinities, in their order."""
    return tuple(offset for offset in map(offset_of, outputs) if offset is not None)


def boundary_of(
    probabilities: Shaped[np.ndarray, "*place channel"], outputs: Sequence[str]
) -> Shaped[np.ndarray, "*place"]:
    """How much boundary a network's answers, in [0, 1] or 0 to 255, say that a voxel is.

    It is as much as its near pairs in the plane are torn; without affinities, its membrane.

    Raises:
        ValueError: outputs with neither.
    """
    near = [n for n, output in enumerate(outputs) if _near_in_plane(offset_of(output))]
    if near:
        certain = 255 if probabilities.dtype == np.uint8 else 1
        return certain - probabilities[..., near].min(axis=-1)
    if "membrane" not in outputs:
        raise ValueError(f"got outputs {', '.join(outputs)}; needs membranes or affinities")
    return probabilities[..., outputs.index("membrane")]


def _near_in_plane(offset: Triple | None) -> bool:
    return offset is not None and offset[0] == 0 and sum(map(abs, offset)) == 1


def check_outputs(outputs: Sequence[str]) -> None:
    """Raises ValueError unless there are outputs, all known, and no two the same."""
    for output in outputs:
        offset = offset_of(output)
        if output not in NAMES and (offset is None or not any(offset)):
            raise ValueError(
                f"got output {output!r}; needs {', '.join(NAMES)}, or affinity(z,y,x) with an "
                "offset in voxels that is not 0"
            )
        if offset is not None and affinity_names([offset]) != (output,):
            raise ValueError(f"got output {output!r}; needs it written {affinity_names([offset])}")
    if not outputs or len(set(outputs)) < len(outputs):
        raise ValueError(f"got outputs {tuple(outputs)}; needs at least one, and each only once")
