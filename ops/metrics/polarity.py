"""Whether connections go the right way."""

import dataclasses

from ops.metrics.metric import Metric, Setting


@dataclasses.dataclass(frozen=True)
class Polarity:
    """In how many of the connections compared the direction is right."""

    right: int
    compared: int

    @property
    def accuracy(self) -> float:
        """The share, in [0, 1].

        Raises:
            ValueError: if nothing was compared.
        """
        if self.compared == 0:
            raise ValueError("got no matched connection whose direction could be compared")
        return self.right / self.compared


def polarity_metric(
    polarity: Polarity, name: str, convention: str, settings: dict[str, Setting]
) -> Metric:
    """The accuracy as a metric, without a value if nothing was compared."""
    return Metric(
        name=name,
        value=polarity.accuracy if polarity.compared else None,
        convention=convention,
        better="higher",
        counts={"right": polarity.right, "compared": polarity.compared},
        settings=settings,
        note="" if polarity.compared else "no matched connection whose direction can be compared",
    )
