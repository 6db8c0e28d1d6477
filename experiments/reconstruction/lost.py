"""The sections that a tracking could not see, in words."""

import itertools
from collections.abc import Sequence

from experiments.reconstruction.stages.tracking import FARTHEST

BRIDGED = "bridged, by following regions from the section below to the one above"
LEFT = "not bridged, as they lie side by side or at an end of the stack"


def describe_lost(lost: Sequence[int], depth: int) -> list[str]:
    """A sentence on those that were bridged, and one on the others; none where there are none.

    Args:
        lost: numbers of sections that show nothing, or no region to follow.
        depth: sections of the volume.
    """
    seen = [z for z in range(depth) if z not in set(lost)]
    gaps = (
        range(low + 1, high) for low, high in itertools.pairwise(seen) if high - low <= FARTHEST
    )
    over = [z for gap in gaps for z in gap]
    rest = [z for z in lost if z not in over]
    return [
        f"{'Section' if len(zs) == 1 else 'Sections'} {', '.join(map(str, zs))}: nothing to follow "
        f"there; {how}."
        for zs, how in ((over, BRIDGED), (rest, LEFT))
        if zs
    ]
