"""What a network should answer, from the labels of crops."""

from collections.abc import Mapping, Sequence

import numpy as np
from jaxtyping import Float32, Shaped

from data.targets import affinity_mask, affinity_target
from models.outputs import offsets_of

KINDS = {"membrane": "membrane", "cleft": "clefts", "vesicle": "vesicles"}  # output: its labels

Crops = Mapping[str, Shaped[np.ndarray, "batch _ y x"]]
Answers = Float32[np.ndarray, "batch z y x c"]


def kinds_of(outputs: Sequence[str]) -> tuple[str, ...]:
    """The kinds of labels that the outputs of a network are made from."""
    named = [KINDS[name] for name in outputs if name in KINDS]
    return (*named, "neurites") if offsets_of(outputs) else tuple(named)


def targets_of(crops: Crops, outputs: Sequence[str], margin: int = 0) -> tuple[Answers, Answers]:
    """Targets and where they are known, one channel for each output.

    Args:
        crops: layers by name, after augmentation.
        outputs: of the network.
        margin: sections at both ends of a crop that lend context alone: left out.
    """
    shape = next(iter(crops.values())).shape
    known = crops.get("known", np.ones(shape, np.uint8)).astype(bool)
    offsets, pairs = offsets_of(outputs), []
    near = [affinity_target(np.asarray(c), offsets) for c in crops["neurites"]] if offsets else []
    sure = [affinity_mask(k, offsets) for k in known] if offsets else []
    for name in outputs:
        if name in KINDS:
            pairs.append((crops[KINDS[name]], known))
        else:
            channel = len(pairs) - sum(output in KINDS for output in outputs[: len(pairs)])
            pairs.append(([a[..., channel] for a in near], [m[..., channel] for m in sure]))
    targets, masks = zip(*pairs, strict=True)
    inner = slice(margin, shape[1] - margin)
    return _stacked(targets)[:, inner], _stacked(masks)[:, inner]


def _stacked(channels: Sequence) -> Answers:
    return np.stack([np.asarray(channel, np.float32) for channel in channels], axis=-1)
