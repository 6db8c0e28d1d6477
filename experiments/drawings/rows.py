"""Rows of a stored result, as drawings take them."""

from collections.abc import Sequence
from typing import Any

import numpy as np
from jaxtyping import Float64

from experiments.stored_results import Row


def where(rows: Sequence[Row], **values: Any) -> list[Row]:
    """The rows with all of these values, in their order.

    Raises:
        ValueError: where there is none.
    """
    found = [row for row in rows if all(row.get(name) == value for name, value in values.items())]
    if not found:
        said = ", ".join(f"{name}={value}" for name, value in values.items())
        raise ValueError(f"got no row with {said}; needs one")
    return found


def distinct(rows: Sequence[Row], name: str) -> list[Any]:
    """The values of a column, each once, in the order of the rows."""
    return list(dict.fromkeys(row[name] for row in rows))


def whiskers(rows: Sequence[Row], name: str) -> Float64[np.ndarray, "2 n"]:
    """How far NAME_low and NAME_high lie below and above NAME; 0 where there is no interval.

    An interval by resampling need not hold the value; then its whisker ends at the value.
    """
    ends = [
        (0.0, 0.0)
        if row[f"{name}_low"] is None
        else (row[name] - row[f"{name}_low"], row[f"{name}_high"] - row[name])
        for row in rows
    ]
    return np.maximum(np.array(ends, np.float64).reshape(-1, 2).T, 0.0)
