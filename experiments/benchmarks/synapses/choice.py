"""How the constants of every method are chosen: by one procedure, on a part that is not scored."""

import dataclasses
from collections.abc import Callable, Mapping, Sequence
from typing import Any, TypeVar

ROUNDS = 2

Settings = TypeVar("Settings")  # a frozen dataclass


def choose(
    start: Settings,
    options: Mapping[str, Sequence[Any]],
    score: Callable[[Settings], tuple[float, ...]],
) -> tuple[Settings, tuple[float, ...]]:
    """Constants with a high score, found by one constant at a time; and that score.

    Each constant in turn is set to the best of its options while the others stay, twice through
    all of them. Of several that are best it is the middle one, as that is the farthest from
    where the score drops.

    Args:
        start: of the constants; those without options keep these values.
        options: of each constant, in the order in which they are chosen, each in its own order.
        score: the greater, the better; compared from the first number on.
    """
    scores: dict[Settings, tuple[float, ...]] = {}
    best = start
    for name, values in [*options.items()] * ROUNDS:
        tried = [dataclasses.replace(best, **{name: value}) for value in values]  # ty: ignore
        for settings in tried:
            if settings not in scores:
                scores[settings] = score(settings)
        highest = max(scores[settings] for settings in tried)
        tied = [settings for settings in tried if scores[settings] == highest]
        best = tied[len(tied) // 2]
    return best, scores[best] if best in scores else score(best)
